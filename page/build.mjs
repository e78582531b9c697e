// Builds the page into a folder: node build.mjs [FOLDER]. `cargo xtask page` runs it.

import { build } from "esbuild";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));

/** The most bytes of all files together, compressed: the page has to stand quickly on a bad line. */
const BUDGET = 250_000;

/** The licence of each package that is in the bundle, in the order of their names. */
function licences(inputs) {
  const packages = new Set(
    inputs.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter((name) => name !== undefined),
  );
  return [...packages].sort().map((name) => {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`${name} has no licence file`);
    const text = readFileSync(join(folder, file), "utf8").replace(/\r\n/g, "\n").trim();
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
}

export async function bundle(folder, { minify = true } = {}) {
  const result = await build({
    absWorkingDir: here,
    entryPoints: { app: "src/main.tsx", theme: "src/theme.ts", style: "src/style.css" },
    outdir: resolve(folder),
    bundle: true,
    minify,
    write: false,
    metafile: true,
    format: "iife",
    target: ["chrome123", "firefox125", "safari17.5"],
    jsx: "automatic",
    jsxImportSource: "preact",
    charset: "utf8",
    legalComments: "none",
    logLevel: "warning",
  });
  mkdirSync(folder, { recursive: true });
  for (const file of result.outputFiles) {
    if (!existsSync(dirname(file.path))) mkdirSync(dirname(file.path), { recursive: true });
    writeFileSync(file.path, file.text.endsWith("\n") ? file.text : `${file.text}\n`);
  }
  copyFileSync(join(here, "src/icon.svg"), join(folder, "icon.svg"));
  const compressed = readdirSync(folder).reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name)), { level: 9 }).length, 0);
  if (minify && compressed > BUDGET) throw new Error(`the page has ${compressed} compressed bytes, more than ${BUDGET}`);
  const line = `\n${"-".repeat(80)}\n\n`;
  writeFileSync(join(folder, "licences.txt"), `The page contains these libraries.\n${line}${licences(Object.keys(result.metafile.inputs)).join(line)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundle(process.argv[2] ?? join(here, "../components/page/assets"));
}
