// Serves the page with sample data, to look at it: node dev.mjs [PORT]. /dev/NAME changes the situation (dev/worlds.mjs), ?scripts=off
// shows what a browser without scripts gets. The HTML is the component's own: `cargo build --release -p page --example render` first.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "./build.mjs";
import { compare, csv, inventory, refusal } from "./dev/inventory.mjs";
import { WORLDS } from "./dev/worlds.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const assets = mkdtempSync(join(tmpdir(), "page-"));
await bundle(assets);
const port = Number(process.argv[2] ?? 5376);
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const RENDER = join(here, "../target/release/examples/render");
const TYPES = { js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", txt: "text/plain; charset=utf-8", svg: "image/svg+xml" };
const QUERY = ["q", "source", "node", "project", "registry", "verdict", "tag", "sort", "order", "cursor"];

let name = "team";
let world = WORLDS.team(Date.now());

/** The HTML of the component, for the answer of `/inventory`. */
function html(search, status, answer) {
  if (!existsSync(RENDER)) throw new Error("cargo build --release -p page --example render comes first");
  const input = JSON.stringify({ login: status === 401 ? "login-required" : world.token ? "logged-in" : "", query: search, status, answer, title: "Image Service", subtitle: "gpu cluster, Bonn" });
  return spawnSync(RENDER, { input, maxBuffer: 1 << 26 }).stdout;
}

function answer(request, url) {
  const loggedIn = !world.token || request.headers.cookie?.includes("token=sesame");
  const json = (status, value) => ({ status, type: status < 300 ? "application/json" : "application/problem+json", body: JSON.stringify(value) });
  if (url.pathname.startsWith("/dev/")) {
    name = url.pathname.slice(5);
    if (!WORLDS[name]) return json(404, { title: `There are ${Object.keys(WORLDS).join(", ")}` });
    world = WORLDS[name](Date.now());
    return json(200, { now: name });
  }
  if (url.pathname.startsWith("/assets/")) {
    const file = url.pathname.slice(8).replace(/-[0-9a-f]{8}(?=\.)/, "");
    const built = join(assets, file);
    const path = existsSync(built) ? built : join(here, "../components/page/assets", file);
    return { status: 200, type: TYPES[file.split(".").pop()], body: readFileSync(path) };
  }
  if (url.pathname === "/login") return { status: 303, headers: { location: "/", "set-cookie": "token=sesame; HttpOnly; SameSite=Strict; Path=/" }, body: "" };
  if (url.pathname === "/logout") return { status: 303, headers: { location: "/", "set-cookie": "token=; Max-Age=0; Path=/" }, body: "" };
  if (url.pathname === "/") {
    const asked = new URLSearchParams([...url.searchParams].filter(([key]) => QUERY.includes(key)));
    if (!asked.has("sort")) asked.set("sort", "verdict");
    asked.set("limit", "100");
    const status = loggedIn ? world.status : 401;
    const page = html(url.search.slice(1), status, status === 200 ? JSON.stringify(inventory(world, asked)) : JSON.stringify({ detail: "Harbor and the node have not been read yet; try again in 10 s." }));
    // What a browser without scripts gets.
    const policy = url.searchParams.get("scripts") === "off" ? CSP.replace("script-src 'self'", "script-src 'none'") : CSP;
    return { status: 200, type: "text/html; charset=utf-8", headers: { "content-security-policy": policy }, body: page };
  }
  if (!loggedIn) return json(401, { title: "Unauthorized", detail: "This needs a token." });
  if (world.status !== 200) return json(world.status, { title: "Service Unavailable", detail: "Harbor and the node have not been read yet; try again in 10 s." });
  const wrong = refusal(url.searchParams);
  if (wrong) return json(400, { title: "Bad Request", detail: wrong });
  if (url.pathname === "/inventory") return json(200, inventory(world, url.searchParams));
  if (url.pathname === "/inventory.csv") return { status: 200, type: "text/csv; charset=utf-8", body: csv(world, url.searchParams) };
  if (url.pathname === "/compare") return json(200, compare(world, url.searchParams));
  return json(404, { title: "Not Found" });
}

createServer((request, response) => {
  let form = "";
  request.on("data", (chunk) => { form += chunk; });
  request.on("end", () => {
    const url = new URL(request.url, "http://localhost");
    let result;
    if (url.pathname === "/login" && !new URLSearchParams(form).get("token")?.includes(world.token ?? "")) {
      result = { status: 401, type: "application/problem+json", body: JSON.stringify({ title: "Unauthorized" }) };
    } else {
      result = answer(request, url);
    }
    response.writeHead(result.status, { "content-type": result.type ?? "text/plain", "x-content-type-options": "nosniff", "cache-control": "no-cache", ...result.headers });
    response.end(result.body);
  });
}).listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/ shows ${name}; /dev/NAME changes it: ${Object.keys(WORLDS).join(", ")}`));
