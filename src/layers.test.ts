/** Imports point one way: what a folder may use is listed here, and nothing else (ARCHITECTURE.md, "Layers"). */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const src = import.meta.dir;

/** Lowest first: a folder may import itself and the ones before it. */
const LAYERS = [
  "config",
  "net",
  "zone",
  "metrics",
  "http",
  "template",
  "upstream",
  "websocket",
  "proxy",
  "modules",
  "process",
  "usage",
  "explain",
  "doctor",
  "probe",
  "commands",
];

/** The entry imports everything. */
const TOP_FILES = new Set(["cli.ts"]);
/** Constants without imports that every layer may use. */
const BOTTOM_FILES = new Set(["version.ts"]);

const layerOf = (file: string): number => {
  if (TOP_FILES.has(file)) return LAYERS.length;
  if (BOTTOM_FILES.has(file)) return -1;
  return LAYERS.indexOf(file.split("/")[0]!);
};

const files = (readdirSync(src, { recursive: true }) as string[]).filter(
  (file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !file.endsWith(".d.ts"),
);

test("every source file has a layer", () => {
  expect(files.filter((file) => layerOf(file) < -1 || (layerOf(file) === -1 && !BOTTOM_FILES.has(file)))).toEqual([]);
});

test("imports point down", () => {
  const wrong: string[] = [];
  for (const file of files) {
    const text = readFileSync(join(src, file), "utf8");
    for (const [, typeOnly, specifier = ""] of text.matchAll(/^(?:import|export)( type)? [^;]*?from "(\.[^"]+)";/gms)) {
      // Types cost nothing at run time, and templates are functions of requests: only values count.
      if (typeOnly !== undefined) continue;
      const target = relative(src, resolve(src, dirname(file), specifier));
      if (layerOf(target) > layerOf(file)) wrong.push(`${file} imports ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});
