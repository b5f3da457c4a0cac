import { describe, expect, test } from "bun:test";
import { formatDiagnostic } from "../config/diagnostic.ts";
import { loadConfig } from "../config/load.ts";
import { memorySource } from "../config/memory-source.ts";
import { modules } from "./list.ts";
import { servingOf } from "./serving-tree.ts";

const PATHS = { path: "/h.conf", prefix: "/", confPrefix: "/", globals: "" };
const HOSTS = { lookup: async () => [] };

/** Each text is the parameters of one server's `listen`; on one line each, from line 3. */
async function load(...listens: readonly string[]) {
  const servers = listens.map((text, i) => `server { listen ${text}; server_name s${i}; }`).join("\n");
  const loaded = await loadConfig(
    modules,
    PATHS,
    memorySource({ "/h.conf": `events {}\nhttp {\n${servers}\n}\n` }),
    HOSTS,
  );
  return { said: loaded.diagnostics.map(formatDiagnostic), bound: servingOf(loaded.load).serving?.bound };
}

const WARNING = "[warn] protocol options redefined for 0.0.0.0:80 in /h.conf:";

describe("lines that disagree", () => {
  const P = "80 proxy_protocol";
  const rows: readonly (readonly [listens: readonly string[], lines: readonly number[]])[] = [
    [[P, P], []],
    [[P, "80"], []],
    [[P, "80", "80"], []],
    [[P, "80", P], [5]],
    [["80", P], []],
    [["80", P, "80"], []],
    [["80", P, P], [5]],
    [["80 backlog=9", P], [4]],
    [[P, "80 backlog=9"], [4]],
    [[P, "80", "80 backlog=9"], [5]],
    [["80 proxy_protocol backlog=9", "80", "80"], []],
  ];
  for (const [listens, lines] of rows) {
    test(listens.join("; "), async () => {
      const { said, bound } = await load(...listens);
      expect(said).toEqual(lines.map((line) => `${WARNING}${line}`));
      expect(bound?.get("0.0.0.0:80")?.servers.proxyProtocol).toBe(true);
    });
  }
});

test("each address for itself, also behind one socket", async () => {
  const { bound } = await load("80", "127.0.0.1:80 proxy_protocol", "81 proxy_protocol", "127.0.0.1:81");
  const flags = ["0.0.0.0:80", "0.0.0.0:81"].map((text) => {
    const { servers, specific } = bound!.get(text)!;
    return [servers.proxyProtocol, specific.get("127.0.0.1")?.proxyProtocol];
  });
  expect(flags).toEqual([
    [false, true],
    [true, false],
  ]);
});

test("the parameter has no value", async () => {
  expect((await load("80 proxy_protocol=on")).said).toEqual([
    '[emerg] invalid parameter "proxy_protocol=on" in /h.conf:3',
  ]);
});
