// The table: as many rows as stand in the window, of as many as there are.

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { count, plural } from "../model/text";
import { isNothingKnown, missingSources } from "../model/summary";
import type { Image } from "../model/types";
import type { Sort } from "../model/url";
import * as store from "../model/store";
import * as url from "../model/url";
import { ARROW, Icon } from "../parts/icon";
import { useVirtualRows } from "../parts/use-virtual-rows";
import { Row } from "./row";
import { LinkedRow } from "./linked-row";

const ROW = 40;
const CARD = 76;

const COLUMNS: { sort: Sort | null; title: string; class: string; down?: boolean }[] = [
  { sort: "verdict", title: "State", class: "c-state" },
  { sort: "name", title: "Image", class: "c-image" },
  { sort: "digest", title: "Digest", class: "c-digest" },
  { sort: "size", title: "Size", class: "c-size", down: true },
  { sort: "nodes", title: "Nodes", class: "c-nodes", down: true },
  { sort: "pushed", title: "In Harbor", class: "c-harbor", down: true },
  { sort: null, title: "", class: "c-copy" },
];

function Head() {
  const { query } = store.location.value;
  return (
    <div role="rowgroup" class="thead">
      <div role="row" class="row titles" aria-rowindex={1}>
        {COLUMNS.map(({ sort, title, class: name, down }) => {
          if (!sort) return <div role="columnheader" class={name} key={name}><span class="unseen">Copy</span></div>;
          const sorted = query.sort === sort;
          const order = sorted ? (query.descending ? "descending" : "ascending") : "none";
          return (
            <div role="columnheader" class={name} key={name} aria-sort={order}>
              <button type="button" onClick={() => store.change({ sort, descending: sorted ? !query.descending : down === true })}>
                {title}<span class={`arrow ${order}`}><Icon path={ARROW} /></span>
              </button>
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** Bars in place of rows that are not there yet: nothing moves when they come. */
const Skeleton = ({ rows }: { rows: number }) => (
  <>{Array.from({ length: rows }, (_, row) => (
    <div class="row skeleton" aria-hidden="true" key={row}>
      {COLUMNS.map(({ class: name }) => <div class={name} key={name}><span class={`bone b${(row * 7 + name.length) % 4}`} /></div>)}
    </div>
  ))}</>
);

function Empty() {
  const { query } = store.location.value;
  const narrowed = url.isNarrowed(query);
  const head = store.inventory.value;
  const silent = head && missingSources(head, store.label);
  const some = query.verdicts.length > 0 && Object.values(head?.counts ?? {}).some((number) => number > 0);
  return (
    <div class="empty">
      <p><strong>{head && isNothingKnown(head) ? "No image is known." : narrowed ? "No image matches." : "There are no images."}</strong></p>
      <p>{silent ? `${silent}, so there may be images that are not shown. The notices above say why.`
        : some ? "None has the verdict that is chosen; others do."
        : narrowed ? "All words and filters must match."
          : "The node has none and Harbor shows none. If you expect some, look at the notices above and run image-service check."}</p>
      {narrowed && <button type="button" onClick={store.clear}>Show all images</button>}
    </div>
  );
}

/** The arrow keys move, Enter opens (it is a button); Escape closes, from wherever one is (app.tsx). */
function keys(event: KeyboardEvent, index: number, rows: number, focus: (index: number) => void): void {
  const { altKey, ctrlKey, metaKey, key } = event;
  if (altKey || ctrlKey || metaKey) return;
  const to = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: rows - 1, PageDown: index + 10, PageUp: index - 10 }[key];
  if (to !== undefined) {
    event.preventDefault();
    if (to < 0 && key === "ArrowUp") document.getElementById("search")?.focus();
    else focus(Math.min(rows - 1, Math.max(0, to)));
  }
}

/** Where the open row of the URL stands; a link that a person wrote may have the reference only. -1 where it is not there. */
function indexOfOpen(rows: Image[], open: string): number {
  if (!open) return -1;
  const exact = rows.findIndex((image) => store.keyOf(image) === open);
  return exact < 0 ? rows.findIndex((image) => image.reference === open) : exact;
}

export function Table() {
  const rows = store.rows.value;
  const head = store.inventory.value;
  const body = useRef<HTMLDivElement>(null);
  const table = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [active, activate] = useState(0);
  const wanted = useRef<number | null>(null);
  const cards = window.matchMedia("(max-width: 760px)").matches;
  const virtual = useVirtualRows({
    count: rows.length, estimate: cards ? CARD : ROW, top, sticky: cards ? 0 : ROW,
    keyAt: (index) => `${rows[index] ? store.keyOf(rows[index]) : index}`,
  });
  useLayoutEffect(() => {
    const element = body.current;
    if (element) {
      const offset = Math.round(element.getBoundingClientRect().top + window.scrollY);
      if (Math.abs(offset - top) > 1) setTop(offset);
    }
  });
  // Another question, or another order, begins at its beginning.
  const asked = url.queryParameters(store.location.value.query).toString();
  const before = useRef(asked);
  useLayoutEffect(() => {
    if (before.current === asked) return;
    before.current = asked;
    activate(0);
    const above = table.current?.getBoundingClientRect().top ?? 0;
    if (above < 0) window.scrollTo(0, window.scrollY + above);
  }, [asked]);
  const last = virtual.items.at(-1)?.index ?? 0;
  useLayoutEffect(() => {
    if (head?.next && last >= rows.length - 60) void store.loadMore();
  }, [last, rows.length, head?.next]);
  useLayoutEffect(() => {
    if (wanted.current === null) return;
    const button = body.current?.querySelector<HTMLElement>(`[data-index="${wanted.current}"] .open`);
    if (button) {
      wanted.current = null;
      button.focus({ preventScroll: true });
    }
  });
  const focus = (index: number): void => {
    wanted.current = index;
    activate(index);
    virtual.scrollTo(index);
  };
  const printing = store.printing.value;
  const items: { index: number }[] = printing ? rows.map((_, index) => ({ index })) : virtual.items;
  const first = virtual.items[0];
  const above = first ? first.start - top : 0;
  const end = virtual.items.at(-1);
  const after = end ? Math.max(0, virtual.size - (end.end - top)) : 0;
  const words = store.location.value.query.q.toLowerCase().split(/\s+/).filter(Boolean);
  const { open } = store.location.value;
  const opened = useMemo(() => indexOfOpen(rows, open), [rows, open]);
  // A link that somebody sent leads to its row, where the window has no room for its details.
  const isLed = useRef(false);
  useLayoutEffect(() => {
    if (isLed.current || top === 0 || rows.length === 0) return;
    isLed.current = true;
    if (opened >= 0 && top + opened * (cards ? CARD : ROW) > window.innerHeight / 2) virtual.scrollToTop(opened);
  });
  const nodes = head?.nodes.filter((node) => node.state === "answered" || node.state === "stale").length ?? 0;
  const current = Math.min(active, Math.max(0, rows.length - 1));
  // The row in the tab order has to be one that stands in the window.
  const reachable = virtual.items.some((item) => item.index === current) ? current : (first?.index ?? 0);
  if (!head && store.failure.value) return null;
  return (
    <>
      {printing && head?.next && (
        <p class="note above"><strong>Not all images are printed.</strong> These are the first {count(rows.length)} of {plural(head.total, "image")}: those that the page had
          read. Scroll on before you print, or take the CSV, to have all.</p>
      )}
      <div role="table" class="table" ref={table} aria-label="Images" aria-rowcount={(head?.total ?? rows.length) + 1} aria-busy={store.asking.value === "rows"}>
        <Head />
        <LinkedRow words={words} nodes={nodes} />
        <div role="rowgroup" class="tbody" ref={body}>
          {!head && <Skeleton rows={12} />}
          {!printing && <div class="space" style={{ height: `${above}px` }} />}
          {items.map((item) => {
            const image = rows[item.index];
            if (!image) return null;
            const key = store.keyOf(image);
            return (
              <div key={key} class="item" role="presentation" data-index={item.index} ref={printing ? null : virtual.measure}
                onKeyDown={(event) => keys(event, item.index, rows.length, focus)} onFocusCapture={() => activate(item.index)}>
                <Row image={image} id={key} words={words} nodes={nodes} position={item.index + 2}
                  isOpen={item.index === opened}
                  reachable={item.index === reachable} />
              </div>
            );
          })}
          {!printing && <div class="space" style={{ height: `${after}px` }} />}
          {head?.next && !printing && <Skeleton rows={3} />}
        </div>
      </div>
      {head && rows.length === 0 && <Empty />}
      {head && rows.length > 0 && (
        <p class="foot">{head.next ? `${count(rows.length)} of ${plural(head.total, "image")} are ${printing ? "printed" : "read; scroll on for more"}` : plural(rows.length, "image")}</p>
      )}
    </>
  );
}
