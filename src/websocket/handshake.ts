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

/** Whether a comma-separated list holds a token, which is lower case, in any case. */
function hasToken(list: string | undefined, token: string): boolean {
  if (list === undefined) return false;
  if (list === token) return true;
  return list.split(",").some((word) => word.trim().toLowerCase() === token);
}

/** The request asks for a WebSocket, whether or not it does so as it should: an upstream might take it for a handshake. */
export function asksForWebSocket(r: HandshakeRequest): boolean {
  return r.upgrade !== undefined && hasToken(r.headers.getJoined("upgrade", ","), "websocket");
}

/** A client's opening handshake (RFC 6455, 4.2.1). Its version and key are for the upstream to judge. */
export function isHandshake(r: HandshakeRequest): boolean {
  return (
    r.upgrade !== undefined &&
    r.method === "GET" &&
    r.httpVersion >= HTTP_11 &&
    asksForWebSocket(r) &&
    hasToken(r.headers.getJoined("connection", ","), "upgrade") &&
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

/** What a 101 says that answers this request; undefined where it opens no WebSocket (RFC 6455, 4.1). */
export function readAgreement(r: HandshakeRequest, answer: HeaderList): Agreement | undefined {
  const key = r.headers.get("sec-websocket-key");
  if (key === undefined || !hasToken(answer.get("upgrade"), "websocket")) return undefined;
  if (answer.get("sec-websocket-accept") !== acceptOf(key)) return undefined;
  const subprotocol = answer.get("sec-websocket-protocol");
  const extensions = answer.getJoined("sec-websocket-extensions", ",");
  if (extensions === undefined) return { subprotocol, rsvAllowed: 0, deflate: undefined };
  return { subprotocol, ...readExtensions(extensions) };
}

/** `Sec-WebSocket-Accept` for a client's key. */
export function acceptOf(key: string): string {
  if (key.length !== KEY_CHARACTERS) return Bun.SHA1.hash(Buffer.from(key + GUID, "latin1"), "base64");
  keyAndGuid.latin1Write(key, 0);
  return Bun.SHA1.hash(keyAndGuid, "base64");
}

function readExtensions(text: string): Pick<Agreement, "rsvAllowed" | "deflate"> {
  if (text.trim() === "") return { rsvAllowed: 0, deflate: undefined };
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
