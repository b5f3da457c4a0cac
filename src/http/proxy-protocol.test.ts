import { describe, expect, test } from "bun:test";
import { type ProxyHeader, ProxyHeaderParser } from "./proxy-protocol.ts";

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const INET = "\x01\x02\x03\x04\x05\x06\x07\x08\x10\x92\x00\x50";
const INET6 = `${`\x20\x01\x0d\xb8${"\0".repeat(11)}\x01`.repeat(2)}\x10\x92\x00\x50`;
const NEXT = "GET / HTTP/1.1\r\n";

function binary(command: number, family: number, payload: string, lengthSaid = payload.length): string {
  return SIGNATURE + String.fromCharCode(command, family, lengthSaid >> 8, lengthSaid & 255) + payload;
}

function shown(header: ProxyHeader | undefined): string {
  if (header === undefined) return "none";
  const { sourceAddress, sourcePort, destinationAddress, destinationPort, tlvs } = header;
  return [sourceAddress, sourcePort, destinationAddress, destinationPort, JSON.stringify(tlvs)].join(" ");
}

/** Feeds the text in pieces of that size: what was read and how many bytes that took, the error, or "more". */
function fed(text: string, pieceBytes: number): string {
  const parser = new ProxyHeaderParser();
  for (let from = 0; from < text.length; from += pieceBytes) {
    // What stands around the piece must not matter, nor what becomes of it after the call.
    const chunk = Buffer.from(`##${text.slice(from, from + pieceBytes)}##`, "latin1");
    const at = parser.feed(chunk, 2, chunk.length - 2);
    chunk.fill("!");
    if (at === -2) return parser.error === "" ? "error" : parser.error;
    if (at !== -1) return `${from + at - 2}: ${shown(parser.header)}`;
  }
  return `more: ${parser.brokenOff()}`;
}

const SIZES = [1, 2, 3, 5, 7, 11, 13, 15, 16, 17, 100, 10_000];

describe("the same for pieces of any size", () => {
  const rows: readonly (readonly [name: string, header: string, found: string])[] = [
    ["TCP4", "PROXY TCP4 1.2.3.4 5.6.7.8 4242 80\r\n", '1.2.3.4 4242 5.6.7.8 80 ""'],
    ["TCP6", "PROXY TCP6 2001:db8::1 ::2 4242 80\r\n", '2001:db8::1 4242 ::2 80 ""'],
    ["not an address", "PROXY TCP4 ab:.. f 0 65535\r\n", 'ab:.. 0 f 65535 ""'],
    ["UNKNOWN", "PROXY UNKNOWN\r\n", "none"],
    ["UNKNOWN and more", "PROXY UNKNOWN ff:ff 1\n2\r3\r\n", "none"],
    ["inet", binary(0x21, 0x11, INET), '1.2.3.4 4242 5.6.7.8 80 ""'],
    ["inet6", binary(0x21, 0x21, INET6), '2001:db8::1 4242 2001:db8::1 80 ""'],
    ["types", binary(0x21, 0x11, `${INET}\x01\0\x02h2`), '1.2.3.4 4242 5.6.7.8 80 "\\u0001\\u0000\\u0002h2"'],
    ["LOCAL", binary(0x20, 0x00, ""), "none"],
    ["LOCAL and more", binary(0x20, 0x11, INET), "none"],
    ["datagrams", binary(0x21, 0x12, INET), "none"],
    ["unix", binary(0x21, 0x31, "x".repeat(216)), "none"],
    ["as large as can be", binary(0x20, 0x00, "x".repeat(4080)), "none"],
  ];
  for (const [name, header, found] of rows) {
    test(name, () => {
      for (const size of SIZES)
        expect(`${size} ${fed(header + NEXT, size)}`).toBe(`${size} ${header.length}: ${found}`);
    });
  }
});

describe("errors, whatever the size of pieces", () => {
  const rows: readonly (readonly [name: string, sent: string, error: string])[] = [
    ["version 1", binary(0x11, 0x11, INET), "unknown PROXY protocol version: 1"],
    ["version 15", binary(0xf1, 0x11, INET), "unknown PROXY protocol version: 15"],
    ["inet too short", binary(0x21, 0x11, INET.slice(1)), "error"],
    ["inet6 too short", binary(0x21, 0x21, INET), "error"],
    ["inet of no bytes", binary(0x21, 0x11, ""), "error"],
    ["larger than can be", binary(0x20, 0x00, "x".repeat(4081)), "header is too large"],
    ["as large as a length can say", binary(0x21, 0x11, INET, 65_535), "header is too large"],
    ["port 65536", "PROXY TCP4 1.2.3.4 5.6.7.8 65536 80\r\n", 'broken header: "PROXY TCP4 1.2.3.4 5.6.7.8 65536 80"'],
    ["line feed alone", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", 'broken header: "PROXY TCP4 1.2.3.4 5.6.7.8 1 2"'],
    ["an address too few", "PROXY TCP4 1.2.3.4 1 2\r\n", 'broken header: "PROXY TCP4 1.2.3.4 1 2"'],
  ];
  for (const [name, sent, error] of rows) {
    test(name, () => {
      for (const size of SIZES) {
        // Of a line in pieces, its carriage return comes before its line feed.
        expect(`${size} ${fed(sent + NEXT, size)}`).toBe(`${size} ${error}`);
      }
    });
  }
  const early: readonly (readonly [sent: string, error: string])[] = [
    [NEXT, 'broken header: "GET / HTTP/1.1"'],
    ["\x16\x03\x01", 'broken header: "\x16\x03\x01"'],
    ["PROXY UDP4 ", 'broken header: "PROXY UDP4 "'],
    ["PROXY \r\n", 'broken header: "PROXY "'],
    ["\r\n\r\n\0\r\nQUIT\r", 'broken header: ""'],
  ];
  for (const [sent, error] of early) test(JSON.stringify(sent), () => expect(fed(sent, 100)).toBe(error));
  test("a line without an end", () => {
    const line = `PROXY UNKNOWN ${"x".repeat(5000)}\r\n`;
    for (const size of SIZES) expect(fed(line, size)).toBe(`broken header: "${line.slice(0, 4096)}"`);
  });
});

describe("what is said of a header that breaks off", () => {
  const rows: readonly (readonly [sent: string, said: string | undefined])[] = [
    ["", undefined],
    ["P", 'broken header: "P"'],
    ["PROXY TCP4 1.2", 'broken header: "PROXY TCP4 1.2"'],
    ["PROXY UNKNOWN\r", 'broken header: "PROXY UNKNOWN"'],
    [SIGNATURE, 'broken header: ""'],
    [binary(0x21, 0x11, "\x01"), "error"],
    [binary(0x21, 0x11, "\x01", 12), "header is too large"],
  ];
  for (const [sent, said] of rows) {
    test(JSON.stringify(sent), () => expect(fed(sent, 4)).toBe(said === "error" ? said : `more: ${said}`));
  }
});
