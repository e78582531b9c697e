// The situations to look at: node dev.mjs serves one of them at a time, and /dev/NAME changes it.

import { fold, hostileRows, manyRows, teamRows } from "./sample.mjs";

const registry = (more = {}) => ({ url: "https://harbor.example.com", version: "v2.16.0", state: "answered", age_seconds: 12, ...more });
const node = (name, more = {}) => ({ name, state: "answered", age_seconds: 9, images: 120, bytes: 81_234_567_890, ...more });
const ONE = ["node-7"];

function unfolded(rows, nodes) {
  const names = new Map([[JSON.stringify(fold(nodes)), nodes]]);
  for (let count = 1; count <= nodes.length; count += 1) names.set(JSON.stringify(fold(nodes.slice(0, count))), nodes.slice(0, count));
  return rows.map((row) => ({ ...row, nodeNames: names.get(JSON.stringify(row.nodes)) ?? row.nodes }));
}

const world = (rows, more = {}) => ({ rows, nodes: [node("node-7")], registry: registry(), errors: [], status: 200, ...more });

export const WORLDS = {
  team: (now) => world(teamRows(now, ONE)),
  fine: (now) => world(teamRows(now, ONE).map((row) => (row.verdicts.some((verdict) => ["missing", "drifted", "untagged", "unknown"].includes(verdict)) ? { ...row, verdicts: [row.harbor ? "in_sync" : "foreign"] } : row))),
  "harbor-down": (now) => world(
    teamRows(now, ONE).filter((row) => row.node_count > 0).map((row) => ({ ...row, harbor: null, verdicts: [row.verdicts[0] === "foreign" ? "foreign" : "unknown"] })),
    { registry: registry({ state: "unreachable", age_seconds: null, version: null }),
      errors: [{ source: "harbor", code: "connection_refused", error: "GET https://harbor.example.com/api/v2.0/systeminfo: connection refused; is Harbor running, and is this its port? The rows of the node are whole; what depends on Harbor is unknown." }] }),
  stale: (now) => world(teamRows(now, ONE), { registry: registry({ state: "stale", age_seconds: 5400 }),
    errors: [{ source: "harbor", code: "timed_out", error: "GET https://harbor.example.com/api/v2.0/projects: no complete answer in 30 s; is Harbor overloaded? Rows of an hour and a half ago are shown instead." }] }),
  "no-harbor": (now) => world(teamRows(now, ONE).filter((row) => row.node_count > 0).map((row) => ({ ...row, harbor: null, verdicts: [] })), { registry: null }),
  empty: () => world([], { nodes: [node("node-7", { images: 0, bytes: 0 })] }),
  reading: (now) => world(teamRows(now, ONE).filter((row) => row.node_count > 0).map((row, index) => (index % 3 === 0 || row.verdicts[0] === "foreign" ? row : { ...row, harbor: null, verdicts: ["unknown"] })),
    { registry: registry({ state: "answered", age_seconds: 0 }),
      errors: [{ source: "harbor", code: "timed_out", error: "the listing of Harbor had not ended within 120 s and was ended; raise listing_timeout (the setting harbor-listing-timeout) if it needs longer; missing: 7834 repositories; 2302 of 10136 repositories are kept, and the next listing goes on from there" }] }),
  many: (now) => world(manyRows(now, 100_000)),
  hostile: () => world(hostileRows()),
  fleet: (now) => {
    const names = Array.from({ length: 12 }, (_, index) => `gpu-${index + 1}`);
    const nodes = names.map((name, index) => node(name, { images: 90 + index, bytes: 6e10 + index * 3e9 }));
    nodes[4] = { name: "gpu-5", state: "unreachable", age_seconds: null };
    nodes[8] = node("gpu-9", { state: "stale", age_seconds: 640 });
    const rows = teamRows(now, names);
    const moved = rows.find((row) => row.reference.endsWith("shop/catalog:8.0.2"));
    rows.push({ ...moved, image_id: moved.image_id.replace(/^sha256:.{4}/, "sha256:beef"), digests: [moved.digests[0].replace(/^sha256:.{4}/, "sha256:beef")], nodes: ["gpu-[6-8]"], node_count: 3 });
    return world(unfolded(rows, names), { nodes, errors: [{ source: "containerd", node: "gpu-5", code: "timed_out", error: "GET https://gpu-5:5375/inventory: no connection in 2 s; can this machine reach the node?" }] });
  },
  // All nine verdicts.
  outdated: (now) => world(teamRows(now, ONE).map((row, index) => (index % 4 === 0 && row.verdicts[0] === "in_sync" ? { ...row, verdicts: ["outdated", "in_sync"] } : row))),
  "node-down": (now) => world(teamRows(now, ONE).filter((row) => row.harbor).map((row) => ({ ...row, nodes: [], node_count: 0, image_id: null, verdicts: ["unknown"] })),
    { nodes: [node("node-7", { state: "unreachable", age_seconds: null, images: 0, bytes: 0 })], errors: [{ source: "containerd", code: "unavailable", error: "`crictl images -o json` failed: is containerd running?" }] }),
  "both-down": () => world([], { nodes: [node("node-7", { state: "unreachable", age_seconds: null, images: 0, bytes: 0 })], registry: registry({ state: "unreachable", age_seconds: 0, version: null }),
    errors: [{ source: "containerd", code: "unavailable", error: "`crictl images -o json` failed: is containerd running?" }, { source: "harbor", code: "unavailable", error: "GET https://harbor.example.com/api/v2.0/systeminfo: connection refused" }] }),
  login: (now) => world(teamRows(now, ONE), { token: "sesame" }),
  broken: () => world([], { status: 503 }),
};
