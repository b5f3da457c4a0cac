import { expect, test } from "bun:test";
import { nearest } from "./nearest.ts";

const KNOWN = [
  "proxy_pass",
  "proxy_set_header",
  "proxy_http_version",
  "listen",
  "root",
  "rewrite",
  "return",
  "location",
];

const CASES: readonly [word: string, meant: string | undefined][] = [
  ["proxy_set_headr", "proxy_set_header"],
  ["proxy_set_haeder", "proxy_set_header"],
  ["proxy_http_verison", "proxy_http_version"],
  ["prox_pas", undefined],
  ["lisen", "listen"],
  ["listten", "listen"],
  ["locaton", "location"],
  ["roto", undefined],
  ["brotli", undefined],
  ["more_set_headers", undefined],
];

for (const [word, meant] of CASES)
  test(`${word} is ${meant ?? "another word"}`, () => expect(nearest(word, KNOWN)).toBe(meant));
