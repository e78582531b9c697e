// The state of the page is its URL: what is asked, in which order, in which view, and which row is open.

import { isVerdict } from "./verdicts";
import type { VerdictName } from "./types";

export const VIEWS = ["images", "projects", "nodes", "space", "differences"] as const;
export type View = (typeof VIEWS)[number];

export const SORTS = ["verdict", "name", "digest", "size", "nodes", "pushed"] as const;
export type Sort = (typeof SORTS)[number];

export interface Query {
  q: string;
  verdicts: VerdictName[];
  project: string;
  registry: string;
  node: string;
  tag: string;
  source: string;
  sort: Sort;
  descending: boolean;
}

export interface Location {
  view: View;
  query: Query;
  /** The reference of the open row; empty where none is. */
  open: string;
}

export const NO_QUERY: Query = {
  q: "", verdicts: [], project: "", registry: "", node: "", tag: "", source: "", sort: "verdict", descending: false,
};

/** The filters that are plain texts, in the order of the page. */
export const FILTERS = ["project", "registry", "node", "tag", "source"] as const;
export type Filter = (typeof FILTERS)[number];

export function read(search: string): Location {
  const parameters = new URLSearchParams(search);
  const text = (name: string): string => parameters.get(name) ?? "";
  const sort = text("sort") as Sort;
  const view = text("view") as View;
  return {
    view: VIEWS.includes(view) ? view : "images",
    open: text("open"),
    query: {
      q: text("q"),
      verdicts: text("verdict").split(",").filter(isVerdict),
      project: text("project"),
      registry: text("registry"),
      node: text("node"),
      tag: text("tag"),
      source: text("source"),
      sort: SORTS.includes(sort) ? sort : NO_QUERY.sort,
      descending: text("order") === "desc",
    },
  };
}

/** What narrows the rows, as parameters of `/inventory` and `/compare`. */
export function filterParameters(query: Query): URLSearchParams {
  const parameters = new URLSearchParams();
  if (query.q.trim()) parameters.set("q", query.q.trim());
  if (query.verdicts.length > 0) parameters.set("verdict", query.verdicts.join(","));
  for (const name of FILTERS) if (query[name]) parameters.set(name, query[name]);
  return parameters;
}

/** The whole query, as parameters of `/inventory`. The worst come first unless somebody sorts. */
export function queryParameters(query: Query): URLSearchParams {
  const parameters = filterParameters(query);
  parameters.set("sort", query.sort);
  parameters.set("order", query.descending ? "desc" : "asc");
  return parameters;
}

/** The search of the URL; empty for the page as it opens. */
export function write(location: Location): string {
  const parameters = filterParameters(location.query);
  if (location.query.sort !== NO_QUERY.sort || location.query.descending) {
    parameters.set("sort", location.query.sort);
    if (location.query.descending) parameters.set("order", "desc");
  }
  if (location.view !== "images") parameters.set("view", location.view);
  if (location.open) parameters.set("open", location.open);
  // Slashes, colons and commas read better as they are, and are allowed in a query.
  const text = parameters.toString().replace(/%2F/g, "/").replace(/%3A/g, ":").replace(/%2C/g, ",").replace(/%40/g, "@");
  return text ? `?${text}` : "";
}

export const isNarrowed = (query: Query): boolean => filterParameters(query).size > 0;
