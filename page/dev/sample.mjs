// A believable small team: twelve projects and two proxy caches of one Harbor, and what their nodes hold of it. Every verdict is there.

const HARBOR = "harbor.example.com";
const DAY = 86_400_000;

/** Project, repository, tags (the newest first), megabytes on a node. */
const REPOSITORIES = [
  ["base", "python", ["3.13-slim", "3.12-slim", "3.11-slim"], 48], ["base", "node", ["22-alpine", "20-alpine"], 52],
  ["base", "cuda", ["12.8-runtime", "12.6-runtime", "12.4-runtime"], 1340], ["base", "debian", ["bookworm-20261109", "bookworm-20261012"], 29],
  ["ml", "pytorch", ["2.9-cuda12.8", "2.8-cuda12.6", "2.3-cuda12.4"], 4210], ["ml", "vllm", ["0.12.1", "0.12.0", "0.11.2"], 5890],
  ["ml", "jupyter", ["2026.11", "2026.10", "2026.09"], 2380], ["ml", "triton", ["26.10-py3", "26.09-py3"], 7120], ["ml", "whisper-batch", ["1.4.2", "1.4.1", "latest"], 3150],
  ["ml", "feature-store", ["0.38.0", "0.37.1"], 412], ["shop", "storefront", ["5.12.0", "5.11.3", "5.11.2", "5.11.1", "stable"], 117],
  ["shop", "checkout", ["3.4.1", "3.4.0", "3.3.9"], 96], ["shop", "catalog", ["8.0.2", "8.0.1", "7.9.14"], 141], ["shop", "pricing", ["1.22.0", "1.21.4"], 83],
  ["shop", "search/indexer", ["2.7.0", "2.6.5"], 164], ["shop", "search/frontend", ["2.7.0", "2.6.5"], 58],
  ["payments", "gateway", ["4.1.3", "4.1.2", "4.0.9"], 88], ["payments", "ledger", ["2.15.0", "2.14.2"], 121], ["payments", "reconciler", ["1.9.1", "1.9.0"], 74],
  ["data", "airflow", ["3.1.2", "3.1.0", "2.11.0"], 890], ["data", "dbt-runner", ["1.11.1", "1.10.6"], 324], ["data", "spark", ["4.0.1", "3.5.7"], 1120],
  ["data", "clickhouse-backup", ["2.6.40", "2.6.33"], 41], ["platform", "ingress", ["1.14.0", "1.13.4"], 102], ["platform", "cert-sync", ["0.9.2"], 18],
  ["platform", "node-agent", ["2.3.1", "2.3.0", "2.2.8"], 36], ["platform", "backup/restic", ["0.18.1-2", "0.18.1-1"], 27],
  ["observability", "grafana", ["12.3.0-team1", "12.2.1-team2"], 198], ["observability", "loki", ["3.6.1", "3.5.8"], 77], ["observability", "otel-collector", ["0.141.0-team", "0.138.0-team"], 93],
  ["ci", "runner", ["2.329.0", "2.328.0"], 612], ["ci", "buildkit", ["0.26.2-rootless"], 71], ["ci", "e2e-browsers", ["v1.57-noble", "v1.56-noble"], 1810],
  ["security", "trivy-mirror", ["0.68.1", "0.67.2"], 61], ["security", "falco-rules", ["5.1.0"], 9],
  ["mobile", "push-sender", ["6.0.4", "6.0.3"], 69], ["mobile", "app-backend", ["11.2.0", "11.1.7", "11.1.6"], 132],
  ["docs", "handbook", ["2026-11-20", "2026-11-06"], 34], ["docs", "api-reference", ["2026-11-18"], 31],
  ["playground", "hello", ["anna", "jonas", "test"], 12], ["playground", "llm-demo", ["0.0.7", "0.0.6"], 4480],
];

const PROXIED = [
  ["dockerhub-proxy", "library/postgres", "17.7", 158], ["dockerhub-proxy", "library/redis", "8.4-alpine", 31], ["dockerhub-proxy", "library/busybox", "1.37", 2],
  ["dockerhub-proxy", "bitnami/kubectl", "1.34", 74], ["ghcr-proxy", "cloudnative-pg/postgresql", "17.6", 214], ["ghcr-proxy", "kedacore/keda", "2.18.1", 48],
];

const FOREIGN = [
  ["registry.k8s.io/pause", "3.10.1", 0.32], ["registry.k8s.io/kube-proxy", "v1.34.2", 31], ["registry.k8s.io/coredns/coredns", "v1.12.4", 21],
  ["registry.k8s.io/etcd", "3.6.5-0", 62], ["registry.k8s.io/kube-apiserver", "v1.34.2", 27], ["quay.io/cilium/cilium", "v1.18.4", 243],
  ["quay.io/cilium/operator-generic", "v1.18.4", 34], ["quay.io/prometheus/node-exporter", "v1.10.2", 13], ["nvcr.io/nvidia/k8s-device-plugin", "v0.18.0", 189],
  ["nvcr.io/nvidia/cloud-native/dcgm-exporter", "4.4.2", 410], ["docker.io/rook/ceph", "v1.18.7", 468], ["ghcr.io/fluxcd/source-controller", "v1.7.3", 33],
  ["localhost:5000/scratch/debug", "jonas", 214], ["docker.io/library/memcached", "1.6-alpine", 11],
];

/** The same numbers at each start, so that screenshots stay comparable. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function digestOf(text) {
  const random = generator([...text].reduce((sum, letter) => (Math.imul(sum, 31) + letter.codePointAt(0)) >>> 0, 7));
  return `sha256:${Array.from({ length: 64 }, () => Math.floor(random() * 16).toString(16)).join("")}`;
}

/** What is wrong, by reference below the registry. */
const WRONG = {
  "ml/whisper-batch:latest": "drifted", "shop/storefront:stable": "drifted", "shop/catalog:8.0.2": "drifted", "playground/hello:test": "drifted",
  "ml/jupyter:2026.10": "drifted", "payments/ledger:2.14.2": "missing", "playground/llm-demo:0.0.6": "missing", "ci/runner:2.328.0": "untagged",
};

const instant = (now, days) => new Date(now - days * DAY).toISOString().replace(/\.\d+Z$/, "Z");

function harborSide(project, repository, digest, bytes, pushed, pulled, tags) {
  return { project, repository, digest, bytes, pushed_at: pushed, pulled_at: pulled, same_digest_tags: tags };
}

/** The rows, for a fleet of these nodes. */
export function teamRows(now, nodes) {
  const random = generator(20261126);
  const rows = [];
  const set = (count) => (count >= nodes.length ? fold(nodes) : fold(nodes.slice(0, count)));
  const add = (row) => rows.push({ pinned: false, ...row, size: null });
  for (const [project, repository, tags, megabytes] of REPOSITORIES) {
    tags.forEach((tag, age) => {
      const name = `${project}/${repository}:${tag}`;
      const path = `${HARBOR}/${project}/${repository}`;
      const digest = digestOf(name);
      const bytes = Math.round(megabytes * 1e6 * (0.94 + random() * 0.12));
      const days = 1.3 + age * 17 + random() * 9;
      const pushed = instant(now, days);
      const wrong = WRONG[name];
      const onNode = wrong !== undefined || age === 0 || random() < 0.3;
      const id = `sha256:${digestOf(`${name} id`).slice(7)}`;
      const count = onNode ? (wrong ? Math.min(nodes.length, 2) : 1 + Math.floor(random() * nodes.length)) : 0;
      const common = { reference: `${path}:${tag}`, repository: path, tag, image_id: onNode ? id : null, digests: onNode ? [digest] : [], bytes, nodes: onNode ? set(count) : [], node_count: count };
      const side = harborSide(project, repository, digest, Math.round(bytes * (megabytes > 500 ? 1 : 2.1)), pushed, instant(now, days * random()), [tag]);
      if (wrong === "missing") add({ ...common, harbor: null, verdicts: ["missing"] });
      else if (wrong === "untagged") add({ ...common, harbor: { ...side, same_digest_tags: ["2.328", "2"] }, verdicts: ["untagged"] });
      else if (wrong === "drifted") {
        const newer = digestOf(`${name} again`);
        add({ ...common, harbor: { ...side, digest: newer, pushed_at: instant(now, 3.1), same_digest_tags: [] }, verdicts: ["drifted"] });
      } else add({ ...common, harbor: side, verdicts: [onNode ? "in_sync" : "on_no_node"] });
    });
  }
  for (const [project, repository, tag, megabytes] of PROXIED) {
    const path = `${HARBOR}/${project}/${repository}`;
    const digest = digestOf(path + tag);
    add({ reference: `${path}:${tag}`, repository: path, tag, image_id: digestOf(`${path} id`), digests: [digest], bytes: megabytes * 1e6,
      nodes: set(nodes.length), node_count: nodes.length, harbor: { project, repository, digest: null, bytes: null, pushed_at: null, pulled_at: null, same_digest_tags: [] }, verdicts: ["proxied"] });
  }
  for (const [repository, tag, megabytes] of FOREIGN) {
    add({ reference: `${repository}:${tag}`, repository, tag, image_id: digestOf(`${repository} id`), digests: [digestOf(repository + tag)], bytes: megabytes * 1e6,
      nodes: set(nodes.length), node_count: nodes.length, harbor: null, pinned: repository.endsWith("pause"), verdicts: ["foreign"] });
  }
  const imported = [["docker.io/library/sensor-replay", "2026-09"], ["harbor.example.com/data/import-tool", "dev"], [null, null]];
  for (const [repository, tag] of imported) {
    add({ reference: repository ? `${repository}:${tag}` : null, repository, tag, reason: repository ? { code: "no_digest", message: "The node gave no digest for this name: the image was imported or built there, or the node is read by crictl's table." } : { code: "no_name", message: "The image has no name: give it a tag on the node." }, image_id: digestOf(`imported ${repository}`), digests: [], bytes: 207_000_000,
      nodes: set(1), node_count: 1, harbor: null, verdicts: ["unknown"] });
  }
  return rows;
}

/** Names as ClusterShell folds them, for names that end in a number. */
export function fold(names) {
  const groups = new Map();
  const plain = [];
  for (const name of names) {
    const match = /^(.*?)(\d+)$/.exec(name);
    if (!match) plain.push(name);
    else groups.set(match[1], [...(groups.get(match[1]) ?? []), Number(match[2])]);
  }
  for (const [prefix, numbers] of groups) {
    const ranges = [];
    for (const number of numbers.sort((a, b) => a - b)) {
      const last = ranges.at(-1);
      if (last && last[1] === number - 1) last[1] = number;
      else ranges.push([number, number]);
    }
    const [only] = ranges;
    if (ranges.length === 1 && only[0] === only[1]) plain.push(`${prefix}${only[0]}`);
    else plain.push(`${prefix}[${ranges.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(",")}]`);
  }
  return plain;
}

/** So many rows, for the pace of the page. */
export function manyRows(now, count) {
  const rows = [];
  const words = ["alpha", "bravo", "delta", "ember", "fjord", "granite", "harvest", "iris", "juniper", "kelp"];
  for (let index = 0; index < count; index += 1) {
    const project = `${words[index % 10]}-${index % 97}`;
    const repository = `${words[Math.floor(index / 10) % 10]}/${words[Math.floor(index / 100) % 10]}-${index % 1009}`;
    const tag = `${Math.floor(index / 5000)}.${Math.floor(index / 50) % 100}.${index % 50}`;
    const path = `${HARBOR}/${project}/${repository}`;
    const digest = `sha256:${index.toString(16).padStart(8, "0").repeat(8)}`;
    const onNode = index % 200 === 0;
    rows.push({ reference: `${path}:${tag}`, repository: path, tag, image_id: onNode ? digest : null, digests: onNode ? [digest] : [], bytes: 1e6 * (1 + (index * 7919) % 900), size: null, pinned: false,
      nodes: onNode ? ["node-7"] : [], node_count: onNode ? 1 : 0, harbor: harborSide(project, repository, digest, 1e6 * (1 + (index * 7919) % 900), instant(now, index % 900), null, [tag]), verdicts: [onNode ? "in_sync" : "on_no_node"] });
  }
  return rows;
}

/** Names that no registry accepts, and some runtime may have. */
export function hostileRows() {
  const long = "very-long-name-of-a-repository-that-somebody-generated-from-a-branch/".repeat(3).slice(0, 190);
  const names = [
    ["harbor.example.com/team/<img src=x onerror=alert(1)>", "<script>alert(2)</script>"], [`harbor.example.com/${long}end-of-it`, "1.0"],
    ["harbor.example.com/team/app", "t".repeat(128)], ["harbor.example.com/فريق/صورة", "الأول"], ["harbor.example.com/צוות/תמונה", "א1"],
    ["harbor.example.com/team/app\u202Egnp.exe", "1.0"], ["harbor.example.com/team/zero\u200Bwidth\u2066iso", "2\u00AD.0"],
    ["harbor.example.com/team/line\nbreak\u0007bell\u001B[31m", "1\t0"], ["harbor.example.com/team/$(reboot)", "`id`;rm -rf ~"], ["harbor.example.com/team/\"quoted\" 'name' & more", "1"],
    ["日本語.example.com/チーム/画像", "最新"], ["harbor.example.com/team/🦀🔥", "v1"], ["constructor", "__proto__"], ["harbor.example.com/project/UPPER", "A_B"],
  ];
  const verdicts = ["missing", "drifted", "untagged", "unknown", "in_sync", "foreign"];
  return names.map(([repository, tag], index) => ({
    reference: `${repository}:${tag}`, repository, tag, image_id: digestOf(`h${index}`), digests: index % 4 === 3 ? [] : [digestOf(`d${index}`)], bytes: 12_345_678 * (index + 1), size: null, pinned: false,
    nodes: ["node-7"], node_count: 1, harbor: null, verdicts: [verdicts[index % verdicts.length]],
  }));
}
