/** Which pages may open a WebSocket: what attackers register, send and embed is among the rows. */
import { describe, expect, test } from "bun:test";
import { ConfigFault } from "../config/directive.ts";
import { allowsOrigin, parseOrigins } from "./origins.ts";

interface Row {
  readonly rules: readonly string[];
  readonly origin: string | undefined | readonly string[];
  readonly host?: string;
  readonly allowed: boolean;
}

const ROWS: readonly Row[] = [
  // Exact hosts: any of http and https, the scheme's own port.
  { rules: ["example.com"], origin: "https://example.com", allowed: true },
  { rules: ["example.com"], origin: "http://example.com", allowed: true },
  { rules: ["example.com"], origin: "https://EXAMPLE.com", allowed: true },
  { rules: ["Example.COM"], origin: "https://example.com", allowed: true },
  { rules: ["example.com"], origin: "https://example.com:443", allowed: true },
  { rules: ["example.com"], origin: "https://example.com:8443", allowed: false },
  { rules: ["example.com:8443"], origin: "https://example.com:8443", allowed: true },
  { rules: ["example.com:8443"], origin: "https://example.com", allowed: false },
  { rules: ["example.com:*"], origin: "https://example.com:8443", allowed: true },
  { rules: ["example.com:*"], origin: "https://example.com", allowed: true },
  { rules: ["https://example.com"], origin: "https://example.com", allowed: true },
  { rules: ["https://example.com"], origin: "http://example.com", allowed: false },
  { rules: ["https://example.com:443"], origin: "https://example.com", allowed: true },
  { rules: ["http://localhost:3000"], origin: "http://localhost:3000", allowed: true },
  { rules: ["[::1]:3000"], origin: "http://[::1]:3000", allowed: true },
  { rules: ["chrome-extension://abcdef"], origin: "chrome-extension://abcdef", allowed: true },
  { rules: ["abcdef"], origin: "chrome-extension://abcdef", allowed: false },
  // What looks alike.
  { rules: ["example.com"], origin: "https://evil.com", allowed: false },
  { rules: ["example.com"], origin: "https://example.com.evil.com", allowed: false },
  { rules: ["example.com"], origin: "https://notexample.com", allowed: false },
  { rules: ["example.com"], origin: "https://sub.example.com", allowed: false },
  { rules: ["example.com"], origin: "https://example.com@evil.com", allowed: false },
  { rules: ["example.com"], origin: "https://evil.com/example.com", allowed: false },
  { rules: ["example.com"], origin: "https://evil.com#example.com", allowed: false },
  { rules: ["example.com"], origin: "https://example.com/", allowed: false },
  { rules: ["example.com"], origin: "https://example.com.", allowed: false },
  { rules: ["example.com"], origin: "example.com", allowed: false },
  { rules: ["example.com"], origin: "", allowed: false },
  { rules: ["example.com"], origin: "https://", allowed: false },
  { rules: ["example.com"], origin: "javascript://example.com", allowed: false },
  { rules: ["example.com"], origin: "https://example.com https://evil.com", allowed: false },
  { rules: ["example.com"], origin: "https://xn--exmple-cua.com", allowed: false },
  // Wildcards.
  { rules: ["*.example.com"], origin: "https://a.example.com", allowed: true },
  { rules: ["*.example.com"], origin: "https://a.b.example.com", allowed: true },
  { rules: ["*.example.com"], origin: "https://example.com", allowed: false },
  { rules: ["*.example.com"], origin: "https://evilexample.com", allowed: false },
  { rules: ["*.example.com"], origin: "https://a.example.com.evil.com", allowed: false },
  { rules: [".example.com"], origin: "https://example.com", allowed: true },
  { rules: [".example.com"], origin: "https://a.example.com", allowed: true },
  { rules: [".example.com"], origin: "https://evilexample.com", allowed: false },
  { rules: ["https://*.example.com:8443"], origin: "https://a.example.com:8443", allowed: true },
  { rules: ["*"], origin: "https://anything.example", allowed: true },
  { rules: ["*"], origin: undefined, allowed: true },
  { rules: ["*", "none=deny"], origin: undefined, allowed: false },
  { rules: ["*", "none=deny"], origin: "https://anything.example", allowed: true },
  // Expressions fit the whole or not at all.
  { rules: ["~https://.*\\.example\\.com"], origin: "https://a.example.com", allowed: true },
  { rules: ["~example\\.com"], origin: "https://example.com.evil.com", allowed: false },
  { rules: ["~https://example\\.com"], origin: "https://example.com.evil.com", allowed: false },
  { rules: ["~^https://example\\.com$"], origin: "https://example.com", allowed: true },
  { rules: ["~https://a|https://b"], origin: "https://b", allowed: true },
  { rules: ["~https://a|https://b"], origin: "https://bb", allowed: false },
  { rules: ["~HTTPS://A"], origin: "https://a", allowed: false },
  { rules: ["~*HTTPS://A"], origin: "https://a", allowed: true },
  // The page's own host.
  { rules: ["same-origin"], origin: "https://example.com", host: "example.com", allowed: true },
  { rules: ["same-origin"], origin: "https://example.com", host: "EXAMPLE.com:443", allowed: true },
  { rules: ["same-origin"], origin: "http://example.com:8080", host: "example.com:8080", allowed: true },
  { rules: ["same-origin"], origin: "http://example.com:8081", host: "example.com:8080", allowed: false },
  { rules: ["same-origin"], origin: "https://example.com", host: "example.com:80", allowed: false },
  { rules: ["same-origin"], origin: "https://evil.com", host: "example.com", allowed: false },
  { rules: ["same-origin"], origin: "http://[::1]:81", host: "[::1]:81", allowed: true },
  { rules: ["same-origin"], origin: undefined, host: "example.com", allowed: false },
  { rules: ["same-origin"], origin: "null", host: "null", allowed: false },
  // None, null, several.
  { rules: ["example.com"], origin: undefined, allowed: false },
  { rules: ["example.com", "none=allow"], origin: undefined, allowed: true },
  { rules: ["example.com", "none=deny"], origin: undefined, allowed: false },
  { rules: ["example.com", "none=allow"], origin: "https://evil.com", allowed: false },
  { rules: ["example.com"], origin: "null", allowed: false },
  { rules: ["example.com", "null"], origin: "null", allowed: true },
  { rules: ["example.com"], origin: ["https://example.com", "https://evil.com"], allowed: false },
  { rules: ["*"], origin: ["https://example.com", "https://evil.com"], allowed: false },
  { rules: ["a.com", "b.com"], origin: "https://b.com", allowed: true },
];

describe("allowsOrigin", () => {
  for (const { rules, origin, host = "www.example.com", allowed } of ROWS) {
    const shown = Array.isArray(origin) ? origin.join(" and ") : origin;
    test(`${rules.join(" ")}: ${shown === undefined ? "none" : `"${shown}"`} at ${host}: ${allowed}`, () => {
      const parsed = parseOrigins(rules);
      if (parsed instanceof ConfigFault) throw new Error(parsed.message);
      const sent = origin === undefined ? [] : typeof origin === "string" ? [origin] : origin;
      expect(allowsOrigin(parsed, sent, host)).toBe(allowed);
    });
  }
});

const FAULTS = [
  { args: ["none=maybe"], message: 'invalid parameter "none=maybe"' },
  { args: ["https://"], message: 'invalid origin "https://"' },
  { args: ["a/b"], message: 'invalid origin "a/b"' },
  { args: ["https://a.com/"], message: 'invalid origin "https://a.com/"' },
  { args: ["a.*.com"], message: 'invalid origin "a.*.com"' },
  { args: ["a:b"], message: 'invalid origin "a:b"' },
  { args: ["$http_host"], message: 'invalid origin "$http_host"' },
  { args: ["example.com", "off"], message: 'invalid origin "off"' },
  { args: ["none"], message: 'invalid origin "none"' },
  { args: ["All"], message: 'invalid origin "All"' },
  { args: ["user@a.com"], message: 'invalid origin "user@a.com"' },
];

describe("parseOrigins", () => {
  for (const { args, message } of FAULTS) {
    test(args.join(" "), () => {
      const parsed = parseOrigins(args);
      expect(parsed instanceof ConfigFault && parsed.message).toBe(message);
    });
  }
  test("an expression that is none", () => {
    expect(parseOrigins(["~("])).toBeInstanceOf(ConfigFault);
  });
});
