// The verdicts, worst first. Their words are in one file, which the component reads as well.

import verdicts from "../../../components/page/verdicts.json";
import { count, list, plural } from "./text";
import type { Counts, Image, VerdictName } from "./types";

export interface Verdict {
  verdict: VerdictName;
  label: string;
  tone: "bad" | "warn" | "info" | "good" | "quiet";
  /** Whether somebody should look at it. */
  attention: boolean;
  /** The path of its shape in a box of 16 by 16. */
  icon: string;
  dashed?: boolean;
  /** What the images of this verdict do, in a sentence about all of them; of those only that somebody should look at. */
  phrase?: string;
  meaning: string;
  todo: string;
}

export const VERDICTS = verdicts as Verdict[];

const BY_NAME = new Map(VERDICTS.map((verdict) => [verdict.verdict, verdict]));

export const isVerdict = (name: string): name is VerdictName => BY_NAME.has(name as VerdictName);

/** A verdict by its name; null for one that this page does not know. */
export const verdictOf = (name: string): Verdict | null => BY_NAME.get(name as VerdictName) ?? null;

/** The verdicts of an image, worst first. */
export const verdictsOf = (image: Image): Verdict[] =>
  VERDICTS.filter((verdict) => image.verdicts.includes(verdict.verdict));

/** The verdicts to show in the strip: all that the host can give. `outdated` is off unless the host counts it. */
export const shown = (counts: Counts): Verdict[] =>
  VERDICTS.filter((verdict) => verdict.verdict !== "outdated" || counts.outdated !== undefined);

/** The answer of the whole page in one sentence. */
export function summary(counts: Counts, isNarrowed: boolean): string {
  const number = (verdict: Verdict): number => counts[verdict.verdict] ?? 0;
  // `outdated` stands beside another verdict.
  const all = VERDICTS.reduce((sum, verdict) => sum + (verdict.verdict === "outdated" ? 0 : number(verdict)), 0);
  const onNodes = all - (counts.on_no_node ?? 0);
  const held = `${plural(onNodes, "image")}${isNarrowed ? " found" : ""} on the nodes`;
  const parts = VERDICTS.filter((verdict) => verdict.phrase && number(verdict) > 0).map(
    (verdict) => `${count(number(verdict))} ${verdict.phrase}`,
  );
  if (parts.length > 0) return `Of ${held}, ${list(parts)}.`;
  if (all === 0) return isNarrowed ? "No image is found." : "There is no image on the nodes, and none in Harbor.";
  return onNodes === 0
    ? `None of ${plural(all, "image")} is on a node that answered.`
    : `All is well: of ${held}, none is missing and none has drifted.`;
}
