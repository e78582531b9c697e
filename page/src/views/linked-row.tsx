// The open row of a link that somebody sent, where it is not among the first rows: it is asked for by its name.

import { useEffect, useState } from "preact/hooks";
import * as api from "../model/api";
import { canBePulled } from "../model/commands";
import type { Image, Inventory } from "../model/types";
import * as store from "../model/store";
import { Row } from "./row";

export function LinkedRow({ words, nodes }: { words: string[]; nodes: number }) {
  const { open } = store.location.value;
  const [found, find] = useState<Image | null>(null);
  const listed = store.rows.value.some((image) => store.keyOf(image) === open || image.reference === open);
  const [reference = open] = open.split("~");
  // The search refuses what no name of a registry has.
  const isAsked = canBePulled(reference) && !listed && store.inventory.value !== null;
  useEffect(() => {
    if (!isAsked) {
      find(null);
      return undefined;
    }
    const cancel = new AbortController();
    const parameters = new URLSearchParams({ q: reference, limit: "20" });
    api.get<Inventory>("inventory", parameters, cancel.signal).then((outcome) => {
      const images = outcome.kind === "answer" ? outcome.value.images : [];
      find(images.find((image) => store.keyOf(image) === open) ?? images.find((image) => image.reference === reference) ?? null);
    }, () => undefined);
    return () => cancel.abort();
  }, [open, isAsked]);
  if (!isAsked || !found) return null;
  return (
    <div role="rowgroup" class="linked">
      <Row image={found} id={open} words={words} nodes={nodes} position={2} isOpen reachable />
    </div>
  );
}
