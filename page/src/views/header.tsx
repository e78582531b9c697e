// The head of the page: what this is, how each source is, how old the rows are, and the theme.

import { useState } from "preact/hooks";
import { age, count, instantText, plural, visible } from "../model/text";
import type { Node, Registry, State } from "../model/types";
import { hasRows } from "../model/summary";
import * as store from "../model/store";
import { AUTO, Icon, MOON, REFRESH, SUN } from "../parts/icon";

const SAYS: Record<State, string> = {
  answered: "answered", stale: "old rows", unreachable: "does not answer", denied: "refused", waiting: "being read",
  failed: "failed", off: "off",
};

const tone = (state: State): string =>
  state === "answered" ? "good" : state === "waiting" || state === "off" ? "info" : state === "stale" ? "warn" : "bad";

function Source({ name, state, seconds, detail, says }: {
  name: string; state: State; seconds: number | null; detail: string; says?: string;
}) {
  const old = seconds === null ? "" : `${age(seconds + store.sinceAnswer.value)} old`;
  const words = says ?? (state === "answered" ? "" : ` ${SAYS[state] ?? state}${state === "stale" && old ? `, ${old}` : ""}`);
  return (
    <span class={`source ${tone(state)}`} title={[detail, SAYS[state] ?? state, old].filter(Boolean).join(", ")}>
      <span class="dot" aria-hidden="true" />
      <bdi>{name}</bdi>
      <span class="words">{words}</span>
      {state === "answered" && <span class="unseen"> {SAYS.answered}</span>}
    </span>
  );
}

function Nodes({ nodes }: { nodes: Node[] }) {
  const [only] = nodes;
  if (nodes.length === 1 && only) {
    return <Source name={store.label(only.name)} state={only.state} seconds={only.age_seconds ?? null} detail="the node" />;
  }
  const answered = nodes.filter((node) => node.state === "answered").length;
  const worst = nodes.find((node) => node.state !== "answered");
  const words = answered === nodes.length ? plural(nodes.length, "node") : `${count(answered)} of ${plural(nodes.length, "node")}`;
  return <Source name={words} state={worst ? "stale" : "answered"} seconds={null} detail={worst ? `${visible(worst.name)}: ${SAYS[worst.state] ?? worst.state}` : ""} says={worst ? " answered" : ""} />;
}

function Harbor({ registry }: { registry: Registry }) {
  const host = (registry.url ?? "Harbor").replace(/^https?:\/\//, "").replace(/\/$/, "");
  const version = registry.version?.replace(/^v/, "").split(/[-+]/)[0]?.split(".").slice(0, 2).join(".") ?? "";
  const name = store.settings.value.labels[host] ?? host;
  return <Source name={`${visible(name)}${version ? ` ${version}` : ""}`} state={registry.state}
    seconds={registry.age_seconds ?? null} detail={`Harbor ${registry.version ?? ""} at ${registry.url ?? ""}`} />;
}

function Freshness() {
  const head = store.inventory.value;
  const ages = head ? [...head.nodes, ...(head.registry ? [head.registry] : [])].filter(hasRows).map((source) => source.age_seconds ?? 0) : [];
  const seconds = Math.max(0, ...ages) + store.sinceAnswer.value;
  const each = [...(head?.nodes ?? []), ...(head?.registry ? [{ ...head.registry, name: "Harbor" }] : [])]
    .filter((source) => hasRows(source) && typeof source.age_seconds === "number")
    .map((source) => `${visible(source.name)}: ${age((source.age_seconds ?? 0) + store.sinceAnswer.value)}`);
  // On paper an age says nothing.
  const asOf = store.printing.value ? instantText(new Date(store.now.value - seconds * 1000).toISOString()) : `${age(seconds)} ago`;
  const busy = store.asking.value === "refresh";
  return (
    <span class="freshness">
      <span class={`pill ${store.failure.value ? "warn" : ""}`} title={each.length > 0 ? `The age of each source: ${each.slice(0, 12).join(", ")}${each.length > 12 ? " …" : ""}` : "No source has rows"}>
        {!head ? "not read yet" : ages.length > 0 ? `as of ${asOf}` : "no answer yet"}
      </span>
      <button type="button" class={`round ${busy ? "busy" : ""}`} aria-label="Read the sources again" title="Read the sources again"
        onClick={() => void store.refresh(true)}><Icon path={REFRESH} /></button>
    </span>
  );
}

const THEMES = { system: AUTO, light: SUN, dark: MOON };
type Theme = keyof typeof THEMES;
const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };

function ThemeSwitch() {
  const [theme, choose] = useState<Theme>((document.documentElement.dataset.theme as Theme | undefined) ?? "system");
  const turn = (): void => {
    const next = NEXT[theme];
    choose(next);
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      if (next === "system") localStorage.removeItem("theme");
      else localStorage.setItem("theme", next);
    } catch {
      // The choice lasts as long as the page.
    }
  };
  const words = `Theme: ${theme}. Change to ${NEXT[theme]}.`;
  return <button type="button" class="round" aria-label={words} title={words} onClick={turn}><Icon path={THEMES[theme]} /></button>;
}

export function Header() {
  // Before a login, or after its end, nothing is known of the sources, and there is nothing to log out of.
  const isIn = !store.needsLogin.value;
  const head = isIn ? store.inventory.value : null;
  const { title, subtitle } = store.settings.value;
  return (
    <header class="head">
      <h1><a href="./" onClick={(event) => { event.preventDefault(); store.clear(); store.view("images"); }}>{title}</a>
        {subtitle && <span class="subtitle">{subtitle}</span>}</h1>
      <div class="sources">
        {head && head.nodes.length > 0 && <Nodes nodes={head.nodes} />}
        {head?.registry && <Harbor registry={head.registry} />}
      </div>
      <div class="tools">
        {isIn && <Freshness />}
        <ThemeSwitch />
        {isIn && store.loggedIn.value && <button type="button" class="plain-button" onClick={() => void store.logout()}>Log out</button>}
      </div>
    </header>
  );
}
