// The sums of `/compare`, and those by project and registry, which are added up here where the host gives none.

import * as api from "./api";
import { repositoryParts } from "./text";
import type { Compare, Counts, Image, Inventory, Node, Share } from "./types";

/** The most rows that are read to add up what the host does not. */
const MOST_ROWS = 5000;
const PAGE_ROWS = "1000";

interface Named {
  name: string;
  bytes: number;
}

/** The answer of `/compare`, as far as it is read. */
interface Answer {
  counts?: Counts;
  nodes?: Node[];
  bytes?: {
    by_node?: Named[];
    by_verdict?: Record<string, { bytes: number }>;
    by_repository?: Named[];
    other_repositories?: { bytes: number };
    by_project?: Share[];
    by_registry?: Share[];
  };
}

export function read(answer: Answer): Compare {
  const { bytes = {}, counts = {}, nodes = [] } = answer;
  const images = new Map(nodes.map((node) => [node.name, node.images]));
  const verdicts = Object.entries(bytes.by_verdict ?? {}).map(([name, sum]) => ({
    name, bytes: sum.bytes, images: counts[name as keyof Counts],
  }));
  return {
    repositories: bytes.by_repository ?? [],
    otherRepositories: bytes.other_repositories?.bytes ?? 0,
    verdicts,
    nodes: (bytes.by_node ?? []).map((node) => ({ ...node, images: images.get(node.name) })),
    projects: bytes.by_project ?? null,
    registries: bytes.by_registry ?? null,
    isPartial: false,
  };
}

/** Adds up rows by a name that they have. */
export function shares(images: Image[], nameOf: (image: Image) => string | null | undefined): Share[] {
  const found = new Map<string, Required<Pick<Share, "name" | "bytes" | "counts">> & { images: number; ids: Set<string> }>();
  for (const image of images) {
    const name = nameOf(image);
    if (!name) continue;
    const share = found.get(name) ?? { name, images: 0, bytes: 0, counts: {}, ids: new Set<string>() };
    share.images += 1;
    // An image that has several names takes its space once.
    if (!image.image_id || !share.ids.has(image.image_id)) share.bytes += image.bytes ?? 0;
    if (image.image_id) share.ids.add(image.image_id);
    for (const verdict of image.verdicts) share.counts[verdict] = (share.counts[verdict] ?? 0) + 1;
    found.set(name, share);
  }
  return [...found.values()].map(({ name, images: count, bytes, counts }) => ({ name, images: count, bytes, counts }));
}

/** Adds what the host left out, from the rows themselves. */
export async function complete(sums: Compare, filter: URLSearchParams, signal: AbortSignal): Promise<Compare> {
  if (sums.projects && sums.registries) return sums;
  const images: Image[] = [];
  const parameters = new URLSearchParams(filter);
  parameters.set("limit", PAGE_ROWS);
  let isPartial = false;
  for (;;) {
    const outcome = await api.get<Inventory>("inventory", parameters, signal);
    if (outcome.kind !== "answer") return sums;
    images.push(...outcome.value.images);
    const { next } = outcome.value;
    isPartial = !!next;
    if (!next || images.length >= MOST_ROWS) break;
    parameters.set("cursor", next);
  }
  return {
    ...sums,
    projects: sums.projects ?? shares(images, (image) => image.harbor?.project),
    registries: sums.registries ?? shares(images, (image) => repositoryParts(image.repository ?? "").host.replace(/\/$/, "")),
    isPartial,
  };
}
