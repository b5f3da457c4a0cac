/**
 * The first message of a TLS client, read before TLS itself begins: it says which server is wanted (SNI, RFC 6066 3), so
 * that certificate and settings are chosen, and loaded, before the handshake (RFC 8446 4.1.2).
 */

/** What is told apart of a ClientHello. Numbers are those of the IANA registries. */
export interface ClientHello {
  /** As sent; "" when the client named none. */
  readonly serverName: string;
  readonly cipherSuites: readonly number[];
  /** supported_groups; empty where not sent. */
  readonly groups: readonly number[];
  /** Protocols of ALPN, in the client's order; empty where not sent. */
  readonly applicationProtocols: readonly string[];
  /** Of the tickets that the client has sessions of: the names of the keys that sealed them (RFC 5077 4), latin1. */
  readonly ticketKeys: readonly string[];
}

/** Length of the name that BoringSSL, as RFC 5077 recommends, begins its tickets with. */
export const TICKET_KEY_NAME_BYTES = 16;

/** Larger ones are left to BoringSSL to refuse. */
export const MAX_HELLO_BYTES = 17 * 1024;

const RECORD_HEAD_BYTES = 5;
const HANDSHAKE_RECORD = 22;
const MESSAGE_HEAD_BYTES = 4;
const CLIENT_HELLO = 1;
const RANDOM_BYTES = 32;

const SERVER_NAME = 0;
const SUPPORTED_GROUPS = 10;
const ALPN = 16;
const SESSION_TICKET = 35;
const PRE_SHARED_KEY = 41;

/** Clients offer one or two: others are not looked at. */
const MAX_TICKETS = 8;

/** True for the first byte of a TLS record or of an SSLv2 hello; no HTTP request begins so. */
export function beginsTls(byte: number): boolean {
  return byte === HANDSHAKE_RECORD || (byte & 0x80) !== 0;
}

/** Reads big-endian numbers and vectors with a length in front; past the end it gives zeros and is `broken`. */
class Cursor {
  broken = false;
  private at: number;
  private readonly end: number;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array, from: number, end: number) {
    this.bytes = bytes;
    this.at = from;
    this.end = end;
  }

  get more(): boolean {
    return this.at < this.end && !this.broken;
  }

  number(width: number): number {
    if (this.at + width > this.end) {
      this.broken = true;
      this.at = this.end;
      return 0;
    }
    let value = 0;
    for (let i = 0; i < width; i++) value = value * 256 + this.bytes[this.at++]!;
    return value;
  }

  skip(count: number): void {
    this.at += count;
    if (this.at <= this.end) return;
    this.broken = true;
    this.at = this.end;
  }

  /** A part with a length of `width` bytes in front of it. */
  vector(width: number): Cursor {
    const length = this.number(width);
    const from = this.at;
    this.skip(length);
    return new Cursor(this.bytes, from, this.broken ? from : from + length);
  }

  text(): string {
    let out = "";
    while (this.more) out += String.fromCharCode(this.number(1));
    return out;
  }

  /** The first bytes; "" where there are fewer. */
  beginning(count: number): string {
    if (this.end - this.at < count) return "";
    return new Cursor(this.bytes, this.at, this.at + count).text();
  }

  numbers(width: number): number[] {
    const out: number[] = [];
    while (this.more) out.push(this.number(width));
    return out;
  }
}

/** The ClientHello at the beginning of `bytes`; `invalid` for anything else that TLS will refuse. */
export function readClientHello(bytes: Uint8Array): ClientHello | "incomplete" | "invalid" {
  const message = handshakeMessage(bytes);
  return typeof message === "string" ? message : parseMessage(message);
}

/** Joins the fragments of the first handshake message, which may lie in several records. */
function handshakeMessage(bytes: Uint8Array): Uint8Array | "incomplete" | "invalid" {
  const fragments: Uint8Array[] = [];
  let gathered = 0;
  let at = 0;
  let wanted = MESSAGE_HEAD_BYTES;
  while (gathered < wanted) {
    if (at + RECORD_HEAD_BYTES > bytes.length) return "incomplete";
    if (bytes[at] !== HANDSHAKE_RECORD || bytes[at + 1] !== 3) return "invalid";
    const length = bytes[at + 3]! * 256 + bytes[at + 4]!;
    if (length === 0) return "invalid";
    const from = at + RECORD_HEAD_BYTES;
    const fragment = bytes.subarray(from, from + length);
    fragments.push(fragment);
    gathered += fragment.length;
    at = from + length;
    if (wanted === MESSAGE_HEAD_BYTES && gathered >= MESSAGE_HEAD_BYTES) {
      const head = fragments.length === 1 ? fragment : Buffer.concat(fragments);
      if (head[0] !== CLIENT_HELLO) return "invalid";
      wanted = MESSAGE_HEAD_BYTES + head[1]! * 65536 + head[2]! * 256 + head[3]!;
      if (wanted > MAX_HELLO_BYTES) return "invalid";
    }
    if (fragment.length < length && gathered < wanted) return "incomplete";
  }
  const whole = fragments.length === 1 ? fragments[0]! : Buffer.concat(fragments);
  return whole.subarray(MESSAGE_HEAD_BYTES, wanted);
}

function parseMessage(message: Uint8Array): ClientHello | "invalid" {
  const cursor = new Cursor(message, 0, message.length);
  cursor.skip(2 + RANDOM_BYTES);
  cursor.vector(1);
  const cipherSuites = cursor.vector(2).numbers(2);
  cursor.vector(1);
  let serverName = "";
  let groups: number[] = [];
  let applicationProtocols: string[] = [];
  const ticketKeys: string[] = [];
  const extensions = cursor.more ? cursor.vector(2) : undefined;
  while (extensions?.more) {
    const kind = extensions.number(2);
    const body = extensions.vector(2);
    if (kind === SERVER_NAME) serverName = hostName(body.vector(2));
    else if (kind === SUPPORTED_GROUPS) groups = body.vector(2).numbers(2);
    else if (kind === ALPN) applicationProtocols = names(body.vector(2));
    else if (kind === SESSION_TICKET) addKeyName(body, ticketKeys);
    else if (kind === PRE_SHARED_KEY) addIdentities(body.vector(2), ticketKeys);
    if (body.broken) return "invalid";
  }
  if (cursor.broken || extensions?.broken) return "invalid";
  return { serverName, cipherSuites, groups, applicationProtocols, ticketKeys };
}

/** Of the names of several kinds that may be listed, there is only one kind. */
function hostName(list: Cursor): string {
  const HOST_NAME = 0;
  while (list.more) {
    const kind = list.number(1);
    const name = list.vector(2);
    if (kind === HOST_NAME) return name.text();
  }
  return "";
}

function names(list: Cursor): string[] {
  const out: string[] = [];
  while (list.more) out.push(list.vector(1).text());
  return out;
}

function addKeyName(ticket: Cursor, names: string[]): void {
  const name = ticket.beginning(TICKET_KEY_NAME_BYTES);
  if (name !== "" && names.length < MAX_TICKETS && !names.includes(name)) names.push(name);
}

/** RFC 8446 4.2.11: each identity has its ticket's age behind it. */
function addIdentities(list: Cursor, names: string[]): void {
  const AGE_BYTES = 4;
  while (list.more) {
    addKeyName(list.vector(2), names);
    list.skip(AGE_BYTES);
  }
}
