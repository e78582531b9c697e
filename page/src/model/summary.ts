// What all rows together say. Who did not answer comes first: a zero, and "all is well", are answers too.

import { count, list, plural, visible } from "./text";
import type { Inventory, Node, Registry, VerdictName } from "./types";
import { VERDICTS, type Verdict } from "./verdicts";

/** An answer without its rows. */
export type Head = Pick<Inventory, "nodes" | "registry" | "counts">;

/** Whether there are rows of a source: of now, or old ones. */
export const hasRows = ({ state }: Node | Registry): boolean => state === "answered" || state === "stale";

/** Without Harbor there are no verdicts, and a zero would be one. */
export const isJudged = (head: Head): boolean => !!head.registry && head.registry.state !== "off";

const lacksNodes = ({ nodes }: Head): boolean => nodes.length > 0 && !nodes.some(hasRows);

const lacksHarbor = (head: Head): boolean => isJudged(head) && !!head.registry && !hasRows(head.registry);

/** The rows of all verdicts. `outdated` stands beside another verdict. */
const rowsOf = ({ counts }: Head): number =>
  VERDICTS.reduce((sum, { verdict }) => sum + (verdict === "outdated" ? 0 : (counts[verdict] ?? 0)), 0);

/** How many rows have a verdict; null where nobody knows. A zero is known only where the nodes and Harbor answered. */
export function numberOf(head: Head, verdict: VerdictName): number | null {
  if (!isJudged(head)) return null;
  const number = head.counts[verdict] ?? 0;
  if (number > 0) return number;
  const [nodes, harbor] = [lacksNodes(head), lacksHarbor(head)];
  return (nodes && harbor) || ((nodes || harbor) && verdict !== "unknown") ? null : 0;
}

const DID: Record<string, string> = { waiting: "is still being read", denied: "refused the login" };

function didOfNodes({ nodes }: Head, label: (name: string) => string): string {
  const [only] = nodes;
  if (nodes.length === 1 && only) return `${label(only.name)} ${DID[only.state] ?? "did not answer"}`;
  return nodes.every((node) => node.state === "waiting") ? "The nodes are still being read" : "No node answered";
}

/** Who gave no rows, as the beginning of a sentence; null where each source gave some. */
export function missingSources(head: Head, label: (name: string) => string = visible): string | null {
  const harbor = `Harbor ${DID[head.registry?.state ?? ""] ?? "did not answer"}`;
  if (!lacksNodes(head)) return lacksHarbor(head) ? harbor : null;
  if (!lacksHarbor(head)) return didOfNodes(head, label);
  const [only] = head.nodes;
  if (head.registry?.state !== "unreachable" || head.nodes.some((node) => node.state !== "unreachable")) {
    return `${didOfNodes(head, label)}, and ${harbor}`;
  }
  return `Neither ${head.nodes.length === 1 && only ? label(only.name) : "the nodes"} nor Harbor answered`;
}

/** Whether there is nothing that could be shown, whatever is asked. */
export const isNothingKnown = (head: Head): boolean =>
  rowsOf(head) === 0 && (lacksNodes(head) || head.nodes.length === 0) && (lacksHarbor(head) || !isJudged(head));

/** The answer of the whole page in one sentence. */
export function summary(head: Head, isNarrowed: boolean, label: (name: string) => string = visible): string {
  const silent = missingSources(head, label);
  if (!isJudged(head)) {
    return silent
      ? `${silent}, and Harbor is not configured, so nothing is known.`
      : "Harbor is not configured, so nothing is judged: these are the images on the nodes.";
  }
  if (silent && isNothingKnown(head)) return `${silent}, so nothing is known.`;
  const number = ({ verdict }: Verdict): number => head.counts[verdict] ?? 0;
  const all = rowsOf(head);
  const none = isNarrowed ? "no image is found" : "there is no image";
  const found = isNarrowed ? " found" : "";
  if (lacksNodes(head)) {
    return all === 0 ? `${silent}, and ${none} in Harbor.` : `${silent}; ${plural(all, "image")}${found} in Harbor can't be compared.`;
  }
  const onNodes = all - (head.counts.on_no_node ?? 0);
  const where = head.nodes.every(hasRows) ? "on the nodes" : "on the nodes that answered";
  // Where all nodes have old rows only, what else Harbor has can't be told from what is on a node now.
  const isOld = head.nodes.length > 0 && !head.nodes.some((node) => node.state === "answered");
  const held = `${plural(onNodes, "image")}${found}${isOld ? "" : ` ${where}`}`;
  const parts = VERDICTS.filter((verdict) => verdict.phrase && number(verdict) > 0).map(
    (verdict) => `${count(number(verdict))} ${verdict.phrase}`,
  );
  if (silent) {
    if (onNodes === 0) return `${silent}, and ${none} ${where}.`;
    return parts.length > 0 ? `${silent}; of ${held}, ${list(parts)}.` : `${silent}; none of ${held} comes from there.`;
  }
  if (parts.length > 0) return `Of ${held}, ${list(parts)}.`;
  if (all === 0) return isNarrowed ? "No image is found." : `There is no image ${where}, and none in Harbor.`;
  if (onNodes === 0) return `None of ${plural(all, "image")} is on a node that answered.`;
  return head.nodes.every(hasRows)
    ? `All is well: of ${held}, none is missing and none has drifted.`
    : `Of ${held}, none is missing and none has drifted.`;
}
