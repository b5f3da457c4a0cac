import { describe, expect, test } from "bun:test";
import type { Request, UpstreamState } from "../http/request.ts";
import { fakeRequest, headerList } from "./load-fixture.ts";
import { proxyVariables, upstreamVariables } from "./variables.ts";

function read(name: string, r: Request): string | undefined {
  for (const { definitions, prefixes } of [proxyVariables((request) => request.upstream), upstreamVariables]) {
    const found = definitions.find((d) => d.name === name);
    if (found !== undefined) return found.get(r);
    const prefix = prefixes.find((p) => name.startsWith(p.prefix));
    if (prefix !== undefined) return prefix.get(name.slice(prefix.prefix.length))(r);
  }
  throw new Error(`no variable ${name}`);
}

function state(change: Partial<UpstreamState>): UpstreamState {
  return {
    peer: "",
    countersAt: 0,
    status: 0,
    connectMs: -1,
    headerMs: -1,
    responseMs: -1,
    bytesReceived: 0,
    bytesSent: 0,
    responseLength: 0,
    ...change,
  };
}

const REFUSED = state({ peer: "1.1.1.1:80", status: 502, responseMs: 0 });
const ANSWERED = state({
  peer: "unix:/x",
  status: 200,
  connectMs: 1,
  headerMs: 20,
  responseMs: 1234.6,
  bytesReceived: 99,
  bytesSent: 50,
  responseLength: 7,
});
const MARK = state({});

describe("tries", () => {
  const cases: readonly (readonly [name: string, states: UpstreamState[] | undefined, expected: string | undefined])[] =
    [
      ["upstream_addr", undefined, undefined],
      ["upstream_addr", [], undefined],
      ["upstream_addr", [ANSWERED], "unix:/x"],
      ["upstream_addr", [REFUSED, ANSWERED], "1.1.1.1:80, unix:/x"],
      ["upstream_addr", [REFUSED, ANSWERED, MARK, REFUSED], "1.1.1.1:80, unix:/x : 1.1.1.1:80"],
      ["upstream_addr", [REFUSED, MARK], "1.1.1.1:80 : "],
      ["upstream_status", [REFUSED, state({ peer: "p" })], "502, -"],
      ["upstream_status", [REFUSED, MARK, ANSWERED], "502 : 200"],
      ["upstream_connect_time", [REFUSED, ANSWERED], "-, 0.001"],
      ["upstream_header_time", [REFUSED, ANSWERED], "-, 0.020"],
      ["upstream_response_time", [REFUSED, ANSWERED], "0.000, 1.234"],
      ["upstream_response_length", [REFUSED, ANSWERED], "0, 7"],
      ["upstream_bytes_received", [ANSWERED], "99"],
      ["upstream_bytes_sent", [ANSWERED], "50"],
    ];
  for (const [name, states, expected] of cases) {
    test(`${name} ${states?.length} ${expected}`, () => {
      const { r } = fakeRequest();
      r.upstreamStates = states;
      expect(read(name, r)).toBe(expected);
    });
  }
});

describe("the upstream", () => {
  const view = {
    hostHeader: "b:81",
    portText: "81",
    bodyLength: 3,
    chunked: false,
    responseHeaders: headerList(
      "X-A: 1",
      "x_a: 2",
      "Set-Cookie: Ab = c ; path=/",
      "Set-Cookie: ab=d",
      "Set-Cookie: abc",
    ),
    releaseHeaders: () => {},
    responseTrailers: headerList("X-Sum: s"),
    logText: undefined,
  };
  const cases: readonly (readonly [name: string, expected: string | undefined])[] = [
    ["proxy_host", "b:81"],
    ["proxy_port", "81"],
    ["proxy_internal_body_length", "3"],
    ["proxy_internal_chunked", undefined],
    ["upstream_http_x_a", "1, 2"],
    ["upstream_http_x", undefined],
    ["upstream_trailer_x_sum", "s"],
    ["upstream_cookie_ab", "c "],
    ["upstream_cookie_abc", undefined],
    ["upstream_cache_status", undefined],
  ];
  for (const [name, expected] of cases) {
    test(name, () => {
      const { r } = fakeRequest();
      expect(read(name, r)).toBeUndefined();
      r.upstream = view;
      expect(read(name, r)).toBe(expected);
    });
  }
});

test("proxy_add_x_forwarded_for", () => {
  expect(read("proxy_add_x_forwarded_for", fakeRequest().r)).toBe("192.0.2.1");
  const { r } = fakeRequest("X-Forwarded-For: a", "x-forwarded-for: b, c");
  expect(read("proxy_add_x_forwarded_for", r)).toBe("a, b, c, 192.0.2.1");
});
