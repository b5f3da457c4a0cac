/** Who a request really comes from, where proxies that are trusted say so (ngx_http_get_forwarded_addr). */
import { parseIPv4, parseIPv6 } from "../net/address.ts";
import { type Cidr, inNetwork } from "../net/cidr.ts";

/** The bytes of `1.2.3.4`, `::1`, `1.2.3.4:80` or `[::1]:80`; undefined for anything else (ngx_parse_addr_port). */
export function parseAddressPort(text: string): Uint8Array | undefined {
  const plain = parseIPv4(text) ?? (text.includes(":") ? parseIPv6(text) : undefined);
  if (plain !== undefined) return plain;
  const withPort = /^(?:\[(.*)\]|([0-9.]*)):([0-9]{1,5})$/.exec(text) ?? /^\[(.*)\]$/.exec(text);
  if (withPort === null) return undefined;
  const [, six, four, port] = withPort;
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return undefined;
  return six !== undefined ? parseIPv6(six) : parseIPv4(four ?? "");
}

function trusted(address: Uint8Array, proxies: readonly Cidr[]): boolean {
  return proxies.some((proxy) => inNetwork(address, proxy));
}

/**
 * Goes back through the addresses in fields like X-Forwarded-For, as long as the one reached so far is a trusted proxy:
 * one step, or with `recursive` as many as there are. `values` are the fields in the order in which they came.
 */
export function forwardedAddress(
  address: Uint8Array,
  values: readonly string[],
  proxies: readonly Cidr[],
  recursive: boolean,
): Uint8Array {
  let current = address;
  for (let i = values.length - 1; i >= 0; i--) {
    let rest = values[i]!;
    while (rest !== "") {
      if (!trusted(current, proxies)) return current;
      rest = rest.replace(/[ ,]+$/, "");
      const at = Math.max(rest.lastIndexOf(" "), rest.lastIndexOf(","));
      const next = parseAddressPort(rest.slice(at + 1));
      if (next === undefined) return current;
      current = next;
      if (!recursive) return current;
      rest = at < 0 ? "" : rest.slice(0, at);
    }
    if (!recursive) return current;
  }
  return current;
}
