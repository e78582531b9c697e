// What is wrong, in the words of the program's log: which source, what happened, what to do.

import { age, count, plural, visible } from "../model/text";
import type { SourceError } from "../model/types";
import * as store from "../model/store";

const MOST = 4;

const sourceName = (error: SourceError): string =>
  error.node ?? error.repository ?? { containerd: "The node", harbor: "Harbor", nodes: "The node", registry: "Harbor" }[error.source] ?? error.source;

function Stale() {
  const head = store.inventory.value;
  if (!head) return null;
  const since = store.sinceAnswer.value;
  const stale = [
    ...head.nodes.filter((node) => node.state === "stale").map((node) => ({ name: node.name, seconds: node.age_seconds })),
    ...(head.registry?.state === "stale" ? [{ name: "Harbor", seconds: head.registry.age_seconds }] : []),
  ];
  if (stale.length === 0) return null;
  const one = ({ name, seconds }: { name: string; seconds?: number | null | undefined }): string =>
    `${visible(name)} (${seconds === null || seconds === undefined ? "age unknown" : `${age(seconds + since)} old`})`;
  return (
    <div class="banner warn" role="status">
      <p><strong>Old rows.</strong> What is shown of {stale.slice(0, 5).map(one).join(", ")}
        {stale.length > 5 && ` and ${count(stale.length - 5)} more`} is the last good answer, not the present state.</p>
    </div>
  );
}

function Reading() {
  const reading = store.reading.value;
  if (!reading) return null;
  return (
    <div class="banner info" role="status" title={visible(reading.sentence)}>
      <p><strong>Harbor is being read for the first time:</strong> {count(reading.done)} of {plural(reading.of, "repository", "repositories")} so
        far. What is not read yet is unknown, not missing.</p>
      {reading.of > 0 && <progress max={reading.of} value={reading.done} aria-label="Repositories read" />}
    </div>
  );
}

export function Banners() {
  const head = store.inventory.value;
  // How far the first reading of Harbor is has a notice of its own.
  const errors = (head?.errors ?? []).filter(({ error }) => error !== store.reading.value?.sentence);
  return (
    <div class="banners">
      {store.failure.value && (
        <div class="banner bad" role="alert">
          <p><strong>{head ? "The rows below are not renewed." : "There are no rows."}</strong> {visible(store.failure.value)}</p>
          <button type="button" onClick={() => void store.refresh(true)}>Try again</button>
        </div>
      )}
      <Reading />
      <Stale />
      {errors.slice(0, MOST).map((error) => (
        <div class="banner bad" role="status" key={`${error.source}${error.node}${error.repository}${error.error}`}>
          <p><strong><bdi>{visible(sourceName(error))}</bdi>:</strong> {visible(error.error)}</p>
        </div>
      ))}
      {errors.length > MOST && (
        <details class="banner bad">
          <summary>{plural(errors.length - MOST, "more failure")}</summary>
          <ul>{errors.slice(MOST, 200).map((error) => <li><bdi>{visible(sourceName(error))}</bdi>: {visible(error.error)}</li>)}</ul>
        </details>
      )}
    </div>
  );
}
