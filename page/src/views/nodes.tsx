// One row a node: whether it answered, how old its rows are, how many images it has, and how much space they take.

import { age, bytes, count, visible } from "../model/text";
import type { Node } from "../model/types";
import { hasRows } from "../model/summary";
import * as store from "../model/store";
import { type Column, PlainTable } from "../parts/plain-table";

const WORDS: Record<string, string> = {
  answered: "answered", stale: "old rows", unreachable: "does not answer", denied: "refused us", waiting: "not asked yet", failed: "failed",
};

const failureOf = (node: Node): string => store.inventory.value?.errors.find((error) => error.node === node.name)?.error ?? "";

const tone = (node: Node): string => (node.state === "answered" ? "good" : node.state === "waiting" ? "info" : node.state === "stale" ? "warn" : "bad");

const columns = (): Column<Node>[] => [
  { title: "Node", value: (node) => node.name, cell: (node) =>
    <button type="button" class="link strong" onClick={() => store.show({ node: node.name })}><bdi>{visible(store.settings.value.labels[node.name] ?? node.name)}</bdi></button> },
  { title: "State", value: (node) => node.state, cell: (node) =>
    <span class={`source ${tone(node)}`}><span class="dot" aria-hidden="true" />{WORDS[node.state] ?? visible(node.state)}
      {failureOf(node) && <span class="note why">{visible(failureOf(node))}</span>}</span> },
  { title: "Age", right: true, value: (node) => node.age_seconds ?? 0, cell: (node) =>
    node.age_seconds === null || node.age_seconds === undefined ? "–" : age(node.age_seconds + store.sinceAnswer.value) },
  { title: "Images", right: true, value: (node) => node.images ?? 0, cell: (node) => (node.images === undefined || !hasRows(node) ? "–" : count(node.images)) },
  { title: "Size, at most", right: true, value: (node) => node.bytes ?? 0, cell: (node) => (hasRows(node) && bytes(node.bytes)) || "–" },
];

export function Nodes() {
  const nodes = store.inventory.value?.nodes;
  if (!nodes) return null;
  if (nodes.length === 0) return <p class="note wait">No node is asked here: this is a view of Harbor only.</p>;
  return <PlainTable label="Nodes" columns={columns()} rows={nodes} keyOf={(node) => node.name} />;
}
