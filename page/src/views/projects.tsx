// One row a project of Harbor: how many images, how much space, and what is wrong there.

import { bytes, count, visible } from "../model/text";
import type { Share, VerdictName } from "../model/types";
import { VERDICTS } from "../model/verdicts";
import * as store from "../model/store";
import { Badge } from "../parts/badge";
import { type Column, PlainTable } from "../parts/plain-table";

const trouble = (share: Share): number =>
  VERDICTS.filter((verdict) => verdict.attention).reduce((sum, { verdict }) => sum + (share.counts?.[verdict] ?? 0), 0);

function Trouble({ share }: { share: Share }) {
  const found = VERDICTS.filter((verdict) => verdict.attention && (share.counts?.[verdict.verdict] ?? 0) > 0);
  if (found.length === 0) return <span class="none">nothing</span>;
  const pick = (verdict: VerdictName) => store.show({ project: share.name, verdicts: [verdict] });
  return <>{found.map((verdict) => (
    <button type="button" class="counted" key={verdict.verdict} onClick={() => pick(verdict.verdict)}>
      {count(share.counts?.[verdict.verdict] ?? 0)} <Badge verdict={verdict} /></button>
  ))}</>;
}

const COLUMNS: Column<Share>[] = [
  { title: "Project", value: (share) => share.name, cell: (share) =>
    <button type="button" class="link strong" onClick={() => store.show({ project: share.name })}><bdi>{visible(share.name)}</bdi></button> },
  { title: "Images", right: true, value: (share) => share.images ?? 0, cell: (share) => count(share.images ?? 0) },
  { title: "Size, at most", right: true, value: (share) => share.bytes, cell: (share) => bytes(share.bytes) },
  { title: "In sync", right: true, value: (share) => share.counts?.in_sync ?? 0, cell: (share) => count(share.counts?.in_sync ?? 0) },
  { title: "Only in Harbor", right: true, value: (share) => share.counts?.on_no_node ?? 0, cell: (share) => count(share.counts?.on_no_node ?? 0) },
  { title: "To look at", value: (share) => -trouble(share), cell: (share) => <Trouble share={share} /> },
];

export function Projects() {
  const projects = store.compare.value?.projects;
  if (!projects) return <p class="note wait">{store.failure.value ? "There are no sums." : "Adding up…"}</p>;
  if (projects.length === 0) return <p class="note wait">No project of Harbor is among these images.</p>;
  return (
    <>
      {store.compare.value?.isPartial && <p class="note above">There are very many images: these are the sums of the first of them.</p>}
      <PlainTable label="Projects" columns={COLUMNS} rows={projects} keyOf={(share) => share.name} />
    </>
  );
}
