// What is not the same on all nodes: a matrix of references and nodes, with the differences only.

import { nodeNames } from "./nodes";
import type { Image, Node } from "./types";

/** Nodes that are alike in all rows of the matrix stand in one column. */
export interface Pool {
  nodes: string[];
  /** For each reference the variant that these nodes have: 0 is the first; -1 none. */
  variants: number[];
}

export interface Difference {
  reference: string;
  image: Image;
  /** A digest, or an id where there is none, for each variant. */
  variants: string[];
}

export interface Matrix {
  differences: Difference[];
  pools: Pool[];
}

const identity = (image: Image): string => image.digests[0] ?? image.image_id ?? "";

/** The matrix of these rows for the nodes that can be compared, which are those that have rows. */
export function matrix(images: Image[], nodes: Node[]): Matrix {
  const names = nodes.filter((node) => node.state === "answered" || node.state === "stale").map((node) => node.name);
  const at = new Map(names.map((name, index) => [name, index]));
  const byReference = new Map<string, Image[]>();
  for (const image of images) {
    if (image.node_count === 0) continue;
    byReference.set(image.reference, [...(byReference.get(image.reference) ?? []), image]);
  }
  const differences: Difference[] = [];
  const cells: number[][] = names.map(() => []);
  for (const [reference, same] of byReference) {
    const variants = [...new Set(same.map(identity))];
    const row = names.map(() => -1);
    for (const image of same) {
      for (const name of nodeNames(image.nodes)) {
        const index = at.get(name);
        if (index !== undefined) row[index] = variants.indexOf(identity(image));
      }
    }
    if (row.every((variant) => variant === row[0])) continue;
    const [image] = same;
    if (!image) continue;
    differences.push({ reference, image, variants });
    row.forEach((variant, index) => cells[index]?.push(variant));
  }
  const pools = new Map<string, Pool>();
  names.forEach((name, index) => {
    const variants = cells[index] ?? [];
    const key = variants.join();
    const pool = pools.get(key) ?? { nodes: [], variants };
    pool.nodes.push(name);
    pools.set(key, pool);
  });
  return { differences, pools: [...pools.values()].sort((one, other) => other.nodes.length - one.nodes.length) };
}
