import { describe, expect, test } from "bun:test";
import { parseIPv4, parseIPv6 } from "../net/address.ts";
import { type Cidr, inNetwork, parseCidr } from "../net/cidr.ts";
import { Networks, numberOf } from "./geo-networks.ts";
import { AddressRanges } from "./geo-ranges.ts";

function bytes(text: string): Uint8Array {
  const parsed = parseIPv4(text) ?? parseIPv6(text);
  if (parsed === undefined) throw new Error(`no address: ${text}`);
  return parsed;
}

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new Error(`no network: ${text}`);
  return parsed;
}

describe("networks", () => {
  const networks = new Networks<string>();
  for (const text of ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "::/0", "2001:db8::/32", "::1"]) {
    const { bytes: address, prefixBits } = cidr(text);
    networks.set(address, prefixBits, text);
  }
  const rows: readonly (readonly [string, string])[] = [
    ["8.8.8.8", "0.0.0.0/0"],
    ["255.255.255.255", "0.0.0.0/0"],
    ["10.200.0.1", "10.0.0.0/8"],
    ["10.1.255.1", "10.1.0.0/16"],
    ["10.1.2.3", "10.1.2.3"],
    ["::ffff:10.1.2.3", "10.1.2.3"],
    ["::1", "::1"],
    ["::2", "::/0"],
    ["2001:db8:1::", "2001:db8::/32"],
  ];
  for (const [address, found] of rows) test(address, () => expect(networks.find(bytes(address))).toBe(found));
  test("a deleted network is gone", () => {
    expect(networks.delete(bytes("10.1.0.0"), 16)).toBe(true);
    expect(networks.delete(bytes("10.1.0.0"), 16)).toBe(false);
    expect(networks.find(bytes("10.1.255.1"))).toBe("10.0.0.0/8");
  });
});

describe("cidr", () => {
  for (const text of ["10.0.0.0/33", "10.0.0/8", "::/129", "x", "10.0.0.0/", "10.0.0.0/-1"]) {
    test(`${text} is refused`, () => expect(parseCidr(text)).toBeUndefined());
  }
  test("low bits are noticed", () => expect(cidr("10.1.1.1/8").lowBitsSet).toBe(true));
  test("mapped addresses are IPv4", () => expect(inNetwork(bytes("::ffff:10.9.9.9"), cidr("10.0.0.0/8"))).toBe(true));
  test("and no IPv6", () => expect(inNetwork(bytes("::ffff:10.9.9.9"), cidr("::/0"))).toBe(false));
});

describe("ranges", () => {
  const at = (text: string): number => numberOf(bytes(text));
  const ranges = new AddressRanges<string>();
  test("a range in a range splits it", () => {
    ranges.add(at("10.0.0.0"), at("10.2.255.255"), "outer");
    expect(ranges.add(at("10.1.0.5"), at("10.1.0.9"), "inner").kind).toBe("added");
    expect(["10.1.0.4", "10.1.0.5", "10.1.0.9", "10.1.0.10", "10.3.0.0"].map((a) => ranges.find(at(a)))).toEqual([
      "outer",
      "inner",
      "inner",
      "outer",
      undefined,
    ]);
  });
  test("crossing is refused", () => {
    expect(ranges.add(at("10.1.0.8"), at("10.1.0.12"), "x")).toEqual({
      kind: "overlap",
      start: at("10.1.0.10"),
      end: at("10.1.255.255"),
    });
  });
  test("the same again replaces", () => {
    expect(ranges.add(at("10.1.0.5"), at("10.1.0.9"), "new")).toEqual({ kind: "replaced", old: "inner" });
  });
  test("delete wants the same ends", () => {
    expect(ranges.delete(at("10.1.0.6"), at("10.1.0.9"))).toBe(false);
    expect(ranges.delete(at("10.1.0.5"), at("10.1.0.9"))).toBe(true);
    expect(ranges.find(at("10.1.0.7"))).toBeUndefined();
  });
});
