import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  alpn,
  extension,
  groups,
  message,
  preSharedKeys,
  record,
  records,
  serverName,
  text,
  vector,
} from "../../test/harness/client-hello.ts";
import { holds } from "../../test/harness/property.ts";
import { beginsTls, type ClientHello, MAX_HELLO_BYTES, readClientHello } from "./tls-client-hello.ts";

const NOTHING: ClientHello = {
  serverName: "",
  cipherSuites: [0x1301, 0xc02b],
  groups: [],
  applicationProtocols: [],
  ticketKeys: [],
};
const NAME = "0123456789abcdef";

const rows: readonly (readonly [
  name: string,
  extensions: readonly Buffer[] | undefined,
  found: Partial<ClientHello>,
])[] = [
  ["no extensions", undefined, {}],
  ["empty extensions", [], {}],
  ["a name", [serverName("a.test")], { serverName: "a.test" }],
  ["an empty name", [serverName("")], {}],
  ["a name with a zero byte", [serverName("a\0b")], { serverName: "a\0b" }],
  [
    "a name of another kind first",
    [extension(0, vector(2, [7], vector(2, text("x")), [0], vector(2, text("y"))))],
    { serverName: "y" },
  ],
  ["groups", [groups(29, 23)], { groups: [29, 23] }],
  ["protocols", [alpn("h2", "http/1.1")], { applicationProtocols: ["h2", "http/1.1"] }],
  [
    "unknown extensions",
    [extension(0x0a0a, Buffer.alloc(3)), serverName("a"), extension(65281, Buffer.alloc(1))],
    { serverName: "a" },
  ],
  ["a ticket of TLS 1.2", [extension(35, text(`${NAME}and the rest`))], { ticketKeys: [NAME] }],
  ["an empty ticket", [extension(35, Buffer.alloc(0))], {}],
  ["a ticket too short to have a name", [extension(35, text("short"))], {}],
  [
    "tickets of TLS 1.3",
    [preSharedKeys(`${NAME}1`, `fedcba9876543210-${NAME}`, "short")],
    { ticketKeys: [NAME, "fedcba9876543210"] },
  ],
  ["the same key twice", [extension(35, text(NAME)), preSharedKeys(NAME, NAME)], { ticketKeys: [NAME] }],
  [
    "more tickets than one looks at",
    [preSharedKeys(...Array.from({ length: 20 }, (_, i) => `${i}`.padEnd(16, "-")))],
    {
      ticketKeys: Array.from({ length: 8 }, (_, i) => `${i}`.padEnd(16, "-")),
    },
  ],
];

describe("a ClientHello", () => {
  for (const [name, extensions, found] of rows) {
    const bytes = message(extensions);
    const hello = { ...NOTHING, ...found };
    test(name, () => expect(readClientHello(record(bytes))).toEqual(hello));
    test(`${name}, with more behind it`, () => {
      expect(readClientHello(Buffer.concat([record(bytes), Buffer.from("rest")]))).toEqual(hello);
    });
    test(`${name}, in small records`, () => {
      for (const each of [1, 2, 3, 4, 5, 7, 40]) expect(readClientHello(records(bytes, each))).toEqual(hello);
    });
    test(`${name}, cut anywhere`, () => {
      for (const whole of [record(bytes), records(bytes, 11)]) {
        for (let end = 0; end < whole.length; end++) expect(readClientHello(whole.subarray(0, end))).toBe("incomplete");
      }
    });
  }
});

const lengthTooLong = message([]);
lengthTooLong[lengthTooLong.length - 1] = 5;
const invalid: readonly (readonly [name: string, bytes: Buffer])[] = [
  ["another handshake message", record(Buffer.from([2, 0, 0, 0]))],
  ["another kind of record", Buffer.from([23, 3, 3, 0, 1, 0])],
  ["another version of records", Buffer.from([22, 2, 0, 0, 1, 1])],
  ["an empty record", record(Buffer.alloc(0))],
  ["an empty record in the middle", Buffer.concat([record(message([]).subarray(0, 9)), record(Buffer.alloc(0))])],
  ["an SSLv2 hello", Buffer.from([0x80, 0x2e, 1, 0, 2, 0])],
  ["a length that leads out of the message", record(lengthTooLong)],
  ["an extension that is longer than all of them", record(message([Buffer.from([0, 0, 0, 9, 1])]))],
  ["a name that is longer than its extension", record(message([extension(0, Buffer.from([0, 9, 0, 0, 1, 97]))]))],
  ["a message that is too long", record(Buffer.concat([Buffer.from([1, 0, 0x44, 1]), Buffer.alloc(100)]))],
  ["nothing in the message", record(Buffer.from([1, 0, 0, 0]))],
];

describe("not a ClientHello", () => {
  for (const [name, bytes] of invalid) test(name, () => expect(readClientHello(bytes)).toBe("invalid"));
});

test("the longest that is read", () => {
  const padding = MAX_HELLO_BYTES - message([extension(21, Buffer.alloc(0))]).length;
  const longest = message([extension(21, Buffer.alloc(padding))]);
  expect(longest.length).toBe(MAX_HELLO_BYTES);
  expect(readClientHello(records(longest, 16_384))).toEqual(NOTHING);
  expect(readClientHello(records(message([extension(21, Buffer.alloc(padding + 1))]), 16_384))).toBe("invalid");
});

test("what begins TLS is what no method begins with", () => {
  for (let byte = 0; byte < 256; byte++) expect(beginsTls(byte)).toBe(byte === 22 || byte >= 128);
});

test("no bytes bring it out of step", () => {
  const good = record(message([serverName("a.test"), groups(29), alpn("h2"), preSharedKeys(`${NAME}x`)]));
  holds(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: good.length - 1 }), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
      fc.nat({ max: good.length }),
      (changes, end) => {
        const bytes = Buffer.from(good.subarray(0, end));
        for (const [at, value] of changes) if (at < end) bytes[at] = value;
        const found = readClientHello(bytes);
        if (typeof found === "string") return;
        for (const key of found.ticketKeys) expect(key).toHaveLength(16);
        expect(found.serverName.length).toBeLessThan(bytes.length);
      },
    ),
    2000,
  );
});
