/**
 * The PROXY protocol, version 1 (a line) and 2 (binary): what a proxy in front says of the connection before anything else
 * (ngx_proxy_protocol.c). Knows no sockets: bytes come in pieces of any size, where nginx wants the header in one.
 */
import { formatIPv6 } from "../net/address.ts";
import { detached } from "./header-list.ts";
import { HeldBytes } from "./held-bytes.ts";

/** The ends of the connection as the proxy in front saw them. */
export interface ProxyHeader {
  /** `$proxy_protocol_addr`: of version 1 as sent, which need not be an address. */
  readonly sourceAddress: string;
  readonly sourcePort: number;
  /** `$proxy_protocol_server_addr`. */
  readonly destinationAddress: string;
  readonly destinationPort: number;
  /** What follows the addresses in version 2: types, lengths and values, not checked. */
  readonly tlvs: string;
}

/** nginx's NGX_PROXY_PROTOCOL_MAX_HEADER: what it reads at most of either version. */
const MAX_HEADER_BYTES = 4096;
const MAX_PORT = 65_535;

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
/** Signature, version and command, family and transport, length. */
const FIXED_BYTES = SIGNATURE.length + 4;
const COMMAND_PROXY = 1;
const TRANSPORT_STREAM = 1;
const FAMILY_INET = 1;
const FAMILY_INET6 = 2;

const LINE_START = "PROXY ";
const LINE = /^PROXY TCP[46] ([0-9a-fA-F:.]*) ([0-9a-fA-F:.]*) ([0-9]+) ([0-9]+)\r\n$/;

const NOTHING = Buffer.alloc(0);
const MORE = -1;
const FAILED = -2;

/** The text begins with the word, or is a beginning of it. */
function startsLike(text: string, word: string): boolean {
  return text.length < word.length ? word.startsWith(text) : text.startsWith(word);
}

/** Reads one header. */
export class ProxyHeaderParser {
  /** Set when a header was read; undefined too where it names no addresses (UNKNOWN, LOCAL, datagrams, other families). */
  header: ProxyHeader | undefined = undefined;
  /** nginx's words for the error log; "" where nginx has none. */
  error = "";
  private readonly held = new HeldBytes();
  /** The whole length, once it is known. */
  private totalBytes = 0;

  /**
   * Feeds chunk[from..end). Returns the index just past the header, -1 when more bytes are needed, -2 on an error (see
   * `error`). What is incomplete is copied; the chunk is not kept.
   */
  feed(chunk: Buffer, from: number, end: number): number {
    const heldBytes = this.held.length;
    const last = Math.min(end, from + MAX_HEADER_BYTES - heldBytes);
    const received = heldBytes + last - from;
    if (received < this.totalBytes) {
      this.held.append(chunk, from, last);
      return MORE;
    }
    const text = this.held.textWith(chunk, from, last);
    const length = this.parse(text);
    if (length === MORE) {
      if (received === MAX_HEADER_BYTES) return this.broken(text);
      this.held.append(chunk, from, last);
      return MORE;
    }
    this.held.reset();
    return length === FAILED ? FAILED : from + length - heldBytes;
  }

  /** The connection ended in the middle: what to say of it; undefined when nothing had come. */
  brokenOff(): string | undefined {
    if (this.held.length === 0) return undefined;
    if (this.totalBytes > 0) return "header is too large";
    this.broken(this.held.textWith(NOTHING, 0, 0));
    return this.error;
  }

  /** The header's length, MORE or FAILED. */
  private parse(text: string): number {
    if (startsLike(text, SIGNATURE)) return this.parseBinary(text);
    return startsLike(text, LINE_START) ? this.parseLine(text) : this.broken(text);
  }

  private parseLine(text: string): number {
    const rest = text.slice(LINE_START.length);
    if (startsLike(rest, "UNKNOWN")) {
      // Whatever else stands in the line is skipped, line feeds without a carriage return too.
      const end = text.indexOf("\r\n");
      return end < 0 ? MORE : end + 2;
    }
    if (!startsLike(rest, "TCP4 ") && !startsLike(rest, "TCP6 ")) return this.broken(text);
    const lineFeed = text.indexOf("\n");
    if (lineFeed < 0) return MORE;
    const match = LINE.exec(text.slice(0, lineFeed + 1));
    if (match === null) return this.broken(text);
    const [, source = "", destination = ""] = match;
    const sourcePort = Number(match[3]);
    const destinationPort = Number(match[4]);
    if (sourcePort > MAX_PORT || destinationPort > MAX_PORT) return this.broken(text);
    this.header = {
      sourceAddress: detached(source),
      sourcePort,
      destinationAddress: detached(destination),
      destinationPort,
      tlvs: "",
    };
    return lineFeed + 1;
  }

  private parseBinary(text: string): number {
    if (text.length < FIXED_BYTES) return MORE;
    const versionCommand = text.charCodeAt(12);
    const familyTransport = text.charCodeAt(13);
    const version = versionCommand >> 4;
    if (version !== 2) return this.fail(`unknown PROXY protocol version: ${version}`);
    const total = FIXED_BYTES + wordAt(text, 14);
    if (total > MAX_HEADER_BYTES) return this.fail("header is too large");
    if (text.length < total) {
      this.totalBytes = total;
      return MORE;
    }
    if ((versionCommand & 15) !== COMMAND_PROXY || (familyTransport & 15) !== TRANSPORT_STREAM) return total;
    const family = familyTransport >> 4;
    if (family !== FAMILY_INET && family !== FAMILY_INET6) return total;
    const addressBytes = family === FAMILY_INET ? 4 : 16;
    const ports = FIXED_BYTES + 2 * addressBytes;
    const tlvs = ports + 4;
    if (tlvs > total) return this.fail("");
    this.header = {
      sourceAddress: addressAt(text, FIXED_BYTES, addressBytes),
      sourcePort: wordAt(text, ports),
      destinationAddress: addressAt(text, FIXED_BYTES + addressBytes, addressBytes),
      destinationPort: wordAt(text, ports + 2),
      tlvs: detached(text.slice(tlvs, total)),
    };
    return total;
  }

  /** Shows the first line of what came. */
  private broken(text: string): typeof FAILED {
    return this.fail(`broken header: "${text.slice(0, /[\r\n]|$/.exec(text)?.index)}"`);
  }

  private fail(error: string): typeof FAILED {
    this.error = error;
    this.held.reset();
    return FAILED;
  }
}

function wordAt(text: string, at: number): number {
  return (text.charCodeAt(at) << 8) | text.charCodeAt(at + 1);
}

function addressAt(text: string, at: number, length: number): string {
  const bytes = Buffer.from(text.slice(at, at + length), "latin1");
  return length === 4 ? bytes.join(".") : formatIPv6(bytes);
}
