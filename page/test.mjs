// Runs the tests of the logic in src/model with Node's own runner: npm test.

import { build } from "esbuild";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "page-tests-"));
const tests = readdirSync(join(here, "test")).filter((name) => name.endsWith(".test.ts"));
await build({
  absWorkingDir: here,
  entryPoints: tests.map((name) => `test/${name}`),
  outdir: folder,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  // A test compares what the page does with what the server does.
  loader: { ".rs": "text" },
  format: "esm",
  logLevel: "warning",
});
const stream = run({ files: tests.map((name) => join(folder, name.replace(/ts$/, "mjs"))) });
stream.on("test:fail", () => { process.exitCode = 1; });
stream.on("end", () => rmSync(folder, { recursive: true }));
stream.compose(spec).pipe(process.stdout);
