// Node sets as ClusterShell folds them: `gpu-[1-41,43]`.

/** The most names that a set unfolds to: the page shows no more nodes than that. */
export const MOST_NODES = 5000;

const FOLDED = /^(.*?)\[([0-9,-]+)\](.*)$/;

function* unfold(set: string): Generator<string> {
  const match = FOLDED.exec(set);
  if (!match) {
    yield set;
    return;
  }
  const [, before = "", ranges = "", after = ""] = match;
  for (const range of ranges.split(",")) {
    const [first = "", last = first] = range.split("-");
    const [from, to] = [Number.parseInt(first, 10), Number.parseInt(last, 10)];
    if (Number.isNaN(from) || Number.isNaN(to)) continue;
    // Zeros in front belong to the name: `node[01-10]`.
    const width = first.startsWith("0") ? first.length : 0;
    for (let number = from; number <= to; number += 1) {
      for (const rest of unfold(after)) yield `${before}${String(number).padStart(width, "0")}${rest}`;
    }
  }
}

/** The names of all nodes of these sets, at most {@link MOST_NODES}. */
export function nodeNames(sets: string[]): string[] {
  const names: string[] = [];
  for (const set of sets) {
    for (const name of unfold(set)) {
      if (names.length >= MOST_NODES) return names;
      names.push(name);
    }
  }
  return names;
}
