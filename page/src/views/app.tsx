// The whole page.

import { useEffect, useRef } from "preact/hooks";
import * as store from "../model/store";
import type { View } from "../model/url";
import { Banners } from "./banners";
import { Differences } from "./differences";
import { Header } from "./header";
import { Login } from "./login";
import { Nodes } from "./nodes";
import { Projects } from "./projects";
import { Space } from "./space";
import { Strip } from "./strip";
import { Table } from "./table";
import { Toolbar } from "./toolbar";

const TITLES: Record<View, string> = {
  images: "Images", projects: "Projects", nodes: "Nodes", space: "What takes the space", differences: "Differences",
};
const VIEWS = { images: Table, projects: Projects, nodes: Nodes, space: Space, differences: Differences };

function Tabs() {
  const { view } = store.location.value;
  const current = useRef<HTMLButtonElement>(null);
  // On a phone the tabs are wider than the screen. Only they move: `scrollIntoView` would take the page along.
  useEffect(() => {
    const tabs = current.current?.parentElement;
    if (!current.current || !tabs) return;
    const [tab, strip] = [current.current.getBoundingClientRect(), tabs.getBoundingClientRect()];
    tabs.scrollLeft += Math.min(0, tab.left - strip.left) + Math.max(0, tab.right - strip.right);
  }, [view]);
  return (
    <nav class="tabs" aria-label="Views">
      {(Object.keys(TITLES) as View[]).map((name) => (
        <button type="button" key={name} ref={view === name ? current : null} aria-current={view === name ? "page" : undefined} onClick={() => store.view(name)}>{TITLES[name]}</button>
      ))}
    </nav>
  );
}

/** Moves the focus out of the details that close now: to their row, or to the table where the row goes as well. */
function giveFocusBack(target: HTMLElement): void {
  if (!target.closest(".details")) return;
  const row = target.closest(".item")?.querySelector<HTMLElement>(".open");
  (row ?? document.querySelector<HTMLElement>(".tbody .open[tabindex='0']"))?.focus();
}

/** `/` leads to the search, and Escape out of the open row, from wherever one is. */
function useShortcuts(): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement;
      const isTyping = target.matches("input, select, textarea");
      if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key === "/" && !isTyping) {
        event.preventDefault();
        const search = document.getElementById("search") as HTMLInputElement | null;
        search?.focus();
        search?.select();
      } else if (event.key === "Escape" && !isTyping && store.location.value.open) {
        giveFocusBack(target);
        store.open(store.location.value.open);
      } else if (event.key === "ArrowDown" && target.id === "search") {
        event.preventDefault();
        document.querySelector<HTMLElement>(".tbody .open[tabindex='0']")?.focus();
      }
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
}

export function App() {
  useShortcuts();
  const { view } = store.location.value;
  const View = VIEWS[view];
  return (
    <>
      {!store.needsLogin.value && <a class="skip" href="#content">Skip to the images</a>}
      <Header />
      {store.needsLogin.value ? <Login /> : (
        <>
          <Strip />
          <Tabs />
          <Toolbar />
          <Banners />
          <main id="content" tabIndex={-1}><View /></main>
        </>
      )}
      <p class="unseen" role="status" aria-live="polite">{store.announcement.value}</p>
    </>
  );
}
