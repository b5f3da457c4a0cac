/** `-t` warns of numbers that everybody can see. */
import { describe, expect, test } from "bun:test";
import { loadConfig } from "../../src/config/load.ts";
import { memorySource } from "../../src/config/memory-source.ts";
import { modules } from "../../src/modules/list.ts";

/** Warnings about a server with this inside. */
async function warnings(server: string, http = ""): Promise<string[]> {
  const text = `events {}\nhttp {\naccess_log off;\n${http}\nserver {\n${server}\n}\n}\n`;
  const main = { path: "/nginx.conf", prefix: "/", confPrefix: "/", globals: "" };
  const hosts = { lookup: async () => ["127.0.0.1"] };
  const { diagnostics } = await loadConfig(modules, main, memorySource({ "/nginx.conf": text }), hosts);
  return diagnostics.map(({ level, message, line }) => `${level} ${line} ${message}`);
}

const words = (name: string, address: string): string =>
  `"${name}" is open to everybody who can reach ${address}: guard its location with "allow" and "deny all", or listen on 127.0.0.1`;

const rows: readonly (readonly [name: string, server: string, warned: string | undefined, http?: string])[] = [
  ["api", "listen 80; location /a { hopway_api; }", "hopway_api"],
  ["api that writes", "listen 80; location /a { hopway_api write; }", "hopway_api"],
  ["page", "listen 80; location /a { hopway_dashboard; }", "hopway_dashboard"],
  ["metrics", "listen 80; location /a { hopway_metrics; }", "hopway_metrics"],
  ["stub_status, as in nginx", "listen 80; location /a { stub_status; }", undefined],
  ["deny", "listen 80; location /a { hopway_api; allow 10.0.0.0/8; deny all; }", undefined],
  ["allow alone keeps nobody out", "listen 80; location /a { hopway_api; allow 10.0.0.0/8; }", "hopway_api"],
  ["deny of the server", "listen 80; deny all; location /a { hopway_api; }", undefined],
  ["deny of all servers", "listen 80; location /a { hopway_api; }", undefined, "deny all;"],
  ["deny of another location", "listen 80; location /b { deny all; } location /a { hopway_api; }", "hopway_api"],
  ["outer location", "listen 80; location / { deny all; location /a { hopway_api; } }", undefined],
  ["internal", "listen 80; location /a { internal; hopway_api; }", undefined],
  ["loopback", "listen 127.0.0.1:80; location /a { hopway_api; }", undefined],
  ["loopback of IPv6", "listen [::1]:80; location /a { hopway_api; }", undefined],
  ["unix socket", "listen unix:/run/x; location /a { hopway_api; }", undefined],
  ["one of two addresses", "listen 127.0.0.1:81; listen 80; location /a { hopway_api; }", "hopway_api"],
];

describe("without a guard", () => {
  for (const [name, server, warned, http] of rows) {
    test(name, async () => {
      expect(await warnings(server, http)).toEqual(
        warned === undefined ? [] : [`warn 6 ${words(warned, "0.0.0.0:80")}`],
      );
    });
  }
});

describe("places and arguments", () => {
  const faults: readonly (readonly [server: string, fault: string])[] = [
    ["hopway_metrics;", '"hopway_metrics" directive is not allowed here'],
    ["hopway_dashboard;", '"hopway_dashboard" directive is not allowed here'],
    ["location /a { hopway_api read; }", 'invalid parameter "read"'],
    ["location /a { hopway_api write write; }", 'invalid number of arguments in "hopway_api" directive'],
    ["location /a { hopway_dashboard on; }", 'invalid number of arguments in "hopway_dashboard" directive'],
  ];
  for (const [server, fault] of faults) {
    test(server, async () => {
      expect(await warnings(`listen 127.0.0.1:80;\n${server}`)).toEqual([`emerg 7 ${fault}`]);
    });
  }
});
