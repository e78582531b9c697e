import visibleRs from "../../components/lib/image-model/src/visible.rs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { canBePulled, pullCommand, pulls } from "../src/model/commands";
import { matrix } from "../src/model/differences";
import { nodeNames } from "../src/model/nodes";
import { age, bytes, cut, hasInvisible, natural, repositoryParts, shortDigest, visible } from "../src/model/text";
import { read as readSums, shares } from "../src/model/sums";
import type { Counts, Image, Node, State, VerdictName } from "../src/model/types";
import { NO_QUERY, queryParameters, read, write } from "../src/model/url";
import { missingSources, numberOf, summary } from "../src/model/summary";
import { VERDICTS } from "../src/model/verdicts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const OTHER = `sha256:${"b".repeat(64)}`;

const image = (verdict: VerdictName, more: Partial<Image> = {}): Image => ({
  reference: "h.example/t/app:1", repository: "h.example/t/app", tag: "1", image_id: DIGEST, digests: [DIGEST], nodes: ["n1"], node_count: 1,
  harbor: { project: "t", repository: "app", digest: DIGEST }, verdicts: [verdict], ...more,
});

test("node sets unfold as ClusterShell folds them", () => {
  assert.deepEqual(nodeNames(["gpu-[1-3,7]", "login"]), ["gpu-1", "gpu-2", "gpu-3", "gpu-7", "login"]);
  assert.deepEqual(nodeNames(["n[08-11]"]), ["n08", "n09", "n10", "n11"]);
  assert.deepEqual(nodeNames(["r[1-2]n[1-2]"]), ["r1n1", "r1n2", "r2n1", "r2n2"]);
  assert.equal(nodeNames(["n[1-999999999]"]).length, 5000, "no set fills the memory");
  assert.deepEqual(nodeNames(["odd[name", "[x]"]), ["odd[name", "[x]"]);
});

test("what has no shape is shown as its number", () => {
  assert.equal(visible("app\u202Egnp.exe"), "app‹U+202E›gnp.exe");
  assert.equal(visible("a\n\u001B[31m\u200B\u2066\u00AD\uE000\uD800"), "a‹U+000A›‹U+001B›[31m‹U+200B›‹U+2066›‹U+00AD›‹U+E000›‹U+D800›");
  assert.equal(visible("team/app:1.2 日本 فريق 🦀"), "team/app:1.2 日本 فريق 🦀");
});

test("what counts as invisible is what the server takes for it", () => {
  const [, list = ""] = /fn is_invisible\(character: char\) -> bool \{([^}]*(?:\}[^}]*?)*?)\n\}/.exec(visibleRs) ?? [];
  const ranges = [...list.matchAll(/'\\u\{([0-9a-f]+)\}'(?:\.\.='\\u\{([0-9a-f]+)\}')?/g)].map(([, from = "", to = from]) => [parseInt(from, 16), parseInt(to, 16)]);
  assert.ok(ranges.length > 30 && list.includes("is_control()"), list);
  // What Rust calls a control, and what no text of Rust can have.
  ranges.push([0, 0x1f], [0x7f, 0x9f], [0xd800, 0xdfff]);
  const expected = new Set(ranges.flatMap(([from = 0, to = 0]) => Array.from({ length: to - from + 1 }, (_, at) => from + at)));
  const differing = Array.from({ length: 0x110000 }, (_, code) => code).filter((code) => hasInvisible(String.fromCodePoint(code)) !== expected.has(code));
  assert.deepEqual(differing.map((code) => code.toString(16)), []);
  assert.equal(visible("a\u00A0b\u3164c\uFE0Fd\u2800"), "a‹U+00A0›b‹U+3164›c‹U+FE0F›d‹U+2800›");
});

test("texts are cut in their middle, and sizes and ages are short", () => {
  assert.equal(cut("abcdefghijk", 10), "abcde…hijk");
  assert.deepEqual([bytes(117_000_000), bytes(999_600), bytes(4_670_000_000), bytes(0), bytes(null)], ["117 MB", "1 MB", "4.67 GB", "0 B", ""]);
  assert.deepEqual([age(12.9), age(3599), age(90_000), age(40 * 86_400)], ["12 s", "59 min", "25 h", "40 d"]);
  assert.equal(shortDigest(DIGEST), "aaaaaaaa");
  assert.deepEqual(repositoryParts("h.example:5000/t/s/app"), { host: "h.example:5000/", folders: "t/s/", name: "app" });
  assert.deepEqual(["v10", "v2", "1.10", "v1", "1.9"].sort(natural), ["1.9", "1.10", "v1", "v2", "v10"]);
  assert.deepEqual(repositoryParts("library/nginx"), { host: "", folders: "library/", name: "nginx" });
});

test("the state of the page is its URL", () => {
  for (const search of ["", "?q=team+app&verdict=missing,drifted&project=a&sort=size&order=desc", "?view=space", "?tag=1&open=h.example/t/app:1"]) {
    assert.equal(write(read(search)), search);
  }
  assert.equal(write(read("?verdict=nonsense&sort=nonsense&view=nonsense")), "", "what is not known counts as not there");
  assert.equal(queryParameters(NO_QUERY).toString(), "sort=verdict&order=asc");
});

test("pull commands are those that give the image", () => {
  const references = (one: Image) => pulls(one).map((way) => way.reference);
  assert.deepEqual(references(image("in_sync")), ["h.example/t/app:1", `h.example/t/app@${DIGEST}`]);
  assert.deepEqual(references(image("missing", { harbor: null })), []);
  const drifted = image("drifted", { harbor: { project: "t", repository: "app", digest: OTHER } });
  assert.deepEqual(references(drifted), ["h.example/t/app:1", `h.example/t/app@${OTHER}`, `h.example/t/app@${DIGEST}`]);
  const untagged = image("untagged", { harbor: { project: "t", repository: "app", digest: DIGEST, same_digest_tags: ["2"] } });
  assert.deepEqual(references(untagged), ["h.example/t/app:2", `h.example/t/app@${DIGEST}`], "the tag itself would fail");
  assert.equal(pullCommand("nerdctl", "h/a:1"), "nerdctl --namespace k8s.io pull h/a:1");
});

test("no name reaches a shell that a registry would not accept", () => {
  for (const name of ["a/$(reboot):1", "a;id", "a\nid", "-rf", "a b", "a/\u202Eb", "`id`", "a|b", "<x>"]) assert.ok(!canBePulled(name), name);
  for (const name of ["h.example:5000/t/app:1.2-x_y", `h/a@${DIGEST}`]) assert.ok(canBePulled(name), name);
});

test("the matrix has the differences only, and nodes that are alike in one column", () => {
  const nodes: Node[] = ["n1", "n2", "n3", "n4"].map((name) => ({ name, state: name === "n4" ? "unreachable" : "answered" }));
  const everywhere = image("in_sync", { nodes: ["n[1-3]"], node_count: 3 });
  const some = image("in_sync", { reference: "h/b:1", nodes: ["n1"] });
  const moved = [
    image("drifted", { reference: "h/c:1", nodes: ["n1"] }),
    image("drifted", { reference: "h/c:1", digests: [OTHER], nodes: ["n[2-3]"], node_count: 2 }),
  ];
  const { differences, pools } = matrix([everywhere, some, ...moved], nodes);
  assert.deepEqual(differences.map(({ reference, variants }) => [reference, variants.length]), [["h/b:1", 1], ["h/c:1", 2]]);
  assert.deepEqual(pools, [{ nodes: ["n2", "n3"], variants: [-1, 1] }, { nodes: ["n1"], variants: [0, 0] }]);
});

test("the sums of the host are read, and those by project are added up", () => {
  const sums = readSums({
    counts: { missing: 2 }, nodes: [{ name: "n1", state: "answered", images: 3 }],
    bytes: { by_node: [{ name: "n1", bytes: 5 }], by_verdict: { missing: { bytes: 4 } }, by_repository: [{ name: "h/a", bytes: 3 }], other_repositories: { bytes: 1 } },
  });
  assert.deepEqual([sums.nodes[0]?.images, sums.verdicts[0]?.images, sums.otherRepositories, sums.projects], [3, 2, 1, null]);
  const rows = [image("in_sync", { bytes: 7 }), image("in_sync", { bytes: 7, tag: "2" }), image("missing", { bytes: 1, image_id: OTHER })];
  assert.deepEqual(shares(rows, (row) => row.harbor?.project), [{ name: "t", images: 3, bytes: 8, counts: { in_sync: 2, missing: 1 } }], "an id takes its space once");
});

const head = (counts: Counts, nodes: State[] = ["answered"], registry: State | null = "answered") => ({
  counts, nodes: nodes.map((state, at) => ({ name: `vm${at || ""}`, state })), registry: registry && { state: registry },
});

test("the sentence about all images says what is wrong, or that nothing is", () => {
  assert.equal(summary(head({ missing: 2, in_sync: 5, on_no_node: 9, outdated: 0 }), false), "Of 7 images on the nodes, 2 can't be pulled again.");
  assert.equal(summary(head({ missing: 0, in_sync: 5 }), true), "All is well: of 5 images found on the nodes, none is missing and none has drifted.");
  assert.equal(summary(head({ in_sync: 5, outdated: 1 }), false), "Of 5 images on the nodes, 1 could be newer.");
  assert.equal(summary(head({ on_no_node: 1 }), false), "None of 1 image is on a node that answered.");
  assert.equal(summary(head({}), true), "No image is found.");
  assert.equal(summary(head({}), false), "There is no image on the nodes, and none in Harbor.");
  assert.equal(VERDICTS.length, 9);
});

test("the sentence about all images says who did not answer, and nothing of what that one has", () => {
  const says = (...[counts, nodes, registry]: Parameters<typeof head>) => summary(head(counts, nodes, registry), false);
  assert.equal(says({}, ["unreachable"], "unreachable"), "Neither vm nor Harbor answered, so nothing is known.");
  assert.equal(says({}, ["unreachable", "unreachable"], "unreachable"), "Neither the nodes nor Harbor answered, so nothing is known.");
  assert.equal(says({}, ["waiting"], "denied"), "vm is still being read, and Harbor refused the login, so nothing is known.");
  assert.equal(says({}, ["unreachable"], null), "vm did not answer, and Harbor is not configured, so nothing is known.");
  assert.equal(says({}, [], "unreachable"), "Harbor did not answer, so nothing is known.");
  assert.equal(says({ unknown: 7 }, ["unreachable"]), "vm did not answer; 7 images in Harbor can't be compared.");
  assert.equal(says({ unknown: 7 }, ["unreachable", "denied"]), "No node answered; 7 images in Harbor can't be compared.");
  assert.equal(says({}, ["unreachable"]), "vm did not answer, and there is no image in Harbor.");
  assert.equal(summary(head({}, ["unreachable"]), true), "vm did not answer, and no image is found in Harbor.");
  assert.equal(says({ unknown: 4 }, ["answered"], "unreachable"), "Harbor did not answer; of 4 images on the nodes, 4 can't be judged.");
  assert.equal(says({ foreign: 4 }, ["answered"], "unreachable"), "Harbor did not answer; none of 4 images on the nodes comes from there.");
  assert.equal(says({}, ["answered"], "denied"), "Harbor refused the login, and there is no image on the nodes.");
  assert.equal(says({ in_sync: 4 }, ["answered", "unreachable"]), "Of 4 images on the nodes that answered, none is missing and none has drifted.");
  assert.equal(says({ in_sync: 4, unknown: 3 }, ["stale"]), "Of 7 images, 3 can't be judged.");
});

test("a zero is shown only where it is known", () => {
  const shows = (...[counts, nodes, registry]: Parameters<typeof head>) =>
    (["missing", "unknown", "on_no_node"] as const).map((verdict) => numberOf(head(counts, nodes, registry), verdict));
  assert.deepEqual(shows({}), [0, 0, 0]);
  assert.deepEqual(shows({}, ["unreachable"], "unreachable"), [null, null, null]);
  assert.deepEqual(shows({ unknown: 7 }, ["unreachable"]), [null, 7, null]);
  assert.deepEqual(shows({ unknown: 4 }, ["answered"], "unreachable"), [null, 4, null]);
  assert.deepEqual(shows({ in_sync: 4 }, ["stale"], "stale"), [0, 0, 0]);
  assert.deepEqual(shows({}, ["answered"], null), [null, null, null]);
  assert.equal(missingSources(head({}, ["answered", "unreachable"])), null);
});
