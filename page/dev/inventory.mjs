// `/inventory` and `/compare` over sample rows: enough of them to try the page, and no more.

const RANK = ["missing", "drifted", "untagged", "outdated", "in_sync", "proxied", "foreign", "unknown", "on_no_node"];
const KNOWN = ["q", "source", "node", "project", "registry", "verdict", "tag", "sort", "order", "limit", "cursor"];

const hostOf = (row) => {
  const first = row.repository?.split("/")[0] ?? "";
  return /[.:]|^localhost$/.test(first) ? first : row.repository ? "docker.io" : "";
};
const rankOf = (row) => Math.min(...row.verdicts.map((verdict) => RANK.indexOf(verdict)), RANK.length);

const KEYS = {
  verdict: rankOf,
  name: (row) => row.reference ?? "~",
  digest: (row) => row.digests[0] ?? row.harbor?.digest ?? "",
  size: (row) => row.bytes ?? 0,
  nodes: (row) => row.node_count,
  pushed: (row) => row.harbor?.pushed_at ?? "",
};

function filtered(rows, parameters, leaveOut) {
  const text = (name) => (leaveOut === name ? "" : (parameters.get(name) ?? ""));
  const words = text("q").toLowerCase().split(/\s+/).filter(Boolean);
  const verdicts = text("verdict").split(",").filter(Boolean);
  const [project, registry, tag, node, source] = ["project", "registry", "tag", "node", "source"].map(text);
  return rows.filter((row) =>
    (words.length === 0 || words.every((word) => (row.reference ?? "").toLowerCase().includes(word) || row.digests.some((digest) => digest.includes(word)))) &&
    (verdicts.length === 0 || row.verdicts.some((verdict) => verdicts.includes(verdict))) &&
    (!project || row.harbor?.project === project) && (!registry || hostOf(row) === registry) && (!tag || row.tag === tag) &&
    (!node || row.nodeNames?.includes(node) || row.nodes.includes(node)) && (source !== "containerd" || row.node_count > 0) && (source !== "harbor" || row.harbor));
}

const compareKeys = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** The refusal of a query, or null. */
export function refusal(parameters) {
  for (const name of parameters.keys()) if (!KNOWN.includes(name)) return `${name} is no parameter; there are ${KNOWN.join(", ")}.`;
  const limit = Number(parameters.get("limit") ?? 100);
  return limit >= 1 && limit <= 1000 ? null : "limit is a number from 1 to 1000.";
}

export function counts(rows) {
  const result = Object.fromEntries(RANK.filter((verdict) => verdict !== "outdated").map((verdict) => [verdict, 0]));
  for (const row of rows) for (const verdict of row.verdicts) result[verdict] = (result[verdict] ?? 0) + 1;
  return result;
}

export function inventory(world, parameters) {
  const rows = filtered(world.rows, parameters);
  const key = KEYS[parameters.get("sort") ?? "name"] ?? KEYS.name;
  const turn = parameters.get("order") === "desc" ? -1 : 1;
  rows.sort((a, b) => turn * compareKeys(key(a), key(b)) || compareKeys(a.reference ?? "~", b.reference ?? "~"));
  const from = Number(parameters.get("cursor") ?? 0);
  const limit = Number(parameters.get("limit") ?? 100);
  return {
    generated_at: new Date().toISOString(), nodes: world.nodes, registry: world.registry, total: rows.length,
    counts: counts(filtered(world.rows, parameters, "verdict")), images: rows.slice(from, from + limit).map(({ nodeNames: _, ...row }) => row),
    next: from + limit < rows.length ? String(from + limit) : null, errors: world.errors,
  };
}

function shares(rows, names) {
  const found = new Map();
  for (const row of rows) {
    for (const name of names(row)) {
      if (!name) continue;
      const share = found.get(name) ?? { name, images: 0, bytes: 0, counts: {} };
      share.images += 1;
      share.bytes += row.bytes ?? row.harbor?.bytes ?? 0;
      for (const verdict of row.verdicts) share.counts[verdict] = (share.counts[verdict] ?? 0) + 1;
      found.set(name, share);
    }
  }
  return [...found.values()];
}

export function compare(world, parameters) {
  const rows = filtered(world.rows, parameters);
  const repositories = shares(rows, (row) => [row.repository]).sort((a, b) => b.bytes - a.bytes);
  const answered = world.nodes.filter((node) => node.state === "answered").length;
  return {
    generated_at: new Date().toISOString(), nodes: world.nodes, registry: world.registry, total: rows.length, counts: counts(rows),
    on_all_nodes: { nodes: `${answered} of ${world.nodes.length}`, images: rows.filter((row) => row.node_count === answered).length, answered, known: world.nodes.length },
    bytes: {
      by_node: shares(rows, (row) => row.nodeNames ?? row.nodes).map(({ name, bytes }) => ({ name, bytes })),
      by_verdict: Object.fromEntries(shares(rows, (row) => row.verdicts).map(({ name, bytes }) => [name, { bytes }])),
      by_repository: repositories.slice(0, 10).map(({ name, bytes }) => ({ name, bytes })),
      other_repositories: { bytes: repositories.slice(10).reduce((sum, { bytes }) => sum + bytes, 0) },
    },
    errors: world.errors,
  };
}

export function csv(world, parameters) {
  const cell = (value) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const lines = filtered(world.rows, parameters).map((row) => [row.reference, row.verdicts.join(" "), row.digests.join(" "), String(row.bytes), row.nodes.join(" ")].map(cell).join(","));
  return `reference,verdicts,digests,bytes,nodes\n${lines.join("\n")}\n`;
}
