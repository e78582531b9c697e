// What the page knows: the query in the URL, the rows that are read, and the requests under way.

import { batch, computed, signal } from "@preact/signals";
import * as api from "./api";
import { complete, read as readSums } from "./sums";
import { visible } from "./text";
import type { Compare, Image, Inventory, Settings } from "./types";
import * as url from "./url";
import type { Location, Query } from "./url";

/** A key stroke asks after this time; further ones cancel what the one before asked. */
const TYPING_MS = 120;
const FIRST_ROWS = 100;
const FURTHER_ROWS = 500;
/** The most rows that one request may ask for. */
const MOST_ROWS = 1000;
const REFRESH_MS = 30_000;
/** While a source is read for the first time. */
const READING_MS = 3_000;

export const settings = signal<Settings>({ title: "Image Service", subtitle: "", labels: {} });
export const location = signal<Location>(url.read(window.location.search));
/** The text in the search field, which runs ahead of the query. */
export const draft = signal(location.value.query.q);
/** The newest answer without its rows. */
export const inventory = signal<Omit<Inventory, "images"> | null>(null);
export const rows = signal<Image[]>([]);
/** Grows with each answer that replaces the rows, not with those that add to them. */
export const generation = signal(0);
export const compare = signal<Compare | null>(null);
/** Sums over everything, for the choices of the filters and the views by node and by project. */
export const whole = signal<Compare | null>(null);
export const failure = signal<string | null>(null);
export const needsLogin = signal(false);
/** Whether somebody logged in here, so that there is something to log out of. */
export const loggedIn = signal(false);
export const asking = signal<"nothing" | "rows" | "more" | "refresh">("nothing");
/** What a screen reader says next. */
export const announcement = signal("");
/** Whether the page is being printed: then all rows that are read stand in it, and times are instants. */
export const printing = signal(false);
export const now = signal(Date.now());
const receivedAt = signal(Date.now());

/** Seconds since the newest answer arrived: ages in it have grown by that. */
export const sinceAnswer = computed(() => Math.max(0, (now.value - receivedAt.value) / 1000));

/** An image's key: a reference may stand for several ids on several nodes. */
export const keyOf = (image: Image): string =>
  image.image_id ? `${image.reference}~${image.image_id.replace(/^sha256:/, "").slice(0, 13)}` : image.reference;

/** The name that the operator gave to a node or a registry. */
export const label = (name: string): string => visible(settings.value.labels[name] ?? name);

let underWay: AbortController | null = null;
let timer = 0;

function take(answer: Inventory, add: boolean): void {
  const { images, ...head } = answer;
  batch(() => {
    inventory.value = head;
    rows.value = add ? rows.value.concat(images) : images;
    if (!add) generation.value += 1;
    failure.value = null;
    needsLogin.value = false;
    receivedAt.value = Date.now();
    now.value = Date.now();
  });
}

/** How far the first reading of Harbor is; null where none is under way. */
export const reading = computed((): { sentence: string; done: number; of: number } | null => {
  for (const { source, repository, error } of inventory.value?.errors ?? []) {
    const found = source === "harbor" && !repository && /([\d,]+) of ([\d,]+) repositories/.exec(error);
    if (found) {
      const [done = 0, of = 0] = found.slice(1).map((digits) => Number(digits.replace(/,/g, "")));
      if (done < of) return { sentence: error, done, of };
    }
  }
  return null;
});

const isReading = (): boolean => !!reading.value || !!inventory.value?.nodes.some((node) => node.state === "waiting");

function planRefresh(): void {
  window.clearTimeout(timer);
  timer = window.setTimeout(() => {
    if (document.hidden) planRefresh();
    else void refresh(false);
  }, isReading() || !inventory.value ? READING_MS : REFRESH_MS);
}

async function ask(parameters: URLSearchParams, kind: typeof asking.value, fresh = false): Promise<void> {
  underWay?.abort();
  const own = new AbortController();
  underWay = own;
  asking.value = kind;
  try {
    const outcome = await api.get<Inventory>("inventory", parameters, own.signal, fresh);
    if (outcome.kind === "login") needsLogin.value = true;
    else if (outcome.kind === "failed") failure.value = outcome.sentence;
    else if (kind === "refresh" && rows.value.length > MOST_ROWS) {
      // Rows that somebody scrolled to stay; counts and states are new.
      take({ ...outcome.value, images: rows.value, next: inventory.value?.next ?? null }, false);
    } else {
      take(outcome.value, kind === "more");
      if (kind === "rows") announcement.value = `${outcome.value.total.toLocaleString("en")} images`;
    }
  } catch {
    // A newer request took its place.
    return;
  } finally {
    if (underWay === own) {
      underWay = null;
      asking.value = "nothing";
      planRefresh();
    }
  }
}

function parameters(limit: number): URLSearchParams {
  const parameters = url.queryParameters(location.value.query);
  parameters.set("limit", String(limit));
  return parameters;
}

export async function load(): Promise<void> {
  await ask(parameters(FIRST_ROWS), "rows");
}

/** Asks for the rows after the last one, unless that is under way. */
export async function loadMore(): Promise<void> {
  const cursor = inventory.value?.next;
  if (!cursor || asking.value !== "nothing") return;
  const further = parameters(FURTHER_ROWS);
  further.set("cursor", cursor);
  await ask(further, "more");
}

/** Asks for what is shown again; `fresh` where a person wants it now. */
export async function refresh(fresh: boolean): Promise<void> {
  if (asking.value !== "nothing" && !fresh) return planRefresh();
  const limit = Math.min(MOST_ROWS, Math.max(FIRST_ROWS, rows.value.length));
  await ask(parameters(limit), "refresh", fresh);
  if (needsSums()) void loadSums();
}

const needsSums = (): boolean => location.value.view === "space" || location.value.view === "projects";

let sums: AbortController | null = null;

/** The sums of what is shown. One row a verdict is the least that the host gives, and more than the page needs. */
export async function loadSums(): Promise<void> {
  sums?.abort();
  const own = new AbortController();
  sums = own;
  const parameters = url.filterParameters(location.value.query);
  parameters.set("limit", "1");
  try {
    const outcome = await api.get<Parameters<typeof readSums>[0]>("compare", parameters, own.signal);
    if (outcome.kind === "answer") {
      const found = readSums(outcome.value);
      compare.value = await complete(found, url.filterParameters(location.value.query), own.signal);
    } else if (outcome.kind === "login") needsLogin.value = true;
    else failure.value = outcome.sentence;
  } catch {
    // A newer request took its place.
  }
}

let askedWhole = false;

/** The sums of everything, once: the choices of the filters change seldom. */
export async function loadWhole(): Promise<void> {
  if (whole.value || askedWhole) return;
  askedWhole = true;
  const { signal } = new AbortController();
  const outcome = await api.get<Parameters<typeof readSums>[0]>("compare", new URLSearchParams({ limit: "1" }), signal).catch(() => null);
  if (outcome?.kind === "answer") {
    whole.value = await complete(readSums(outcome.value), new URLSearchParams(), signal).catch(() => null);
  }
  askedWhole = false;
}

let lastChange: "typing" | "other" = "other";

function go(next: Location, change: "typing" | "other" = "other"): void {
  const before = location.value;
  if (url.write(before) === url.write(next)) return;
  const path = `${window.location.pathname}${url.write(next)}`;
  // A word that is being typed is one step back, not one for each of its letters.
  if (change === "typing" && lastChange === "typing") history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  lastChange = change;
  arrive(before, next);
}

function arrive(before: Location, next: Location): void {
  location.value = next;
  const asked = url.queryParameters(before.query).toString() !== url.queryParameters(next.query).toString();
  if (asked) void load();
  if (needsSums() && (asked || before.view !== next.view || !compare.value)) void loadSums();
}

export const change = (query: Partial<Query>): void =>
  go({ ...location.value, open: "", query: { ...location.value.query, ...query } });

/** Narrows the rows, and shows them. */
export const show = (query: Partial<Query>): void =>
  go({ view: "images", open: "", query: { ...location.value.query, ...query } });

export function clear(): void {
  draft.value = "";
  const { sort, descending } = location.value.query;
  change({ ...url.NO_QUERY, sort, descending });
}

export const view = (name: url.View): void => go({ ...location.value, view: name, open: "" });

export const open = (key: string): void => go({ ...location.value, open: location.value.open === key ? "" : key });

let typing = 0;

export function type(text: string): void {
  draft.value = text;
  window.clearTimeout(typing);
  typing = window.setTimeout(() => {
    go({ ...location.value, open: "", query: { ...location.value.query, q: text } }, "typing");
  }, TYPING_MS);
}

export async function login(token: string): Promise<string | null> {
  const refusal = await api.login(token);
  if (refusal === null) {
    loggedIn.value = true;
    history.replaceState(null, "", `${window.location.pathname}${url.write(location.value)}`);
    await load();
    if (needsSums()) void loadSums();
    // The host took the token, and the browser did not keep the cookie.
    if (needsLogin.value) return "The server accepted the token, but the browser kept no cookie. Are cookies allowed here?";
  }
  return refusal;
}

export async function logout(): Promise<void> {
  await api.logout();
  batch(() => {
    loggedIn.value = false;
    needsLogin.value = true;
    inventory.value = null;
    rows.value = [];
    compare.value = null;
    whole.value = null;
  });
}

/** What the component put into the page: the settings, and the answer to the first question. */
interface First {
  settings?: Settings;
  status?: number;
  inventory?: Inventory | null;
  problem?: { detail?: string } | null;
  login?: boolean;
}

/** Begins with what came with the page; asks where nothing came. */
export function start(first: First): void {
  if (first.settings) settings.value = first.settings;
  loggedIn.value = first.login === true;
  if (first.inventory) {
    take(api.named(first.inventory), false);
    planRefresh();
  } else if (first.status === 401) needsLogin.value = true;
  else void load();
  if (needsSums()) void loadSums();
  window.setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, 1000);
  // The browser prints what stands there after these events.
  let scrolled = 0;
  window.addEventListener("beforeprint", () => {
    scrolled = window.scrollY;
    printing.value = true;
  });
  window.addEventListener("afterprint", () => {
    printing.value = false;
    // The page on paper is not as high, so the browser may have gone up.
    window.requestAnimationFrame(() => window.scrollTo(0, scrolled));
  });
  window.addEventListener("popstate", () => {
    const before = location.value;
    const next = url.read(window.location.search);
    lastChange = "other";
    draft.value = next.query.q;
    arrive(before, next);
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && sinceAnswer.value * 1000 > REFRESH_MS && !needsLogin.value) void refresh(false);
  });
}
