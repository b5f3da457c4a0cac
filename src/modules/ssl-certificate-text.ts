/** What variables show of a client's certificate: its names, number and dates (ngx_ssl_get_*). */
import { type DerValue, derChildren, derContext, readDer } from "../net/tls-der.ts";

const SET = 0x31;
const OID = 0x06;
const UTF8 = 0x0c;
const NUMERIC = 0x12;
const PRINTABLE = 0x13;
const T61 = 0x14;
const IA5 = 0x16;
const VISIBLE = 0x1a;
const UNIVERSAL = 0x1c;
const BMP = 0x1e;

/** OpenSSL's short names of the attributes of names. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  "2.5.4.3": "CN",
  "2.5.4.4": "SN",
  "2.5.4.5": "serialNumber",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.9": "street",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "2.5.4.12": "title",
  "2.5.4.13": "description",
  "2.5.4.15": "businessCategory",
  "2.5.4.16": "postalAddress",
  "2.5.4.17": "postalCode",
  "2.5.4.20": "telephoneNumber",
  "2.5.4.41": "name",
  "2.5.4.42": "GN",
  "2.5.4.43": "initials",
  "2.5.4.44": "generationQualifier",
  "2.5.4.45": "x500UniqueIdentifier",
  "2.5.4.46": "dnQualifier",
  "2.5.4.65": "pseudonym",
  "2.5.4.97": "organizationIdentifier",
  "1.2.840.113549.1.9.1": "emailAddress",
  "1.2.840.113549.1.9.2": "unstructuredName",
  "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL",
  "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
  "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
  "0.9.2342.19200300.100.1.1": "UID",
  "0.9.2342.19200300.100.1.25": "DC",
};

interface Attribute {
  /** The short name, or the numbers of the identifier. */
  readonly name: string;
  readonly known: boolean;
  readonly value: DerValue;
  /** Where the value's own tag stands. */
  readonly at: number;
}

/** The attributes of a name, by relative names. */
function attributes(der: Uint8Array, name: DerValue): Attribute[][] {
  return derChildren(der, name).map((relative) =>
    relative.tag !== SET
      ? []
      : derChildren(der, relative).flatMap((pair): Attribute[] => {
          const [oid, value] = derChildren(der, pair);
          if (oid?.tag !== OID || value === undefined) return [];
          const numbers = oidText(der, oid);
          const short = ATTRIBUTES[numbers];
          return [{ name: short ?? numbers, known: short !== undefined, value, at: oid.to }];
        }),
  );
}

function oidText(der: Uint8Array, oid: DerValue): string {
  const numbers: number[] = [];
  let value = 0;
  for (let i = oid.from; i < oid.to; i++) {
    value = value * 128 + (der[i]! & 0x7f);
    if (der[i]! & 0x80) continue;
    if (numbers.length === 0) {
      const first = Math.min(2, Math.floor(value / 40));
      numbers.push(first, value - first * 40);
    } else numbers.push(value);
    value = 0;
  }
  return numbers.join(".");
}

/** A string value as Unicode; undefined for other kinds. */
function unicode(der: Uint8Array, { tag, from, to }: DerValue): string | undefined {
  const bytes = Buffer.from(der.subarray(from, to));
  switch (tag) {
    case UTF8:
      return bytes.toString("utf8");
    case NUMERIC:
    case PRINTABLE:
    case T61:
    case IA5:
    case VISIBLE:
      return bytes.latin1Slice();
    case BMP:
      return bytes.length % 2 === 0 ? bytes.swap16().toString("utf16le") : undefined;
    case UNIVERSAL: {
      let out = "";
      for (let i = 0; i + 4 <= bytes.length; i += 4)
        out += String.fromCodePoint(Math.min(bytes.readUInt32BE(i), 0x10ffff));
      return out;
    }
    default:
      return undefined;
  }
}

const upperHex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, "0");

/** A value as RFC 2253 writes it: UTF-8, with all but printable ASCII as `\XX`. */
function escaped(der: Uint8Array, attribute: Attribute): string {
  const text = attribute.known ? unicode(der, attribute.value) : undefined;
  if (text === undefined) return `#${Array.from(der.subarray(attribute.at, attribute.value.to), upperHex).join("")}`;
  const bytes = Buffer.from(text, "utf8");
  let out = "";
  for (const [i, byte] of bytes.entries()) {
    const char = String.fromCharCode(byte);
    if (byte < 0x20 || byte > 0x7e) out += `\\${upperHex(byte)}`;
    else if (',+"\\<>;'.includes(char)) out += `\\${char}`;
    else if ((char === "#" && i === 0) || (char === " " && (i === 0 || i === bytes.length - 1))) out += `\\${char}`;
    else out += char;
  }
  return out;
}

/** The parts of a certificate that variables show. */
export interface CertificateText {
  /** RFC 2253. */
  readonly subject: string;
  readonly issuer: string;
  /** `/C=../O=..`, as older programs write it. */
  readonly legacySubject: string;
  readonly legacyIssuer: string;
  /** Upper-case hexadecimal. */
  readonly serial: string;
}

function rfc2253(der: Uint8Array, name: DerValue): string {
  return attributes(der, name)
    .reverse()
    .map((set) =>
      [...set]
        .reverse()
        .map((attribute) => `${attribute.name}=${escaped(der, attribute)}`)
        .join("+"),
    )
    .join(",");
}

/** X509_NAME_oneline. */
function oneLine(der: Uint8Array, name: DerValue): string {
  let out = "";
  for (const attribute of attributes(der, name).flat()) {
    out += `/${attribute.name}=`;
    for (const byte of der.subarray(attribute.value.from, attribute.value.to)) {
      const char = String.fromCharCode(byte);
      if (byte < 0x20 || byte > 0x7e) out += `\\x${upperHex(byte)}`;
      else out += char === "/" || char === "+" ? `\\${char}` : char;
    }
  }
  return out;
}

function serialText(der: Uint8Array, { from, to }: DerValue): string {
  let start = from;
  while (start < to - 1 && der[start] === 0) start++;
  return Array.from(der.subarray(start, to), upperHex).join("");
}

/** Reads a certificate; undefined for what is none. */
export function certificateText(der: Uint8Array): CertificateText | undefined {
  const whole = readDer(der, 0, der.length);
  const inner = whole === undefined ? undefined : derChildren(der, whole)[0];
  if (inner === undefined) return undefined;
  const fields = derChildren(der, inner);
  // The version is left out in the oldest ones.
  const first = fields[0]?.tag === derContext(0) ? 1 : 0;
  const serial = fields[first];
  const issuer = fields[first + 2];
  const subject = fields[first + 4];
  if (serial === undefined || issuer === undefined || subject === undefined) return undefined;
  return {
    subject: rfc2253(der, subject),
    issuer: rfc2253(der, issuer),
    legacySubject: oneLine(der, subject),
    legacyIssuer: oneLine(der, issuer),
    serial: serialText(der, serial),
  };
}
