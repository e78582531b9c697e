// A row of the table, one line high, and its details where it is open.


import { canBePulled } from "../model/commands";
import { ago, bytes, count, instantText, shortDigest, visible } from "../model/text";
import type { Image } from "../model/types";
import { verdictsOf } from "../model/verdicts";
import * as store from "../model/store";
import { Badge } from "../parts/badge";
import { CopyButton } from "../parts/copy-button";
import { CHEVRON, Icon } from "../parts/icon";
import { Name } from "../parts/name";
import { Details } from "./details";

interface Props {
  image: Image;
  id: string;
  words: string[];
  /** How many nodes answered. */
  nodes: number;
  position: number;
  isOpen: boolean;
  /** Whether the tab key stops here: at one row of the table, from which the arrow keys lead to the others. */
  reachable: boolean;
}

const onNodes = (image: Image, nodes: number): string =>
  image.node_count === 0 ? (nodes === 0 ? "–" : "none") : `${count(image.node_count)} of ${count(nodes)}`;

/** What stands in place of the time of the push. */
const inHarbor = (image: Image): string =>
  image.verdicts.includes("missing") ? "gone" : image.verdicts.includes("proxied") ? "not kept" : image.harbor ? "yes" : "–";

export function Row({ image, id, words, nodes, position, isOpen, reachable }: Props) {
  const [first, ...others] = verdictsOf(image);
  const digest = image.digests[0] ?? image.harbor?.digest ?? null;
  const at = image.harbor?.pushed_at;
  const pushed = store.printing.value ? instantText(at).slice(0, 10) : ago(at, store.now.value);
  const pick = (event: MouseEvent): void => {
    const target = event.target as Element;
    if (target.closest("button, a, input, select") || window.getSelection()?.toString()) return;
    store.open(id);
  };
  return (
    <>
      <div role="row" class={`row image ${isOpen ? "is-open" : ""}`} aria-rowindex={position} onClick={pick}>
        <div role="cell" class="c-state" title={image.reason ? visible(image.reason.message) : ""}>
          {first ? <Badge verdict={first} /> : <span class="badge quiet">–</span>}
          {others.length > 0 && <span class="more" title={others.map((verdict) => verdict.label).join(", ")}>+{others.length}</span>}
        </div>
        <div role="cell" class="c-image">
          <button type="button" class="open" aria-expanded={isOpen} tabIndex={reachable ? 0 : -1} title={visible(image.reference)}
            onClick={() => store.open(id)}>
            <Icon path={CHEVRON} /><Name image={image} words={words} />
          </button>
        </div>
        <div role="cell" class="c-digest" title={digest ?? "no digest"}>{digest ? <code>{visible(shortDigest(digest))}</code> : <span class="none">none</span>}</div>
        <div role="cell" class="c-size" title={image.bytes ? `${count(image.bytes)} bytes` : ""}>{bytes(image.bytes ?? image.harbor?.bytes)}</div>
        <div role="cell" class="c-nodes" title={image.nodes.map(visible).join(", ")}>{onNodes(image, nodes)}</div>
        <div role="cell" class="c-harbor" title={instantText(image.harbor?.pushed_at)}>{pushed ? `${store.printing.value ? "" : "pushed "}${pushed}` : inHarbor(image)}</div>
        <div role="cell" class="c-copy">
          {canBePulled(image.reference) &&
            <CopyButton text={image.reference} what={`the reference ${image.reference}`} tabIndex={reachable ? 0 : -1} />}
        </div>
      </div>
      {isOpen && <div role="row" class="details-row"><div role="cell" aria-colspan={7}><Details image={image} nodes={nodes} /></div></div>}
    </>
  );
}

