import { describe, expect, test } from "bun:test";
import { formatDiagnostic } from "../config/diagnostic.ts";
import { loadConfig } from "../config/load.ts";
import { memorySource } from "../config/memory-source.ts";
import { phaseHandlers } from "../http/registry.ts";
import { modules } from "./list.ts";

const PATHS = { path: "/h.conf", prefix: "/", confPrefix: "/", globals: "" };
const HOSTS = {
  lookup: async (host: string) => (host === "proxy.example.com" ? ["192.0.2.1", "2001:db8::1"] : []),
};

function load(directives: string) {
  const text = `events {}\nhttp {\n${directives}\nserver { listen 127.0.0.1:1; }\n}\n`;
  return loadConfig(modules, PATHS, memorySource({ "/h.conf": text }), HOSTS);
}

describe("what is said of a configuration", () => {
  const rows: readonly (readonly [directives: string, said: readonly string[]])[] = [
    ["set_real_ip_from 10.0.0.0/8; set_real_ip_from ::1; set_real_ip_from unix:;", []],
    ["set_real_ip_from proxy.example.com;", []],
    ["real_ip_header proxy_protocol; real_ip_recursive on;", []],
    [
      "set_real_ip_from other.example.com;",
      ['[emerg] host not found in set_real_ip_from "other.example.com" in /h.conf:3'],
    ],
    ["set_real_ip_from 10.0.0.0/33;", ['[emerg] host not found in set_real_ip_from "10.0.0.0/33" in /h.conf:3']],
    ["set_real_ip_from all;", ['[emerg] host not found in set_real_ip_from "all" in /h.conf:3']],
    ["set_real_ip_from 10.1.1.1/8;", ["[warn] low address bits of 10.1.1.1/8 are meaningless in /h.conf:3"]],
    ["real_ip_header A; real_ip_header B;", ['[emerg] "real_ip_header" directive is duplicate in /h.conf:3']],
  ];
  for (const [directives, said] of rows) {
    test(directives, async () => expect((await load(directives)).diagnostics.map(formatDiagnostic)).toEqual([...said]));
  }
});

describe("handlers", () => {
  const counts = async (directives: string): Promise<number[]> => {
    const { postRead, preAccess } = phaseHandlers((await load(directives)).load);
    return [postRead.length, preAccess.filter((handler) => postRead.includes(handler)).length];
  };
  test("none where nobody is trusted", async () => expect(await counts("real_ip_header A;")).toEqual([0, 0]));
  test("one of each, however many are trusted", async () =>
    expect(await counts("set_real_ip_from ::1; set_real_ip_from unix:;")).toEqual([1, 1]));
});
