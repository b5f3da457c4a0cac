import { describe, expect, test } from "bun:test";
import { MapKeys } from "./map-hostnames.ts";

describe("hostnames", () => {
  const keys = new MapKeys<string>();
  for (const key of [
    "exact.test",
    ".dot.test",
    "*.wild.test",
    "*.a.wild.test",
    "www.trail.*",
    "www.trail.deep.*",
    "",
  ]) {
    test(`${key} is taken`, () => expect(keys.addHostname(key, key)).toBe("added"));
  }
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["exact.test", "exact.test"],
    ["EXACT.Test", "exact.test"],
    ["dot.test", ".dot.test"],
    ["a.b.dot.test", ".dot.test"],
    ["wild.test", undefined],
    ["x.wild.test", "*.wild.test"],
    ["a.wild.test", "*.wild.test"],
    ["b.a.wild.test", "*.a.wild.test"],
    ["www.trail", undefined],
    ["www.trail.org", "www.trail.*"],
    ["www.trail.deep.org", "www.trail.deep.*"],
    ["", ""],
  ];
  for (const [name, key] of rows) test(`${name} finds ${key}`, () => expect(keys.find(name)).toBe(key));

  const refused: readonly (readonly [string, string])[] = [
    ["a..b", "invalid"],
    ["*.*.test", "invalid"],
    ["a*.test", "invalid"],
    ["exact.test", "conflict"],
    ["dot.test", "conflict"],
    ["*.dot.test", "conflict"],
    [".exact.test", "conflict"],
    ["www.trail.*", "conflict"],
  ];
  for (const [key, outcome] of refused) {
    test(`${key} is refused: ${outcome}`, () => expect(keys.addHostname(key, key)).toBe(outcome as "invalid"));
  }
});
