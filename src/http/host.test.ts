import { expect, test } from "bun:test";
import { validateHost } from "./host.ts";

const rows: [host: string, expected: string | undefined][] = [
  ["example.com", "example.com"],
  ["A.b-C_~", "a.b-c_~"],
  ["a.b.", "a.b"],
  ["a.b.:80", "a.b"],
  ["a:80", "a"],
  ["a:", "a"],
  ["a:65535", "a"],
  ["127.0.0.1:8080", "127.0.0.1"],
  ["[::1]", "[::1]"],
  ["[FE80::1]:80", "[fe80::1]"],
  ["[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]"],
  ["a%41", "a%41"],
  ["a,b!$&'()*+;=", "a,b!$&'()*+;="],
  ["", undefined],
  [".", undefined],
  [":80", undefined],
  ["a..b", undefined],
  ["..", undefined],
  ["a/b", undefined],
  ["a b", undefined],
  ["a\tb", undefined],
  ["a\0", undefined],
  ["a\x7f", undefined],
  // nginx 1.22 takes these; they are no hosts by RFC 3986.
  ["a\x80", undefined],
  ["a@b", undefined],
  ["a\\b", undefined],
  ["a<b", undefined],
  ["a:x", undefined],
  ["a:65536", undefined],
  ["a:80:90", undefined],
  ["::1", undefined],
  ["[::1", undefined],
  ["[::1]x", undefined],
  ["[::1].", undefined],
  ["[::1%25]", undefined],
];
for (const [host, expected] of rows) {
  test(JSON.stringify(host), () => expect(validateHost(host)).toBe(expected));
}
