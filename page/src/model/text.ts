// How names, sizes and times read. Names come from strangers: whatever has no shape of its own is shown as its number.

/**
 * Characters that a person can't see or takes for a space: those of the server (components/lib/image-model/src/visible.rs), which a
 * test compares, and lone surrogates, which only a script can meet. Unicode's classes would differ from one browser to the next.
 */
const INVISIBLE = new RegExp(
  "[\\0-\\x1f\\x7f-\\xa0\\xad\\u034f\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180f" +
    "\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\\ud800-\\udfff\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb" +
    "\\u{110bd}\\u{110cd}\\u{13430}-\\u{1343f}\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}\\u{f0000}-\\u{10ffff}]",
  "gu",
);

const asNumber = (character: string): string =>
  `\u2039U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}\u203a`;

/** A name with its invisible characters as numbers, such as `‹U+202E›`. */
export const visible = (name: string): string => name.replace(INVISIBLE, asNumber);

export const hasInvisible = (name: string): boolean => name.search(INVISIBLE) >= 0;

/** A text cut in its middle, so that at most `most` characters are left. */
export function cut(text: string, most: number): string {
  const characters = Array.from(text);
  if (characters.length <= most) return text;
  const tail = Math.floor((most - 1) / 2);
  return `${characters.slice(0, most - 1 - tail).join("")}…${characters.slice(-tail).join("")}`;
}

export const count = (value: number): string => value.toLocaleString("en");

/** Bytes as crictl and docker write them: decimal units, three digits. */
export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return "";
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let number = value;
  let unit = 0;
  while (number >= 999.5 && unit < units.length - 1) {
    number /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2;
  return `${Number(number.toFixed(digits))} ${units[unit]}`;
}

/** Seconds as an age: `12 s`, `3 min`, `5 h`, `3 d`. */
export function age(seconds: number): string {
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * 86400) return `${Math.floor(seconds / 3600)} h`;
  if (seconds < 730 * 86400) return `${Math.floor(seconds / 86400)} d`;
  return `${Math.floor(seconds / (365 * 86400))} years`;
}

/** The time since an instant, such as `3 d ago`; empty where it can't be read. */
export function ago(instant: string | null | undefined, now: number): string {
  const then = instant ? Date.parse(instant) : NaN;
  return Number.isNaN(then) || then <= 0 ? "" : `${age((now - then) / 1000)} ago`;
}

/** An instant in full, for `title`. */
export function instantText(instant: string | null | undefined): string {
  const then = instant ? Date.parse(instant) : NaN;
  return Number.isNaN(then) ? "" : `${new Date(then).toISOString().replace("T", " ").slice(0, 19)} UTC`;
}

/** The first digits of a digest: enough to tell two apart. */
export const shortDigest = (digest: string): string => digest.replace(/^sha\d+:/, "").slice(0, 8);

export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** Parts of a sentence: `a, b and c`. */
export const list = (parts: string[]): string =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;

/** The parts of a repository: the registry's host, the folders, and the last name. */
export function repositoryParts(repository: string): { host: string; folders: string; name: string } {
  const slash = repository.indexOf("/");
  const first = slash < 0 ? "" : repository.slice(0, slash);
  const isHost = first.includes(".") || first.includes(":") || first === "localhost";
  const host = isHost ? repository.slice(0, slash + 1) : "";
  const rest = repository.slice(host.length);
  const last = rest.lastIndexOf("/") + 1;
  return { host, folders: rest.slice(0, last), name: rest.slice(last) };
}

const NATURAL = new Intl.Collator("en", { numeric: true });

/** The order of names for people: 2 comes before 10. */
export const natural = (one: string, other: string): number => NATURAL.compare(one, other);
