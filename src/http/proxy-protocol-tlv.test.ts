import { describe, expect, test } from "bun:test";
import { TlvFault, tlvGet } from "./proxy-protocol-tlv.ts";

function tlv(type: number, value: string): string {
  return String.fromCharCode(type, value.length >> 8, value.length & 255) + value;
}

const SSL_INSIDE =
  tlv(0x21, "TLSv1.3") + tlv(0x22, "client") + tlv(0x23, "AES") + tlv(0x24, "SHA256") + tlv(0x25, "RSA");
const SSL = tlv(0x20, `\x07\0\0\x01\x02${SSL_INSIDE}`);
const ALL = `${tlv(0x01, "h2")}${tlv(0x02, "example.com")}${tlv(0x05, "\x80\xff")}${SSL}${tlv(0x30, "blue")}${tlv(0xea, "vpce")}`;

function shown(value: string | undefined | TlvFault): string {
  if (value instanceof TlvFault) return `fault: ${value.message}`;
  return value === undefined ? "none" : `"${value}"`;
}

const BROKEN = "fault: broken PROXY protocol TLV";
const rows: readonly (readonly [name: string, tlvs: string, found: string])[] = [
  ["alpn", ALL, '"h2"'],
  ["authority", ALL, '"example.com"'],
  ["unique_id", ALL, '"\x80\xff"'],
  ["netns", ALL, '"blue"'],
  ["ssl_version", ALL, '"TLSv1.3"'],
  ["ssl_cn", ALL, '"client"'],
  ["ssl_cipher", ALL, '"AES"'],
  ["ssl_sig_alg", ALL, '"SHA256"'],
  ["ssl_key_alg", ALL, '"RSA"'],
  ["ssl_verify", ALL, '"258"'],
  ["ssl_0x22", ALL, '"client"'],
  ["ssl", ALL, `"\x07\0\0\x01\x02${SSL_INSIDE}"`],
  ["0x01", ALL, '"h2"'],
  ["0xea", ALL, '"vpce"'],
  ["0x0000000000000000000000ea", ALL, '"vpce"'],
  ["0x1ea", ALL, "none"],
  ["0xee", ALL, "none"],
  ["ssl_0xee", ALL, "none"],
  ["0x", ALL, 'fault: invalid PROXY protocol TLV "0x"'],
  ["0xg", ALL, 'fault: invalid PROXY protocol TLV "0xg"'],
  ["ssl_0x", ALL, 'fault: invalid PROXY protocol TLV "ssl_0x"'],
  ["0x7fffffffffffffff", ALL, "none"],
  ["0x8000000000000000", ALL, 'fault: invalid PROXY protocol TLV "0x8000000000000000"'],
  ["foo", ALL, 'fault: unknown PROXY protocol TLV "foo"'],
  ["", ALL, 'fault: unknown PROXY protocol TLV ""'],
  ["ssl_foo", ALL, 'fault: unknown PROXY protocol TLV "ssl_foo"'],
  ["ssl_", ALL, 'fault: unknown PROXY protocol TLV "ssl_"'],
  ["ssl_alpn", ALL, 'fault: unknown PROXY protocol TLV "ssl_alpn"'],
  ["ssl_foo", tlv(0x01, "h2"), "none"],
  ["alpn", "", "none"],
  ["alpn", tlv(0x01, ""), '""'],
  ["alpn", tlv(0x01, "h2") + tlv(0x01, "h3"), '"h2"'],
  ["alpn", "\x01", BROKEN],
  ["alpn", "\x01\0", BROKEN],
  ["alpn", "\x01\0\x03h2", BROKEN],
  ["alpn", `${tlv(0x01, "h2")}\x02`, '"h2"'],
  ["netns", `${tlv(0x01, "h2")}\x02`, BROKEN],
  ["alpn", "\x02\xff\xffx", BROKEN],
  ["ssl_cn", tlv(0x20, "\x07\0\0\0"), "fault: "],
  ["ssl_verify", tlv(0x20, "\x07\0\0\0"), "fault: "],
  ["ssl_verify", tlv(0x20, "\x07\xff\xff\xff\xff"), '"4294967295"'],
  ["ssl_cn", tlv(0x20, "\x07\0\0\0\0"), "none"],
  ["ssl_cn", tlv(0x20, "\x07\0\0\0\0\x22"), BROKEN],
  ["ssl_cn", "\x20\0\xffx", BROKEN],
];

describe("values", () => {
  for (const [name, tlvs, found] of rows) {
    test(`${name} of ${JSON.stringify(tlvs.slice(0, 8))}`, () => expect(shown(tlvGet(name)(tlvs))).toBe(found));
  }
});
