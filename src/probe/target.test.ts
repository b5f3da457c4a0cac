import { describe, expect, test } from "bun:test";
import { ownOrigin, parseTarget } from "./target.ts";

const CASES: readonly [text: string, url: string, origin: string][] = [
  ["ws://example.com", "ws://example.com/", "http://example.com"],
  ["wss://example.com/ws?a=b#c", "wss://example.com/ws?a=b", "https://example.com"],
  ["http://example.com:80/x", "ws://example.com/x", "http://example.com"],
  ["https://example.com:8443", "wss://example.com:8443/", "https://example.com:8443"],
  ["example.com/ws", "ws://example.com/ws", "http://example.com"],
  ["WSS://[::1]:9000/", "wss://[::1]:9000/", "https://[::1]:9000"],
  ["ws://example.com?x", "ws://example.com/?x", "http://example.com"],
];

describe("URLs", () => {
  for (const [text, url, origin] of CASES) {
    test(text, () => {
      const target = parseTarget(text, undefined);
      if (typeof target === "string") throw new Error(target);
      expect([target.url, ownOrigin(target)]).toEqual([url, origin]);
    });
  }
  for (const text of ["", "ftp://x/", "ws://", "ws://a b/", "ws://x:port/"]) {
    test(`"${text}" is none`, () => expect(parseTarget(text, undefined)).toBeString());
  }
  test("another place to connect to", () => {
    expect(parseTarget("wss://example.com/", "127.0.0.1:8443")).toMatchObject({
      host: "example.com",
      connectTo: { host: "127.0.0.1", port: 8443 },
    });
    expect(parseTarget("wss://example.com/", "127.0.0.1")).toBe('"127.0.0.1" is no address: host:port');
  });
});
