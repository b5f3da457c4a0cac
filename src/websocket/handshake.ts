/** The opening handshake (RFC 6455, section 4), as far as a proxy has to understand it. */
import type { HeaderList } from "../http/header-list.ts";

const HTTP_11 = 1001;

/** Appended to the client's key before it is hashed (RFC 6455, 1.3). */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** 16 bytes in base64 (RFC 6455, 4.1). */
const KEY_CHARACTERS = 24;
/** Room for what is hashed. */
const keyAndGuid = Buffer.from(" ".repeat(KEY_CHARACTERS) + GUID, "latin1");

/** What of a request tells whether it is a handshake. */
export interface HandshakeRequest {
  readonly method: string;
  readonly httpVersion: number;
  /** Value of the Upgrade field; undefined where it does not count. */
  readonly upgrade: string | undefined;
  readonly headers: HeaderList;
}

const SPACE = 0x20;
const TAB = 0x09;
const COMMA = 0x2c;
/** Of letters: upper case becomes lower case. */
const CASE_BIT = 0x20;

/** Whether a comma-separated list holds a token, which is of lower case letters, in any case. */
function hasToken(list: string, token: string): boolean {
  const end = list.length;
  let at = 0;
  while (at < end) {
    while (at < end && isBetween(list.charCodeAt(at))) at++;
    let matched = 0;
    while (matched < token.length && (list.charCodeAt(at + matched) | CASE_BIT) === token.charCodeAt(matched))
      matched++;
    at += matched;
    const whole = matched === token.length;
    const from = at;
    while (at < end && list.charCodeAt(at) !== COMMA) at++;
    if (whole && isBlank(list, from, at)) return true;
  }
  return false;
}

function isBetween(char: number): boolean {
  return char === SPACE || char === TAB || char === COMMA;
}

function isBlank(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (!isBetween(text.charCodeAt(i))) return false;
  return true;
}

/** Whether one of the fields of a name, whose values are such lists, holds a token. */
function listsToken({ count, keys, values }: HeaderList, key: string, token: string): boolean {
  for (let i = 0; i < count; i++) if (keys[i] === key && hasToken(values[i]!, token)) return true;
  return false;
}

/** The request asks for a WebSocket, whether or not it does so as it should: an upstream might take it for a handshake. */
export function asksForWebSocket(r: HandshakeRequest): boolean {
  return r.upgrade !== undefined && listsToken(r.headers, "upgrade", "websocket");
}

/** A client's opening handshake (RFC 6455, 4.2.1). Its version and key are for the upstream to judge. */
export function isHandshake(r: HandshakeRequest): boolean {
  return (
    r.upgrade !== undefined &&
    r.method === "GET" &&
    r.httpVersion >= HTTP_11 &&
    asksForWebSocket(r) &&
    listsToken(r.headers, "connection", "upgrade") &&
    r.headers.has("sec-websocket-key")
  );
}

/** What the upstream agreed to. */
export interface Agreement {
  readonly subprotocol: string | undefined;
  /** RSV bits that the extensions may use: bit 4 is permessage-deflate's (RFC 7692), 7 where an extension is unknown. */
  readonly rsvAllowed: number;
  /** permessage-deflate is the one extension agreed on. */
  readonly deflate: Deflate | undefined;
}

/** Whose compressed messages may refer to those before them ("context takeover"; RFC 7692, 7.1.1). */
export interface Deflate {
  readonly clientTakesOver: boolean;
  readonly serverTakesOver: boolean;
}

const NO_EXTENSIONS = { rsvAllowed: 0, deflate: undefined } as const;
const PLAIN: Agreement = { subprotocol: undefined, ...NO_EXTENSIONS };

/** What a 101 says that answers this request; undefined where it opens no WebSocket (RFC 6455, 4.1). */
export function readAgreement(r: HandshakeRequest, answer: HeaderList): Agreement | undefined {
  const key = r.headers.get("sec-websocket-key");
  const upgrade = answer.get("upgrade");
  if (key === undefined || upgrade === undefined || !hasToken(upgrade, "websocket")) return undefined;
  if (answer.get("sec-websocket-accept") !== acceptOf(key)) return undefined;
  const subprotocol = answer.get("sec-websocket-protocol");
  const extensions = answer.getJoined("sec-websocket-extensions", ",");
  const agreed = extensions === undefined ? NO_EXTENSIONS : readExtensions(extensions);
  return subprotocol === undefined && agreed === NO_EXTENSIONS ? PLAIN : { subprotocol, ...agreed };
}

/** `Sec-WebSocket-Accept` for a client's key. */
export function acceptOf(key: string): string {
  if (key.length !== KEY_CHARACTERS) return Bun.SHA1.hash(Buffer.from(key + GUID, "latin1"), "base64");
  keyAndGuid.latin1Write(key, 0);
  return Bun.SHA1.hash(keyAndGuid, "base64");
}

function readExtensions(text: string): Pick<Agreement, "rsvAllowed" | "deflate"> {
  if (text.trim() === "") return NO_EXTENSIONS;
  const RSV1 = 4;
  const ALL = 7;
  const extensions = text.split(",").map((extension) =>
    extension
      .toLowerCase()
      .split(";")
      .map((word) => word.trim()),
  );
  if (!extensions.every(([name]) => name === "permessage-deflate")) return { rsvAllowed: ALL, deflate: undefined };
  const [[, ...parameters] = []] = extensions;
  const deflate = {
    clientTakesOver: !parameters.includes("client_no_context_takeover"),
    serverTakesOver: !parameters.includes("server_no_context_takeover"),
  };
  return { rsvAllowed: RSV1, deflate: extensions.length === 1 ? deflate : undefined };
}
