/** Turns a ResponseHead into bytes, field by field in the order of ngx_http_header_filter. Hot. */
import { SERVER_NAME, SERVER_TOKEN } from "../version.ts";
import { httpDate } from "./date.ts";
import { oneLineUri } from "./line-breaks.ts";
import type { Request } from "./request.ts";
import { statusLine } from "./status.ts";

const SERVER_LINE = `\r\nServer: ${SERVER_TOKEN}`;
const SERVER_LINE_BARE = `\r\nServer: ${SERVER_NAME}`;

/** The head of a response; "" for HTTP/0.9, which has none. */
export function writeHead(r: Request): string {
  if (r.httpVersion < 1000) return "";
  const { out } = r;
  const { status } = out;
  if (status !== 200 && status !== 206 && status !== 304) out.lastModifiedSeconds = -1;
  // An upstream's own 204 keeps the fields that it came with.
  if (status === 204 && out.statusLine === undefined) {
    out.contentType = undefined;
    out.lastModifiedSeconds = -1;
    out.contentLength = -1;
  }

  // A Location may name what the client called the host, a 101 is rare.
  if (out.location !== undefined || status === 101) return makeHead(r);
  const last = r.location.lastHead;
  const known = last.find(r, out.statusLine ?? statusLine(status));
  if (known !== undefined) return known;
  const head = makeHead(r);
  last.keep(head, out.list.count);
  return head;
}

function makeHead(r: Request): string {
  const { out } = r;
  const core = r.location.core;
  const { status } = out;
  let head = "HTTP/1.1 " + (out.statusLine ?? statusLine(status));
  // An upstream's own Server, Date and Location stand in the list, where it put them.
  if (out.server === undefined) head += core.serverTokens === "off" ? SERVER_LINE_BARE : SERVER_LINE;
  if (out.date === undefined) head += "\r\nDate: " + httpDate(out.madeAtMs);
  const contentType = out.contentTypeText;
  if (contentType !== undefined) head += "\r\nContent-Type: " + contentType;
  if (out.contentLength >= 0) head += "\r\nContent-Length: " + out.contentLength;
  if (out.lastModifiedSeconds !== -1 && out.lastModifiedText === undefined) {
    head += "\r\nLast-Modified: " + httpDate(out.lastModifiedSeconds * 1000);
  }
  // Only a Location that is made absolute stands here; nginx keeps others among the rest of the fields.
  const location = out.location === undefined ? undefined : oneLineUri(out.location);
  const madeAbsolute = location !== undefined && core.absoluteRedirect && location.startsWith("/");
  if (madeAbsolute) {
    // $sent_http_location shows what was sent.
    out.location = absoluteLocation(r, location);
    head += "\r\nLocation: " + out.location;
  }
  if (r.chunkedOut) head += "\r\nTransfer-Encoding: chunked";
  if (status === 101) head += "\r\nConnection: upgrade";
  else if (r.keepAlive) {
    head += "\r\nConnection: keep-alive";
    if (core.keepaliveTimeout.headerSeconds > 0)
      head += "\r\nKeep-Alive: timeout=" + core.keepaliveTimeout.headerSeconds;
  } else head += "\r\nConnection: close";
  if (out.varyEncoding) head += "\r\nVary: Accept-Encoding";
  if (location !== undefined && !madeAbsolute) head += "\r\nLocation: " + location;
  const { list } = out;
  for (let i = 0; i < list.count; i++) head += "\r\n" + list.names[i] + ": " + list.values[i];
  return head + "\r\n\r\n";
}

/** absolute_redirect: a Location that is a path becomes a URL with the host the client used (ngx_http_header_filter). */
function absoluteLocation(r: Request, location: string): string {
  const core = r.location.core;
  const host = core.serverNameInRedirect ? r.server.name : r.host !== "" ? r.host : r.connection.localAddress;
  const secure = r.connection.tls !== undefined;
  const ownPort = secure ? 443 : 80;
  const port = core.portInRedirect ? r.connection.localPort : ownPort;
  return `${secure ? "https" : "http"}://${host}${port === ownPort || port === 0 ? "" : `:${port}`}${location}`;
}
