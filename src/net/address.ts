/** Socket addresses: their text as nginx reads and prints it, and their binary forms. */

/** Where to listen or connect. `host` and `port` are empty for unix sockets, `path` for the others. */
export interface Address {
  readonly family: "inet" | "inet6" | "unix";
  /** An IP literal without brackets, in its shortest form. */
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** The longest path a unix socket can have: `sun_path` with its final zero. */
const MAX_UNIX_PATH_BYTES = 107;

export function inetAddress(host: string, port: number): Address {
  return { family: host.includes(":") ? "inet6" : "inet", host, port, path: "" };
}

export function unixAddress(path: string): Address {
  return { family: "unix", host: "", port: 0, path };
}

/** `127.0.0.1:80`, `[::1]:80`, `unix:/path`: nginx's text form (ngx_sock_ntop). */
export function addressText(address: Address): string {
  if (address.family === "unix") return `unix:${address.path}`;
  return address.family === "inet6" ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Four bytes of a dotted IPv4 literal, or undefined (ngx_inet_addr). */
export function parseIPv4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  let part = 0;
  let value = 0;
  let digits = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 48 && code <= 57) {
      value = value * 10 + (code - 48);
      if (value > 255) return undefined;
      digits++;
      continue;
    }
    if (code !== 46 || digits === 0 || part === 3) return undefined;
    bytes[part++] = value;
    value = 0;
    digits = 0;
  }
  if (part !== 3 || digits === 0) return undefined;
  bytes[3] = value;
  return bytes;
}

/** Sixteen bytes of an IPv6 literal without brackets, or undefined (RFC 4291 section 2.2; no zone names). */
export function parseIPv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? "", halves.length === 1);
  const tail = groups(halves[1] ?? "", true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

function groups(text: string, atEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      const value = Number.parseInt(part, 16);
      bytes.push(value >> 8, value & 255);
      continue;
    }
    const dotted = atEnd && i === parts.length - 1 ? parseIPv4(part) : undefined;
    if (dotted === undefined) return undefined;
    bytes.push(...dotted);
  }
  return bytes;
}

/** The shortest text of sixteen bytes, with dotted form for IPv4-mapped ones (ngx_inet6_ntop). */
export function formatIPv6(bytes: Uint8Array): string {
  const words: number[] = [];
  for (let i = 0; i < 16; i += 2) words.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && words[i + length] === 0) length++;
    if (length > bestLength) {
      best = i;
      bestLength = length;
    }
    if (length > 0) i += length - 1;
  }
  const hex = (from: number, to: number): string =>
    words
      .slice(from, to)
      .map((w) => w.toString(16))
      .join(":");
  const mapped = best === 0 && (bestLength === 6 || (bestLength === 5 && words[5] === 0xffff));
  if (mapped) return `${bestLength === 6 ? "::" : "::ffff:"}${bytes.subarray(12).join(".")}`;
  if (best < 0) return hex(0, 8);
  return `${hex(0, best)}::${hex(best + bestLength, 8)}`;
}

/** An IP literal in its shortest form, or undefined when the text is a name. */
export function normalIP(text: string): string | undefined {
  const four = parseIPv4(text);
  if (four !== undefined) return four.join(".");
  const six = text.includes(":") ? parseIPv6(text) : undefined;
  return six === undefined ? undefined : formatIPv6(six);
}

/** The bytes of the IP as a latin1 string, as $binary_remote_addr: 4, 16, or `unix:` for a unix socket. */
export function binaryAddress(address: Address): string {
  if (address.family === "unix") return "unix:";
  const bytes = address.family === "inet6" ? parseIPv6(address.host) : parseIPv4(address.host);
  return bytes === undefined ? "" : String.fromCharCode(...bytes);
}

/** The address as the system's calls want it: sockaddr_in, sockaddr_in6 or sockaddr_un. */
export function systemAddress(address: Address): Uint8Array {
  if (address.family === "unix") {
    const path = Buffer.from(address.path, "latin1");
    const bytes = new Uint8Array(2 + path.length + 1);
    bytes[0] = 1;
    bytes.set(path, 2);
    return bytes;
  }
  const six = address.family === "inet6";
  const bytes = new Uint8Array(six ? 28 : 16);
  bytes[0] = six ? 10 : 2;
  bytes[2] = address.port >> 8;
  bytes[3] = address.port & 255;
  bytes.set((six ? parseIPv6(address.host) : parseIPv4(address.host)) ?? [], six ? 8 : 4);
  return bytes;
}

/** The address in one of the system's structures, or undefined for another family. */
export function fromSystemAddress(bytes: Uint8Array): Address | undefined {
  const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  switch (bytes[0]) {
    case 1: {
      const path = Buffer.from(bytes.subarray(2)).toString("latin1");
      const end = path.indexOf("\0");
      return unixAddress(end > 0 ? path.slice(0, end) : path);
    }
    case 2:
      return inetAddress(`${bytes[4]}.${bytes[5]}.${bytes[6]}.${bytes[7]}`, port);
    case 10:
      return inetAddress(formatIPv6(bytes.subarray(8, 24)), port);
    default:
      return undefined;
  }
}

/** What the text of an address may hold besides host and port. */
export interface AddressSyntax {
  /** `*:80`, a lone port and a port range are allowed; as the `listen` directive. */
  readonly listen: boolean;
  /** A URI may follow the address; as in `proxy_pass`. */
  readonly uriPart: boolean;
  /** The port where none is written. */
  readonly defaultPort: number;
}

/** The parts of an address as written (ngx_url_t). */
export interface ParsedAddress {
  /** Set when the host is an IP literal, a wildcard or a unix path: nothing has to be resolved. */
  readonly address: Address | undefined;
  /** As written; brackets kept around IPv6. Empty for a lone port. */
  readonly host: string;
  readonly port: number;
  /** Same as `port` without a range. */
  readonly lastPort: number;
  readonly portText: string;
  /** No port was written. */
  readonly noPort: boolean;
  /** From the first `/` or `?` after the address; empty if none. */
  readonly uri: string;
  /** Stands for every address of its family. */
  readonly wildcard: boolean;
}

/** Why an address is refused: `invalid port`, `no host`; the caller adds `in "..."`. */
export interface AddressFault {
  readonly fault: string;
}

/** Splits an address as ngx_parse_url does. Names are not resolved: `address` is undefined for them. */
export function parseAddress(text: string, syntax: AddressSyntax): ParsedAddress | AddressFault {
  if (/^unix:/i.test(text)) return parseUnix(text.slice(5), syntax);
  return text.startsWith("[") ? parseBracketed(text, syntax) : parseNamed(text, syntax);
}

function parseUnix(text: string, syntax: AddressSyntax): ParsedAddress | AddressFault {
  const colon = syntax.uriPart ? text.indexOf(":") : -1;
  const path = colon < 0 ? text : text.slice(0, colon);
  if (path === "") return { fault: "no path in the unix domain socket" };
  if (path.length > MAX_UNIX_PATH_BYTES) return { fault: "too long path in the unix domain socket" };
  return {
    address: unixAddress(path),
    host: path,
    port: 0,
    lastPort: 0,
    portText: "",
    noPort: true,
    uri: colon < 0 ? "" : text.slice(colon + 1),
    wildcard: false,
  };
}

interface Ports {
  readonly port: number;
  readonly lastPort: number;
  readonly portText: string;
  readonly noPort: boolean;
}

function decimal(text: string): number | undefined {
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

function validPort(text: string): number | undefined {
  const port = decimal(text);
  return port === undefined || port < 1 || port > 65535 ? undefined : port;
}

function parsePorts(text: string, listen: boolean): Ports | AddressFault {
  const dash = listen ? text.indexOf("-") : -1;
  const first = dash < 0 ? text : text.slice(0, dash);
  const lastPort = dash < 0 ? undefined : validPort(text.slice(dash + 1));
  if (dash >= 0 && lastPort === undefined) return { fault: "invalid port" };
  const port = validPort(first);
  if (port === undefined) return { fault: "invalid port" };
  if (lastPort !== undefined && port > lastPort) return { fault: "invalid port range" };
  return { port, lastPort: lastPort ?? port, portText: first, noPort: false };
}

function withoutPort(syntax: AddressSyntax): Ports {
  return { port: syntax.defaultPort, lastPort: syntax.defaultPort, portText: "", noPort: true };
}

function parseNamed(text: string, syntax: AddressSyntax): ParsedAddress | AddressFault {
  const uriAt = text.search(/[/?]/);
  if (uriAt >= 0 && (syntax.listen || !syntax.uriPart)) return { fault: "invalid host" };
  const uri = uriAt < 0 ? "" : text.slice(uriAt);
  const authority = uriAt < 0 ? text : text.slice(0, uriAt);
  const colon = authority.indexOf(":");
  if (colon < 0 && uriAt < 0 && syntax.listen) {
    const dash = authority.indexOf("-");
    // "80-x" may be a host's name.
    const numbers = dash < 0 ? [authority] : [authority.slice(0, dash), authority.slice(dash + 1)];
    if (numbers.every((text) => decimal(text) !== undefined)) {
      const lone = parsePorts(authority, true);
      if ("fault" in lone) return lone;
      return { address: inetAddress("0.0.0.0", lone.port), host: "", ...lone, uri: "", wildcard: true };
    }
  }
  const ports = colon < 0 ? withoutPort(syntax) : parsePorts(authority.slice(colon + 1), syntax.listen);
  if ("fault" in ports) return ports;
  const host = colon < 0 ? authority : authority.slice(0, colon);
  if (host === "") return { fault: "no host" };
  const literal = syntax.listen && host === "*" ? "0.0.0.0" : parseIPv4(host)?.join(".");
  const address = literal === undefined ? undefined : inetAddress(literal, ports.port);
  return { address, host, ...ports, uri, wildcard: literal === "0.0.0.0" };
}

function parseBracketed(text: string, syntax: AddressSyntax): ParsedAddress | AddressFault {
  const close = text.indexOf("]");
  if (close < 0) return { fault: "invalid host" };
  let rest = text.slice(close + 1);
  const uriAt = rest.search(/[/?]/);
  if (uriAt >= 0 && (syntax.listen || !syntax.uriPart)) return { fault: "invalid host" };
  const uri = uriAt < 0 ? "" : rest.slice(uriAt);
  rest = uriAt < 0 ? rest : rest.slice(0, uriAt);
  if (rest !== "" && !rest.startsWith(":")) return { fault: "invalid host" };
  const ports = rest === "" ? withoutPort(syntax) : parsePorts(rest.slice(1), syntax.listen);
  if ("fault" in ports) return ports;
  const inner = text.slice(1, close);
  if (inner === "") return { fault: "no host" };
  const bytes = parseIPv6(inner);
  if (bytes === undefined) return { fault: "invalid IPv6 address" };
  const host = formatIPv6(bytes);
  const address = inetAddress(host, ports.port);
  return { address, host: `[${inner}]`, ...ports, uri, wildcard: host === "::" };
}

/** A socket's address as text: IPv4 clients of a dual-stack socket are shown as IPv4. "" where there is none. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return "";
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
