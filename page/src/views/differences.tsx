// The nodes side by side: only what is not the same on all of them.

import { useEffect, useState } from "preact/hooks";
import * as api from "../model/api";
import { type Matrix, matrix } from "../model/differences";
import { count, plural, shortDigest, visible } from "../model/text";
import type { Image, Inventory } from "../model/types";
import * as store from "../model/store";
import * as url from "../model/url";
import { Name } from "../parts/name";

/** The most rows that are read for the matrix: those on the fewest nodes come first. */
const MOST_ROWS = 3000;
const MOST_POOLS = 24;
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** The rows that are on some of the nodes only: sorted by the number of nodes, so that the reading ends with the first that is on all. */
async function partial(query: url.Query, nodes: number, signal: AbortSignal): Promise<Image[]> {
  const images: Image[] = [];
  const parameters = url.queryParameters({ ...query, sort: "nodes", descending: false });
  parameters.set("limit", "1000");
  if (!query.source) parameters.set("source", "containerd");
  for (;;) {
    const outcome = await api.get<Inventory>("inventory", parameters, signal);
    if (outcome.kind !== "answer") return images;
    const some = outcome.value.images.filter((image) => image.node_count < nodes);
    images.push(...some.filter((image) => image.node_count > 0));
    if (!outcome.value.next || some.length < outcome.value.images.length || images.length >= MOST_ROWS) return images;
    parameters.set("cursor", outcome.value.next);
  }
}

function Cell({ variant, variants }: { variant: number; variants: string[] }) {
  if (variant < 0) return <td class="absent" title="not there"><span aria-hidden="true">–</span><span class="unseen">not there</span></td>;
  const letter = variants.length > 1 ? (LETTERS[variant] ?? "●") : "●";
  return <td class={`present v${variants.length > 1 ? variant % 4 : 0}`} title={variants[variant]}>
    <span aria-hidden="true">{letter}</span><span class="unseen">{variants.length > 1 ? `image ${letter}` : "there"}</span></td>;
}

export function Differences() {
  const head = store.inventory.value;
  const { query } = store.location.value;
  const [found, find] = useState<Matrix | null>(null);
  const nodes = head?.nodes.filter((node) => node.state === "answered" || node.state === "stale") ?? [];
  const key = `${url.queryParameters(query)} ${nodes.map((node) => node.name).join()} ${store.generation.value}`;
  useEffect(() => {
    if (nodes.length < 2) return undefined;
    const cancel = new AbortController();
    partial(query, nodes.length, cancel.signal).then((images) => find(matrix(images, nodes)), () => undefined);
    return () => cancel.abort();
  }, [key]);
  if (!head) return null;
  const silent = head.nodes.length - nodes.length;
  if (nodes.length < 2) {
    return <p class="note wait">{head.nodes.length > 1
      ? "Only one node answered: there is nothing to compare it with."
      : "There is one node here: nothing to compare it with. Where the program looks after several nodes, this view shows what is not the same on all of them."}</p>;
  }
  if (!found) return <p class="note wait">Comparing…</p>;
  const compared = silent > 0 ? `${count(nodes.length)} of ${plural(head.nodes.length, "node")} answered` : plural(nodes.length, "node");
  if (found.differences.length === 0) return <p class="note wait">No difference: {compared}, and each of these images is on all of them.</p>;
  const pools = found.pools.slice(0, MOST_POOLS);
  return (
    <>
      <p class="note above">{plural(found.differences.length, "image")} not the same on all nodes ({compared}). Letters tell images under one reference apart.
        {found.pools.length > MOST_POOLS && ` The ${MOST_POOLS} largest groups of nodes of ${count(found.pools.length)} are shown.`}</p>
      <div class="scroller" tabIndex={0} role="region" aria-label="Differences between nodes">
        <table class="plain matrix">
          <thead><tr><th scope="col">Image</th>{pools.map((pool) => (
            <th scope="col" key={pool.nodes[0]} title={pool.nodes.map(visible).join(", ")}>
              <bdi>{visible(pool.nodes[0] ?? "")}</bdi>{pool.nodes.length > 1 && <span class="note"> and {count(pool.nodes.length - 1)} more</span>}</th>
          ))}</tr></thead>
          <tbody>{found.differences.slice(0, 500).map(({ reference, image, variants }, row) => (
            <tr key={reference}>
              <th scope="row"><button type="button" class="link" title={visible(reference)}
                onClick={() => { store.draft.value = reference; store.show({ q: reference }); }}><Name image={image} words={[]} /></button>
                {variants.length > 1 && <span class="note"> {variants.map((variant, at) => `${LETTERS[at] ?? "•"} ${visible(shortDigest(variant))}`).join(", ")}</span>}</th>
              {pools.map((pool) => <Cell key={pool.nodes[0]} variant={pool.variants[row] ?? -1} variants={variants} />)}
            </tr>
          ))}</tbody>
        </table>
      </div>
    </>
  );
}
