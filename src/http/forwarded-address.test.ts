import { describe, expect, test } from "bun:test";
import { formatIPv6, parseIPv4, parseIPv6 } from "../net/address.ts";
import { parseCidr } from "../net/cidr.ts";
import { type AddressPort, forwardedAddress, parseAddressPort, type TrustedProxies } from "./forwarded-address.ts";

function shown(address: AddressPort | undefined): string {
  if (address === undefined) return "none";
  const { bytes, port } = address;
  return `${bytes.length === 4 ? bytes.join(".") : formatIPv6(bytes)} ${port}`;
}

describe("address with or without port", () => {
  const rows: readonly (readonly [text: string, found: string])[] = [
    ["1.2.3.4", "1.2.3.4 0"],
    ["1.2.3.4:80", "1.2.3.4 80"],
    ["1.2.3.4:00080", "1.2.3.4 80"],
    ["::1", "::1 0"],
    ["2001:db8::1:80", "2001:db8::1:80 0"],
    ["[::1]:80", "::1 80"],
    ["[1.2.3.4]:80", "1.2.3.4 80"],
    ["::ffff:1.2.3.4", "::ffff:1.2.3.4 0"],
    ["", "none"],
    ["1.2.3", "none"],
    ["1.2.3.4:", "none"],
    ["1.2.3.4:0", "none"],
    ["1.2.3.4:65536", "none"],
    ["1.2.3.4:99999999999999999999999", "none"],
    ["1.2.3.4:8 0", "none"],
    ["1.2.3.4:+80", "none"],
    ["255.255.255.255", "none"],
    ["[::1", "none"],
    ["[::1]", "none"],
    ["[::1]80", "none"],
    ["[::1]:", "none"],
    ["[]:80", "none"],
    ["[[::1]]:80", "none"],
    ["unix:", "none"],
    ["localhost", "none"],
  ];
  for (const [text, found] of rows) test(`"${text}"`, () => expect(shown(parseAddressPort(text))).toBe(found));
});

describe("forwarded address", () => {
  const networks = ["127.0.0.0/8", "10.0.0.0/8", "2001:db8::/32"].map((text) => parseCidr(text)!);
  const proxies: TrustedProxies = { networks, unix: true };
  const ONE = false;
  const ALL = true;
  const rows: readonly (readonly [from: string, fields: readonly string[], recursive: boolean, found: string])[] = [
    ["127.0.0.1", ["1.2.3.4"], ONE, "1.2.3.4 0"],
    ["127.0.0.1", ["1.2.3.4, 10.0.0.1"], ONE, "10.0.0.1 0"],
    ["127.0.0.1", ["1.2.3.4", "10.0.0.1"], ONE, "10.0.0.1 0"],
    ["127.0.0.1", ["1.2.3.4", "junk"], ONE, "none"],
    ["127.0.0.1", ["1.2.3.4, 10.0.0.1"], ALL, "1.2.3.4 0"],
    ["127.0.0.1", ["1.2.3.4", "10.0.0.1"], ALL, "1.2.3.4 0"],
    ["127.0.0.1", ["9.9.9.9, 1.2.3.4, 10.0.0.1"], ALL, "1.2.3.4 0"],
    ["127.0.0.1", ["9.9.9.9", "1.2.3.4", "10.0.0.1"], ALL, "1.2.3.4 0"],
    ["127.0.0.1", ["10.0.0.1, 10.0.0.2"], ALL, "10.0.0.1 0"],
    ["127.0.0.1", ["junk"], ALL, "none"],
    ["127.0.0.1", ["junk, 10.0.0.1"], ALL, "10.0.0.1 0"],
    ["127.0.0.1", ["1.2.3.4", "junk, 10.0.0.1"], ALL, "1.2.3.4 0"],
    ["127.0.0.1", ["1.2.3.4", "junk"], ALL, "1.2.3.4 0"],
    ["127.0.0.1", ["1.2.3.4", "junk", "junk"], ALL, "none"],
    ["127.0.0.1", ["1.2.3.4", "junk", "10.0.0.1"], ALL, "10.0.0.1 0"],
    ["127.0.0.1", ["1.2.3.4:567"], ALL, "1.2.3.4 567"],
    ["127.0.0.1", ["1.2.3.4:567, 10.0.0.1:8"], ALL, "1.2.3.4 567"],
    ["127.0.0.1", ["1.2.3.4,10.0.0.1 10.0.0.2 , ,"], ALL, "1.2.3.4 0"],
    ["127.0.0.1", [",1.2.3.4"], ALL, "none"],
    ["127.0.0.1", [", 1.2.3.4"], ALL, "1.2.3.4 0"],
    ["127.0.0.1", [","], ALL, "none"],
    ["127.0.0.1", [""], ALL, "none"],
    ["127.0.0.1", [], ALL, "none"],
    ["127.0.0.1", ["[::1]:8"], ALL, "::1 8"],
    ["127.0.0.1", ["2001:db8::1, 2001:db8::2"], ALL, "2001:db8::1 0"],
    ["::ffff:127.0.0.1", ["1.2.3.4"], ALL, "1.2.3.4 0"],
    ["8.8.8.8", ["1.2.3.4"], ALL, "none"],
    ["2001:db9::1", ["1.2.3.4"], ALL, "none"],
    ["unix", ["1.2.3.4"], ONE, "1.2.3.4 0"],
  ];
  for (const [from, fields, recursive, found] of rows) {
    test(`${from} ${fields.map((field) => `"${field}"`).join(" + ")} ${recursive ? "all" : "one"}`, () => {
      const bytes = from === "unix" ? new Uint8Array(0) : (parseIPv4(from) ?? parseIPv6(from)!);
      expect(shown(forwardedAddress(bytes, fields, proxies, recursive))).toBe(found);
    });
  }
  test("a unix socket is not trusted unless named", () => {
    const found = forwardedAddress(new Uint8Array(0), ["1.2.3.4"], { networks, unix: false }, true);
    expect(found).toBeUndefined();
  });
});
