// The verdicts, worst first. Their words are in one file, which the component reads as well.

import verdicts from "../../../components/page/verdicts.json";
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
