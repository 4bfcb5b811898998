/** Budgets, read from the build's own manifest: the first load, and what each page adds to it. */
import { readFileSync } from "node:fs";

const OUT = "../tasks_app/static/console/";
const FIRST_LOAD = "185 kB";
const PAGE = "40 kB";
/** The form page carries the JSON Schema form. */
const FORM_PAGE = "150 kB";

const manifest = JSON.parse(readFileSync(new URL(`${OUT}manifest.json`, import.meta.url), "utf8"));

/** The chunk and all it imports at once. */
function chunksOf(key, found = new Set()) {
  if (found.has(key)) return found;
  found.add(key);
  for (const other of manifest[key].imports ?? []) chunksOf(other, found);
  return found;
}

const files = (keys) => [...keys].map((key) => OUT + manifest[key].file);
const first = chunksOf("index.html");
const pages = Object.keys(manifest).filter((key) => key.startsWith("src/pages/"));

export default [
  { name: "first load", path: files(first), limit: FIRST_LOAD, gzip: true },
  ...pages.map((key) => ({
    name: key,
    path: files([...chunksOf(key)].filter((chunk) => !first.has(chunk))),
    limit: key.includes("new-task") ? FORM_PAGE : PAGE,
    gzip: true,
  })),
  { name: "styles", path: `${OUT}assets/*.css`, limit: "45 kB", gzip: true },
];
