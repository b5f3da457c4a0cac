/** Networks in CIDR notation. */
import type { DirectiveSite } from "../config/directive.ts";
import { parseIPv4, parseIPv6 } from "./address.ts";

/** An address and how many of its leading bits count. */
export interface Cidr {
  /** 4 or 16 bytes; those beyond the prefix are zero. */
  readonly bytes: Uint8Array;
  readonly prefixBits: number;
  /** Bits beyond the prefix were set in the text: nginx warns of that. */
  readonly lowBitsSet: boolean;
}

/** Reads `10.0.0.0/8`, `2001:db8::/32` or a lone address; undefined for anything else (ngx_ptocidr). */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf("/");
  const host = slash < 0 ? text : text.slice(0, slash);
  const bytes = parseIPv4(host) ?? (host.includes(":") ? parseIPv6(host) : undefined);
  if (bytes === undefined) return undefined;
  const maxBits = bytes.length * 8;
  if (slash < 0) return { bytes, prefixBits: maxBits, lowBitsSet: false };
  const prefix = text.slice(slash + 1);
  if (!/^[0-9]+$/.test(prefix)) return undefined;
  const prefixBits = Number(prefix);
  if (prefixBits > maxBits) return undefined;
  const masked = maskBytes(bytes, prefixBits);
  return { bytes: masked, prefixBits, lowBitsSet: masked.some((byte, i) => byte !== bytes[i]) };
}

/** As `parseCidr`, for the argument of a directive: warns where bits beyond the prefix are set. */
export function readCidr(text: string, site: DirectiveSite): Cidr | undefined {
  const network = parseCidr(text);
  if (network?.lowBitsSet) site.load.warn(site.statement, `low address bits of ${text} are meaningless`);
  return network;
}

/** A copy in which the bits beyond the prefix are zero. */
export function maskBytes(bytes: Uint8Array, prefixBits: number): Uint8Array {
  const masked = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    const bits = prefixBits - i * 8;
    const mask = bits >= 8 ? 0xff : bits <= 0 ? 0 : (0xff << (8 - bits)) & 0xff;
    masked[i] = (bytes[i] ?? 0) & mask;
  }
  return masked;
}

/** Whether an address of 4 or 16 bytes is in the network; an IPv4-mapped one is IPv4 and no IPv6 (ngx_cidr_match). */
export function inNetwork(address: Uint8Array, network: Cidr): boolean {
  const bytes = plainBytes(address);
  if (bytes.length !== network.bytes.length) return false;
  for (let i = 0; i < bytes.length; i++) {
    const bits = network.prefixBits - i * 8;
    if (bits <= 0) return true;
    const mask = bits >= 8 ? 0xff : (0xff << (8 - bits)) & 0xff;
    if (((bytes[i] ?? 0) & mask) !== network.bytes[i]) return false;
  }
  return true;
}

/** The 4 bytes of an IPv4-mapped IPv6 address; any other address as it is. */
export function plainBytes(address: Uint8Array): Uint8Array {
  if (address.length !== 16 || address[10] !== 0xff || address[11] !== 0xff) return address;
  for (let i = 0; i < 10; i++) if (address[i] !== 0) return address;
  return address.subarray(12);
}
