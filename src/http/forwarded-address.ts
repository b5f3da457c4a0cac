/** Who a request really comes from, where proxies that are trusted say so (ngx_http_get_forwarded_addr). */
import { parseIPv4, parseIPv6 } from "../net/address.ts";
import { type Cidr, inNetwork } from "../net/cidr.ts";

/** An IP address of 4 or 16 bytes with a port; 0 where none was written. */
export interface AddressPort {
  readonly bytes: Uint8Array;
  readonly port: number;
}

/** Whose word is taken for the address of the client behind them. */
export interface TrustedProxies {
  readonly networks: readonly Cidr[];
  /** `unix:`: whoever comes over a unix socket. */
  readonly unix: boolean;
}

const MAX_PORT = 65_535;

function parseIP(text: string): Uint8Array | undefined {
  const four = parseIPv4(text);
  if (four === undefined) return text.includes(":") ? parseIPv6(text) : undefined;
  // nginx cannot tell the broadcast address from none (INADDR_NONE).
  return four.every((byte) => byte === 255) ? undefined : four;
}

/** Reads `1.2.3.4`, `::1`, `1.2.3.4:80` or `[::1]:80`; undefined for anything else (ngx_parse_addr_port). */
export function parseAddressPort(text: string): AddressPort | undefined {
  const plain = parseIP(text);
  if (plain !== undefined) return { bytes: plain, port: 0 };
  const parts = /^(?:\[([^\]]*)\]|([^[:][^:]*)):([0-9]+)$/.exec(text);
  if (parts === null) return undefined;
  const port = Number(parts[3]);
  if (port < 1 || port > MAX_PORT) return undefined;
  const bytes = parseIP(parts[1] ?? parts[2] ?? "");
  return bytes === undefined ? undefined : { bytes, port };
}

/** `address` is empty for a unix socket. */
function trusted(address: Uint8Array, { networks, unix }: TrustedProxies): boolean {
  if (address.length === 0) return unix;
  for (const network of networks) if (inNetwork(address, network)) return true;
  return false;
}

function isSeparator(code: number): boolean {
  return code === 32 || code === 44;
}

/** The way back from the other end of the connection towards the client. */
interface Walk {
  /** The address reached. */
  bytes: Uint8Array;
  /** The last step, if there was one. */
  reached: AddressPort | undefined;
}

/** Steps back through one field's list, from its end. False when not even one step was made. */
function walkField(walk: Walk, text: string, proxies: TrustedProxies, recursive: boolean): boolean {
  let stepped = false;
  let end = text.length;
  for (;;) {
    if (!trusted(walk.bytes, proxies)) return stepped;
    // A separator that stands first in the field counts as part of the address: so it is in nginx.
    while (end > 1 && isSeparator(text.charCodeAt(end - 1))) end--;
    let start = end - 1;
    while (start > 0 && !isSeparator(text.charCodeAt(start))) start--;
    if (start > 0) start++;
    const next = parseAddressPort(text.slice(Math.max(start, 0), end));
    if (next === undefined) return stepped;
    walk.bytes = next.bytes;
    walk.reached = next;
    stepped = true;
    if (!recursive || start <= 0) return true;
    end = start - 1;
  }
}

/**
 * Goes back through the addresses in fields like X-Forwarded-For, as long as the one reached so far is a trusted proxy:
 * one step, or with `recursive` as many as there are. `values` are the fields in the order in which they came, `from` is
 * the other end of the connection (empty for a unix socket). Undefined where it is not trusted or nothing can be read.
 */
export function forwardedAddress(
  from: Uint8Array,
  values: readonly string[],
  proxies: TrustedProxies,
  recursive: boolean,
): AddressPort | undefined {
  const walk: Walk = { bytes: from, reached: undefined };
  for (let i = values.length - 1; i >= 0; i--) {
    const stepped = walkField(walk, values[i]!, proxies, recursive);
    // Past the last field, one that leads nowhere ends the walk.
    if (!recursive || (!stepped && i < values.length - 1)) break;
  }
  return walk.reached;
}
