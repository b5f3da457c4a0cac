/** The configurations of the doctor's pages: `## Breaks` and `## Works` of docs/doctor/ID.md, made whole. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const PAGES = resolve(import.meta.dir, "../../docs/doctor");

/** The block of a page below a heading, as a whole configuration, one char per byte. */
export function pageConfig(id: string, heading: "Breaks" | "Works"): string {
  const page = readFileSync(join(PAGES, `${id}.md`), "latin1");
  const block = new RegExp(`^## ${heading}\\n\\n\`\`\`nginx\\n(.*?)^\`\`\``, "ms").exec(page)?.[1];
  if (block === undefined) throw new Error(`${id}.md has no block below "${heading}"`);
  return wholeConfig(block);
}

/** Paths that the page gives to `--ws`, in a comment. */
export function pagePaths(id: string): string[] {
  const page = readFileSync(join(PAGES, `${id}.md`), "utf8");
  const paths = [...page.matchAll(/^# hopway doctor --ws (\S+)$/gm)].map(([, path = ""]) => path);
  return [...new Set(paths)];
}

/** Puts `http` and, for locations, `server` around what a page shows. */
function wholeConfig(block: string): string {
  const isLocation = /^location/m.exec(block)?.index === 0;
  const indent = (text: string, by: string): string => text.replace(/^(?=.)/gm, by);
  const server = isLocation
    ? `server {\n    listen 80;\n    server_name example.com;\n\n${indent(block, "    ")}}\n`
    : block;
  return `events {}\n\nhttp {\n${indent(server, "    ")}}\n`;
}
