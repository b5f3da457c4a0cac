import { expect, test } from "bun:test";
import { HTTP, type Scope } from "../config/directive.ts";
import { loadConfig } from "../config/load.ts";
import { memorySource } from "../config/memory-source.ts";
import type { LogFile } from "../net/log-file.ts";
import { httpCore } from "./http-core.ts";
import { modules } from "./list.ts";

/** The files that the http level, its first server and that one's first location log errors to. */
async function errorLogs(text: string): Promise<string[]> {
  const main = { path: "/c", prefix: "/", confPrefix: "/", globals: "" };
  const loaded = await loadConfig(modules, main, memorySource({ "/c": text }), { lookup: () => Promise.resolve([]) });
  expect(loaded.diagnostics).toEqual([]);
  const out: string[] = [];
  let level: Scope | undefined = loaded.root.children.find(({ kind }) => kind === HTTP);
  for (; level !== undefined; level = level.children[0]) {
    const { targets } = httpCore.of(level).errorLog;
    out.push(targets.map(({ to }) => (to as LogFile).path).join(" "));
  }
  return out;
}

const INSIDE = "server { location / { } }";

const rows: readonly (readonly [name: string, text: string, logs: readonly string[]])[] = [
  ["before the http block", `error_log /m; events {} http { ${INSIDE} }`, ["/m", "/m", "/m"]],
  ["after the http block", `events {} http { ${INSIDE} } error_log /m;`, ["/m", "/m", "/m"]],
  ["two, around it", `error_log /m; events {} http { ${INSIDE} } error_log /n;`, ["/m /n", "/m /n", "/m /n"]],
  ["at the http level", `events {} http { error_log /h; ${INSIDE} } error_log /m;`, ["/h", "/h", "/h"]],
  ["in a server", "events {} http { server { error_log /s; location / { } } } error_log /m;", ["/m", "/s", "/s"]],
  ["in a location", "events {} http { server { location / { error_log /l; } } } error_log /m;", ["/m", "/m", "/l"]],
];

for (const [name, text, logs] of rows) {
  test(`error_log ${name}`, async () => {
    expect(await errorLogs(text)).toEqual([...logs]);
  });
}
