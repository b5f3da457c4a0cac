import { describe, expect, test } from "bun:test";
import { memorySource } from "../config/memory-source.ts";
import type { Statement } from "../config/syntax.ts";
import { pipedConfig } from "./dump-source.ts";
import { readConfig } from "./read-config.ts";
import { withoutForeignBlocks } from "./tolerant-source.ts";

function show(statements: readonly Statement[]): string {
  return statements
    .map(({ name, args, block }) => [name, ...args].join(" ") + (block === undefined ? ";" : `{${show(block)}}`))
    .join("");
}

const LUA: readonly [name: string, block: string][] = [
  ["a brace in a string", 'ngx.say("}")'],
  ["a brace in a comment", "x = 1 -- }\n"],
  ["a brace in a long comment", "--[==[ } ]] ]==] x = {}"],
  ["a long string", "x = [[ } ]]"],
  ["an escaped quote", "x = '\\'}'"],
  ["tables", "x = { a = { 1, 2 }; }"],
];

describe("Lua", () => {
  for (const [name, block] of LUA) {
    test(name, () => {
      const text = `a { content_by_lua_block {${block}} b; }`;
      const blanked = withoutForeignBlocks(text);
      expect(blanked).toBe(`a { content_by_lua_block {${block.replace(/[^\n]/g, " ")}} b; }`);
    });
  }
  test("in a comment nothing is cut", () => {
    const text = "# content_by_lua_block { x }\na b;";
    expect(withoutForeignBlocks(text)).toBe(text);
  });
  test("a block without an end", () => expect(withoutForeignBlocks("x_by_lua_block { {")).toBe("x_by_lua_block {  "));
});

describe("reading", () => {
  const read = (path: string, files: Record<string, string>) => readConfig(path, memorySource(files));

  test("what is missing is empty, and noted", () => {
    const { statements, notes, error } = read("/etc/nginx/nginx.conf", {
      "/etc/nginx/nginx.conf": "http { include mime.types; a; }",
    });
    expect([show(statements), error]).toEqual(["http{a;}", undefined]);
    expect(notes.map(({ file }) => file)).toEqual(["/etc/nginx/mime.types"]);
  });
  test("a file of conf.d stands in http", () => {
    expect(show(read("/x/site.conf", { "/x/site.conf": "server { a; }" }).statements)).toBe("http{server{a;}}");
  });
  test("a snippet stands in a server", () => {
    expect(show(read("/x/s.conf", { "/x/s.conf": "location / { a; }" }).statements)).toBe(
      "http{server{location /{a;}}}",
    );
  });
  test("an image's files are beside its main file", () => {
    const files = {
      "/repo/nginx.conf": "http { include /etc/nginx/conf.d/*.conf; include /etc/nginx/mime.types; }",
      "/repo/conf.d/a.conf": "a;",
      "/etc/nginx/conf.d/other.conf": "other;",
      "/etc/nginx/mime.types": "types;",
    };
    expect(show(read("/repo/nginx.conf", files).statements)).toBe("http{a;types;}");
  });
  test("what stands before a syntax error", () => {
    const { statements, error } = read("/x/n.conf", { "/x/n.conf": "http { server { a; }\n }\n}" });
    expect([show(statements), error?.line]).toEqual(["http{server{a;}}", 3]);
  });
});

describe("nginx -T", () => {
  test("is taken apart", () => {
    const { mainPath, source } = pipedConfig(
      "# configuration file /etc/nginx/nginx.conf:\nhttp {\n  include conf.d/*;\n}\n\n" +
        "# configuration file /etc/nginx/conf.d/a.conf:\nserver { b; }\n\n",
    );
    expect(mainPath).toBe("/etc/nginx/nginx.conf");
    expect(source.read("/etc/nginx/conf.d/a.conf")).toBe("server { b; }\n");
    expect(show(readConfig(mainPath, source).statements)).toBe("http{server{b;}}");
  });
  test("another text is a file", () => {
    const { mainPath, source } = pipedConfig("server { }");
    expect(show(readConfig(mainPath, source).statements)).toBe("http{server{}}");
  });
});
