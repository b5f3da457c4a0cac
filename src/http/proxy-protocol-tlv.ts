/** What a PROXY protocol header of version 2 says besides addresses: `$proxy_protocol_tlv_*` (ngx_proxy_protocol_get_tlv). */

/** Why a value cannot be given: nginx's words for the error log. */
export class TlvFault {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** The value in the bytes that follow the addresses; undefined where they do not have it. */
export type TlvGet = (tlvs: string) => string | undefined | TlvFault;

/** Types by name (section 2.2 of the protocol's description). */
const TYPES: ReadonlyMap<string, number> = new Map([
  ["alpn", 0x01],
  ["authority", 0x02],
  ["unique_id", 0x05],
  ["ssl", 0x20],
  ["netns", 0x30],
]);

const SSL = 0x20;
/** Types inside the value of `ssl`. */
const SSL_TYPES: ReadonlyMap<string, number> = new Map([
  ["version", 0x21],
  ["cn", 0x22],
  ["cipher", 0x23],
  ["sig_alg", 0x24],
  ["key_alg", 0x25],
]);

const SSL_PREFIX = "ssl_";
/** A byte of flags and four that say how the client's certificate was verified stand before the types inside `ssl`. */
const SSL_FIXED_BYTES = 5;

/** A type and the length of its value. */
const HEAD_BYTES = 3;

function find(tlvs: string, type: number): string | undefined | TlvFault {
  let at = 0;
  while (at < tlvs.length) {
    if (tlvs.length - at < HEAD_BYTES) return new TlvFault("broken PROXY protocol TLV");
    const start = at + HEAD_BYTES;
    const end = start + ((tlvs.charCodeAt(at + 1) << 8) | tlvs.charCodeAt(at + 2));
    if (end > tlvs.length) return new TlvFault("broken PROXY protocol TLV");
    if (tlvs.charCodeAt(at) === type) return tlvs.slice(start, end);
    at = end;
  }
  return undefined;
}

/** The type that a name means: one of the list, or a number as `0x20`. */
function typeOf(name: string, types: ReadonlyMap<string, number>, whole: string): number | TlvFault {
  if (!name.startsWith("0x")) return types.get(name) ?? new TlvFault(`unknown PROXY protocol TLV "${whole}"`);
  const digits = name.slice(2);
  // nginx reads into a signed word of 8 bytes.
  if (!/^0*[0-9a-f]{1,16}$/.test(digits) || BigInt(`0x${digits}`) > 0x7fff_ffff_ffff_ffffn) {
    return new TlvFault(`invalid PROXY protocol TLV "${whole}"`);
  }
  return Number.parseInt(digits, 16);
}

/** Compiles what follows `$proxy_protocol_tlv_`, in lower case. Bad names are faults of each use, as in nginx. */
export function tlvGet(name: string): TlvGet {
  if (!name.startsWith(SSL_PREFIX)) {
    const type = typeOf(name, TYPES, name);
    return type instanceof TlvFault ? () => type : (tlvs) => find(tlvs, type);
  }
  const inner = name.slice(SSL_PREFIX.length);
  const type = inner === "verify" ? undefined : typeOf(inner, SSL_TYPES, name);
  return (tlvs) => {
    const ssl = find(tlvs, SSL);
    if (typeof ssl !== "string") return ssl;
    // nginx has no words for this one.
    if (ssl.length < SSL_FIXED_BYTES) return new TlvFault("");
    if (type === undefined) return String(Buffer.from(ssl, "latin1").readUInt32BE(1));
    return type instanceof TlvFault ? type : find(ssl.slice(SSL_FIXED_BYTES), type);
  };
}
