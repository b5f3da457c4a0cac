/**
 * Broken configurations: what is wrong with a text, with -g and with included files must have nginx's words and position.
 * What a single statement can do wrong is in config-lines.test.ts, whole processes are in test/process/command-line.test.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { findNginx } from "../harness/gateway.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { http, type NamedCase } from "./config/named-case.ts";
import { comparable, Trial } from "./config/outcome.ts";

const installed = findNginx() !== undefined;
if (!installed) console.warn("nginx is not installed: the comparison of configuration errors is skipped");

let folder = "";
beforeAll(() => {
  folder = makeTempDir();
});
afterAll(() => removeTempDir(folder));

const CASES: readonly NamedCase[] = [
  // Words and blocks.
  { name: "empty directive", text: "events { }\n;" },
  { name: "semicolon after a block", text: "events { };" },
  { name: "brace first", text: "{ }" },
  { name: "closing brace first", text: "events { }\n}" },
  { name: "closing brace inside a directive", text: "events { worker_connections 10 }" },
  { name: "no end of a directive", text: "events { }\nuser nobody" },
  { name: "no end of a block", text: "events { }\nhttp {\n\n" },
  { name: "no end of a nested block", text: "events { }\nhttp {\nserver {\n}\n" },
  { name: "no end of a quotation", text: 'events { }\nuser "nobody;\n\n' },
  { name: "text after a quotation", text: 'events { }\nuser "no"body;' },
  { name: "a word that is too long", text: `events { }\nuser ${"x".repeat(5000)};\n` },
  { name: "a quotation that is too long", text: `events { }\nuser "${"x".repeat(5000)};\n` },
  { name: "a comment that is too long", text: `events { }\n# ${"x".repeat(5000)}\nfoo;` },
  { name: "a word of 4096 characters", text: `events { }\n${"x".repeat(4096)};` },
  { name: "a word of 4095 characters", text: `events { }\nfoo ${"x".repeat(4095)};` },
  { name: "an unclosed variable", text: "events { }\nuser ${nobody;" },
  { name: "windows line ends", text: "events { }\r\nfoo;\r\n" },
  { name: "an early error before a syntax error", text: "foo;\n}" },
  { name: "a syntax error before a late error", text: "events { }\n}\nfoo;" },
  { name: "a multi-line directive", text: "events { }\nfoo\n  bar\n  baz;" },
  { name: "an empty file", text: "" },
  { name: "comments only", text: "# nothing\n" },
  // -g.
  { name: "-g without an end", text: "events { }", globals: "daemon off" },
  { name: "-g unknown", text: "events { }", globals: "foo bar;" },
  { name: "-g with a block", text: "events { }", globals: "events { }" },
  { name: "-g that the file repeats", text: "daemon off;\nevents { }", globals: "daemon off;" },
  { name: "-g with a stray brace", text: "events { }", globals: "}" },
  { name: "-g in the wrong place", text: "events { }", globals: "server_name a;" },
  // Include.
  { name: "a missing include", text: "events { }\ninclude none.conf;" },
  { name: "include without a name", text: "events { }\ninclude;" },
  { name: "include with two names", text: "events { }\ninclude a b;" },
  { name: "include with a block", text: "events { }\ninclude a { }" },
  { name: "an error in an include", text: "events { }\ninclude d/*.conf;", files: { "d/a.conf": "\n\nfoo;" } },
  { name: "a brace in an include", text: "events { }\nhttp { include a; }", files: { a: "}\n" } },
  { name: "an open block in an include", text: "events { }\nhttp { include a; }", files: { a: "server {\n\n" } },
  { name: "a missing include in an include", text: "events { }\ninclude a;", files: { a: "\ninclude b;" } },
  // Bytes.
  { name: "a byte order mark", text: "\xef\xbb\xbfevents { }\n" },
  { name: "a byte order mark in an include", text: "events { }\ninclude a;", files: { a: "\xef\xbb\xbfdaemon off;" } },
  { name: "a byte order mark before a comment", text: "\xef\xbb\xbf# comment\nevents { }\n" },
  { name: "old Macintosh line ends", text: "events { }\rfoo;\r" },
  { name: "windows line ends in a block", text: "events {\r\n}\r\nhttp {\r\n  server {\r\n    foo;\r\n  }\r\n}\r\n" },
  { name: "windows line ends in quotes", text: 'events { }\r\ndaemon "off\r\n";\r\n' },
  { name: "UTF-8 in a name", text: "events { }\nd\xc3\xa4mon off;" },
  { name: "no-break space between words", text: "events { }\ndaemon\xc2\xa0off;" },
  { name: "typographic quotes", text: "events { }\nuser \xe2\x80\x9cnobody\xe2\x80\x9d x y;" },
  // Blocks that end too early, too late or not at all.
  http("a server that is not closed", "server {\nlisten 18080;"),
  http("a location that is not closed", "server {\nlocation / {\nreturn 200;\n}"),
  http("one brace too many", "server {\n}\n}"),
  http("two braces too many", "server {\n}\n}\n}"),
  http("no semicolon before a brace", "server {\nlisten 18080\n}"),
  http("no semicolon before a directive", "server {\nlisten 18080\nserver_name a;\n}"),
  http("no semicolon before a block", "server {\nserver_name a\nlocation / { }\n}"),
  http("a quote that swallows the rest", 'server {\nadd_header X "a;\nreturn 200;\n}'),
  http("a quote that ends in the next one", 'server {\nadd_header X "a;\nadd_header Y "b";\n}'),
  http("a comment in place of a brace", "server { # }\n"),
  http("an expression with braces and no quotes", "server { location ~ ^/a{2}$ { } }"),
  http("an expression with a semicolon and no quotes", "server { location ~ ^/a;b { } }"),
  http("a map without a brace", "map $uri $x\ndefault a;\n"),
  http("a late include of nothing", "server { include none/*.conf; include none.conf; }"),
  http("an include with an error after good lines", "include a;", { a: "server {\n}\n\nserver {\nfoo;\n}" }),
  http("an include in an include with an error", "include a;", { a: "\ninclude b;", b: "\n\nfoo;" }),
  http("an include that closes too much", "server { include a; }", { a: "listen 18080; }" }),
  http("an include that opens too much", "include a;\n}", { a: "server {" }),
  http("a glob with an error in the second file", "include d/*;", { "d/1": "server { }", "d/2": "bar;" }),
];

describe.skipIf(!installed)("the first error", () => {
  for (const [index, { name, text, files, globals }] of CASES.entries()) {
    test(name, async () => {
      const trial = new Trial(join(folder, String(index)));
      trial.write(text, files);
      const theirs = trial.nginxSays(globals);
      expect(theirs.at(-1)).toMatch(/^\[(?:emerg|alert|crit)\]/);
      expect(comparable(await trial.hopwaySays(globals), theirs)).toEqual(theirs);
    });
  }
});
