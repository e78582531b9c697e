// Search, filters, what is chosen, and the same rows for programs.

import { useState } from "preact/hooks";
import { repositoryParts, visible } from "../model/text";
import type { Image, Share } from "../model/types";
import { verdictOf } from "../model/verdicts";
import * as store from "../model/store";
import * as url from "../model/url";
import { CLOSE, Icon, SEARCH } from "../parts/icon";

const names = (shares: Share[]): string[] => shares.map((share) => share.name).sort();

const distinct = (of: (image: Image) => string | undefined): string[] =>
  [...new Set(store.rows.value.map(of).filter((name): name is string => !!name))].sort();

/** Where an image is. */
const SOURCES: Record<string, string> = { containerd: "On the nodes", harbor: "In Harbor" };

function Choice({ name, all, options, label = visible }: {
  name: "project" | "registry" | "node" | "source"; all: string; options: string[]; label?: (option: string) => string;
}) {
  const value = store.location.value.query[name];
  const list = value && !options.includes(value) ? [value, ...options] : options;
  return (
    <label class={`choice ${value ? "chosen" : ""}`}>
      <span class="unseen">{name}</span>
      <select name={name} value={value} onFocus={() => void store.loadWhole()} onPointerEnter={() => void store.loadWhole()}
        onChange={(event) => store.show({ [name]: event.currentTarget.value })}>
        <option value="">{all}</option>
        {list.map((option) => <option value={option} key={option}>{label(option)}</option>)}
      </select>
    </label>
  );
}

function Chips() {
  const { query } = store.location.value;
  const chip = (text: string, remove: () => void) => (
    <li key={text}><button type="button" class="chip" aria-label={`Remove the filter ${text}`} onClick={remove}>
      <bdi>{visible(text)}</bdi><Icon path={CLOSE} /></button></li>
  );
  const chips = [
    ...query.verdicts.map((name) =>
      chip(verdictOf(name)?.label ?? name, () => store.change({ verdicts: query.verdicts.filter((other) => other !== name) }))),
    ...url.FILTERS.filter((name) => query[name]).map((name) =>
      chip(name === "source" ? (SOURCES[query.source] ?? query.source) : `${name} ${query[name]}`, () => store.change({ [name]: "" }))),
  ];
  if (chips.length === 0) return null;
  return <ul class="chips" aria-label="Filters">{chips}<li><button type="button" class="link" onClick={store.clear}>clear</button></li></ul>;
}

/** The same rows for a spreadsheet or a program: all of them, not only those that are on the screen. */
function Links() {
  const query = url.queryParameters(store.location.value.query);
  return (
    <span class="links">
      <a href={`inventory.csv?${query}`} download="images.csv" title="All rows that are selected, as CSV">CSV</a>
      <a href={`inventory?${query}`} title="These rows as JSON, in pages">JSON</a>
    </span>
  );
}

export function Toolbar() {
  const nodes = store.inventory.value?.nodes ?? [];
  const { query } = store.location.value;
  const sums = store.whole.value;
  // On a phone the filters would push the rows off the screen, so they stand behind a button there.
  const [open, setOpen] = useState(false);
  const chosen = url.FILTERS.filter((name) => query[name]).length;
  // Until the sums are there, and where there are none: what the rows so far name.
  const projects = sums?.projects ? names(sums.projects) : distinct((image) => image.harbor?.project);
  const registries = sums?.registries ? names(sums.registries) : distinct((image) => repositoryParts(image.repository ?? "").host.replace(/\/$/, ""));
  return (
    <form class={`toolbar ${open ? "with-choices" : ""}`} role="search" onSubmit={(event) => event.preventDefault()}>
      <label class="search">
        <Icon path={SEARCH} />
        <span class="unseen">Search images</span>
        <input id="search" type="search" placeholder="Search images: team app 1.2" autocomplete="off" spellcheck={false}
          value={store.draft.value} onInput={(event) => store.type(event.currentTarget.value)}
          onKeyDown={(event) => { if (event.key === "Escape" && store.draft.value) { event.preventDefault(); event.stopPropagation(); store.type(""); } }} />
        <kbd aria-hidden="true">/</kbd>
      </label>
      <button type="button" class="filters" aria-expanded={open} aria-controls="choices" onClick={() => setOpen(!open)}>
        Filters{chosen > 0 && ` (${chosen})`}</button>
      <div class="choices" id="choices">
        <Choice name="source" all="Everywhere" options={Object.keys(SOURCES)} label={(source) => SOURCES[source] ?? visible(source)} />
        <Choice name="project" all="All projects" options={projects} />
        <Choice name="registry" all="All registries" options={registries} />
        {nodes.length > 1 && <Choice name="node" all="All nodes" options={nodes.map((node) => node.name)} />}
        <label class={`choice ${query.tag ? "chosen" : ""}`}>
          <span class="unseen">tag</span>
          <input class="tag-field" name="tag" type="text" placeholder="Tag" size={8} value={query.tag} autocomplete="off" spellcheck={false}
            onChange={(event) => store.show({ tag: event.currentTarget.value.trim() })} />
        </label>
      </div>
      <Chips />
      <Links />
    </form>
  );
}
