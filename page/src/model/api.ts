// Asks the host. There is no other place to ask: the page's policy allows none.

import type { Image } from "./types";

export type Outcome<T> =
  | { kind: "answer"; value: T }
  /** The host wants a token first. */
  | { kind: "login" }
  | { kind: "failed"; sentence: string; retryAfter: number | null };

interface Problem {
  title?: unknown;
  detail?: unknown;
}

/** The sentence of a refusal (RFC 9457); what the host says is better than what the page could guess. */
async function sentenceOf(response: Response): Promise<string> {
  try {
    const problem = (await response.json()) as Problem;
    if (typeof problem.detail === "string" && problem.detail) return problem.detail;
    if (typeof problem.title === "string" && problem.title) return `${problem.title} (${response.status}).`;
  } catch {
    // Something between the browser and the program answered.
  }
  return `The server answered ${response.status} ${response.statusText}.`;
}

/** An image without a name has no reference. Here its id takes the place, so that each row has a key. */
export function named<T>(answer: T): T {
  const { images } = answer as { images?: unknown };
  if (Array.isArray(images)) for (const image of images as Image[]) image.reference ??= image.image_id ?? "";
  return answer;
}

/** Gets JSON. `fresh` has caches ask again. A request that was cancelled throws `AbortError`. */
export async function get<T>(
  path: string,
  parameters: URLSearchParams,
  signal: AbortSignal,
  fresh = false,
): Promise<Outcome<T>> {
  const query = parameters.size > 0 ? `?${parameters}` : "";
  try {
    const response = await fetch(`${path}${query}`, {
      signal,
      headers: { accept: "application/json" },
      credentials: "same-origin",
      cache: fresh ? "reload" : "default",
    });
    if (response.ok) return { kind: "answer", value: named((await response.json()) as T) };
    if (response.status === 401) return { kind: "login" };
    const seconds = Number.parseInt(response.headers.get("retry-after") ?? "", 10);
    return {
      kind: "failed",
      sentence: await sentenceOf(response),
      retryAfter: Number.isNaN(seconds) ? null : seconds,
    };
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    return {
      kind: "failed",
      sentence: "The server can't be reached. Is it running, and is this machine still connected?",
      retryAfter: null,
    };
  }
}

/** Gives the token to the host, which answers with a cookie that no script sees. Null where it was accepted. */
export async function login(token: string): Promise<string | null> {
  try {
    const response = await fetch("login", {
      method: "POST",
      body: new URLSearchParams({ token }),
      headers: { accept: "application/json" },
      credentials: "same-origin",
      redirect: "manual",
    });
    // A redirect back to the page is what a form without scripts gets; here it means the same.
    if (response.ok || response.type === "opaqueredirect") return null;
    return await sentenceOf(response);
  } catch {
    return "The server can't be reached. Is it running, and is this machine still connected?";
  }
}

export async function logout(): Promise<void> {
  try {
    await fetch("logout", { method: "POST", credentials: "same-origin", redirect: "manual" });
  } catch {
    // The cookie ends by itself.
  }
}
