// What takes the space: the largest ten of each kind and the others together, as bars with their numbers. A click filters.
//
// The bars are elements with a width. A plotting library was weighed: the smallest is larger than this whole page, draws what a
// screen reader can't read, and sets style attributes that the policy of the page forbids.

import { bytes, plural, visible } from "../model/text";
import type { Share } from "../model/types";
import { verdictOf } from "../model/verdicts";
import * as store from "../model/store";
import { Icon } from "../parts/icon";

const MOST = 10;

interface Kind {
  title: string;
  shares: Share[];
  /** The bytes of those that are not named. */
  unnamed?: number;
  /** The name to show. */
  label?: (name: string) => string;
  pick: (name: string) => void;
}

function Bars({ title, shares, unnamed = 0, label = visible, pick }: Kind) {
  const sorted = [...shares].filter((share) => share.bytes > 0).sort((one, other) => other.bytes - one.bytes);
  if (sorted.length === 0) return null;
  const others = sorted.slice(MOST);
  const largest = sorted[0]?.bytes ?? 1;
  const rest = others.reduce((sum, share) => sum + share.bytes, unnamed);
  const width = (value: number) => ({ width: `${Math.max(0.4, Math.min(100, (100 * value) / largest))}%` });
  return (
    <section class="bars">
      <h2>{title}</h2>
      <ol>
        {sorted.slice(0, MOST).map((share) => {
          const verdict = verdictOf(share.name);
          return (
            <li key={share.name}>
              <button type="button" class="bar" onClick={() => pick(share.name)}
                title={`${visible(share.name)}: at most ${bytes(share.bytes)}`}>
                <span class="bar-name">{verdict && <Icon path={verdict.icon} dashed={verdict.dashed} />}<bdi>{label(share.name)}</bdi></span>
                <span class="track"><span class={`fill ${verdict?.tone ?? ""}`} style={width(share.bytes)} /><span class="bar-bytes">{bytes(share.bytes)}</span></span>
                <span class="bar-count">{share.images !== undefined && plural(share.images, "image")}</span>
              </button>
            </li>
          );
        })}
        {rest > 0 && (
          <li class="bar others">
            <span class="bar-name">{unnamed > 0 ? "others" : plural(others.length, "other")}</span>
            <span class="track"><span class="fill" style={width(rest)} /><span class="bar-bytes">{bytes(rest)}</span></span>
            <span class="bar-count" />
          </li>
        )}
      </ol>
    </section>
  );
}

export function Space() {
  const sums = store.compare.value;
  if (!sums) return <p class="note wait">{store.failure.value ? "There are no sums." : "Adding up…"}</p>;
  // The host that nearly all have would leave no room for what tells them apart.
  const own = `${(store.inventory.value?.registry?.url ?? "").replace(/^https?:\/\//, "").replace(/\/.*$/, "")}/`;
  const search = (repository: string): void => {
    store.draft.value = repository;
    store.show({ q: repository });
  };
  return (
    <div class="space-view">
      <p class="note">At most: images share layers, which are counted with each of them here.</p>
      <div class="bars-grid">
        <Bars title="Repositories" shares={sums.repositories} unnamed={sums.otherRepositories} label={(name) => visible(name.startsWith(own) ? name.slice(own.length) : name)} pick={search} />
        <Bars title="Verdicts" shares={sums.verdicts} label={(name) => verdictOf(name)?.label ?? visible(name)}
          pick={(name) => { const verdict = verdictOf(name); if (verdict) store.show({ verdicts: [verdict.verdict] }); }} />
        <Bars title="Nodes" shares={sums.nodes} pick={(node) => store.show({ node })} />
        <Bars title="Projects" shares={sums.projects ?? []} pick={(project) => store.show({ project })} />
      </div>
    </div>
  );
}
