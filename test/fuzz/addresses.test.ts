/** Addresses and networks: text and bytes lead to one another, and a network holds what arithmetic says. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  addressText,
  formatIPv6,
  fromSystemAddress,
  inetAddress,
  normalIP,
  parseAddress,
  parseIPv4,
  parseIPv6,
  systemAddress,
  unixAddress,
} from "../../src/net/address.ts";
import { inNetwork, maskBytes, parseCidr } from "../../src/net/cidr.ts";
import { holds } from "../harness/property.ts";

const four = fc.uint8Array({ minLength: 4, maxLength: 4 });
/** With runs of zeros, as real addresses have them. */
const sixteen = fc
  .array(fc.oneof({ arbitrary: fc.constant(0), weight: 2 }, fc.integer({ min: 0, max: 0xffff })), {
    minLength: 8,
    maxLength: 8,
  })
  .map((groups) => new Uint8Array(groups.flatMap((group) => [group >> 8, group & 255])));
const port = fc.integer({ min: 1, max: 65_535 });
const textOf = (bytes: Uint8Array): string => (bytes.length === 4 ? bytes.join(".") : formatIPv6(bytes));
/** All ways to write an IPv6 address in full: leading zeros, capitals, the last four bytes dotted. */
const written = fc
  .tuple(sixteen, fc.boolean(), fc.boolean(), fc.boolean())
  .map(([bytes, zeros, capitals, dotted]): [Uint8Array, string] => {
    const groups = Array.from({ length: 8 }, (_, i) =>
      (((bytes[i * 2] ?? 0) << 8) | (bytes[i * 2 + 1] ?? 0)).toString(16),
    );
    const shown = groups.map((group) => (zeros ? group.padStart(4, "0") : group));
    const text = dotted ? [...shown.slice(0, 6), bytes.subarray(12).join(".")].join(":") : shown.join(":");
    return [bytes, capitals ? text.toUpperCase() : text];
  });

test("an address is read from its text, whatever its form", () => {
  holds(fc.property(four, (bytes) => expect(parseIPv4(textOf(bytes))).toEqual(bytes)));
  holds(fc.property(sixteen, (bytes) => expect(parseIPv6(textOf(bytes))).toEqual(bytes)));
  holds(fc.property(written, ([bytes, text]) => expect(parseIPv6(text)).toEqual(bytes)));
});

test("the shortest form of an address is its own, and has no more than one gap", () => {
  holds(
    fc.property(written, ([bytes, text]) => {
      const short = formatIPv6(bytes);
      expect(normalIP(text)).toBe(short);
      expect(normalIP(short)).toBe(short);
      expect(short.split("::").length).toBeLessThanOrEqual(2);
      expect(short.length).toBeLessThanOrEqual(text.length);
    }),
  );
});

test("the system's structures hold the whole address", () => {
  const address = fc.oneof(
    fc.tuple(fc.oneof(four, sixteen), port).map(([bytes, number]) => inetAddress(textOf(bytes), number)),
    fc.stringMatching(/^\/[\x21-\x7e\x80-\xff]{1,100}$/).map(unixAddress),
  );
  holds(fc.property(address, (one) => expect(fromSystemAddress(systemAddress(one))).toEqual(one)));
});

test("listen reads what an address is shown as", () => {
  const syntax = { listen: true, uriPart: false, defaultPort: 80 };
  holds(
    fc.property(fc.oneof(four, sixteen), port, (bytes, number) => {
      const address = inetAddress(textOf(bytes), number);
      expect(parseAddress(addressText(address), syntax)).toMatchObject({ address, port: number, noPort: false });
    }),
  );
});

test("no text makes the parsers stumble", () => {
  const piece = fc.constantFrom(
    "1",
    "255",
    "256",
    "f",
    "ffff",
    "::",
    ":",
    ".",
    "[",
    "]",
    "/",
    "-",
    "*",
    "unix:",
    "%",
    "",
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((parts) => parts.join("")),
    fc.string({ maxLength: 40 }),
  );
  holds(
    fc.property(text, fc.boolean(), fc.boolean(), (one, listen, uriPart) => {
      expect(parseIPv4(one)?.length ?? 4).toBe(4);
      expect(parseIPv6(one)?.length ?? 16).toBe(16);
      parseCidr(one);
      expect(parseAddress(one, { listen, uriPart, defaultPort: 80 })).toBeObject();
    }),
    2000,
  );
});

/** The leading bits as a number. */
function leading(bytes: Uint8Array, bits: number): bigint {
  const all = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  return all >> BigInt(bytes.length * 8 - bits);
}

/** `::ffff:1.2.3.4`: IPv4, and in no network of IPv6 (ngx_cidr_match). */
function isMapped(bytes: Uint8Array): boolean {
  return bytes.length === 16 && leading(bytes, 96) === 0xffffn;
}

/** A network and an address near it: random ones hardly ever meet. */
const near = fc
  .oneof(four, sixteen)
  .chain((bytes) =>
    fc.tuple(
      fc.constant(bytes),
      fc.integer({ min: 0, max: bytes.length * 8 }),
      fc.integer({ min: 0, max: bytes.length * 8 - 1 }),
    ),
  );

test("a network holds the addresses that share its leading bits", () => {
  holds(
    fc.property(near, ([bytes, prefixBits, flippedBit]) => {
      const network = parseCidr(`${textOf(bytes)}/${prefixBits}`);
      if (network === undefined) throw new Error("a network is refused");
      expect(network.prefixBits).toBe(prefixBits);
      expect(network.bytes).toEqual(maskBytes(bytes, prefixBits));
      expect(network.lowBitsSet).toBe(network.bytes.join() !== bytes.join());
      const other = Uint8Array.from(bytes);
      other[flippedBit >> 3] = (other[flippedBit >> 3] ?? 0) ^ (0x80 >> (flippedBit & 7));
      const holdsOther = !isMapped(other) && leading(other, prefixBits) === leading(bytes, prefixBits);
      expect(inNetwork(bytes, network)).toBe(!isMapped(bytes));
      expect(inNetwork(other, network)).toBe(holdsOther);
      if (bytes.length === 4) {
        const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...other);
        expect(inNetwork(mapped, network)).toBe(inNetwork(other, network));
      }
    }),
  );
});
