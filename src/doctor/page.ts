/** The pages about rules: docs/doctor/ID.md. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const FOLDER = resolve(import.meta.dir, "../../docs/doctor");

/** Path in the repository. */
export function pagePath(id: string): string {
  return `docs/doctor/${id}.md`;
}

export function pageUrl(id: string): string {
  return pathToFileURL(resolve(FOLDER, `${id}.md`)).href;
}

/** The page itself, in Markdown. */
export function pageText(id: string): string {
  return readFileSync(resolve(FOLDER, `${id}.md`), "utf8");
}
