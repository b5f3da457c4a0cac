/** What a span tells of its request (ngx_otel_module's default attributes), and of its WebSocket. */
import type { Request } from "../http/request.ts";
import { wallMs } from "../net/timers.ts";
import { decoded } from "../net/utf8.ts";
import { VERSION } from "../version.ts";
import { webSocketModule } from "../websocket/module.ts";
import { WebSocketSession } from "../websocket/session.ts";
import type { SpanPlace } from "./otel-context.ts";
import type { EndedSpan } from "./otel-exporter.ts";

type Attributes = EndedSpan["attributes"];

/** SpanKind.SERVER and SpanStatusCode of OpenTelemetry's interface: not imported, as they would load the library. */
const SERVER_KIND = 1;
const UNSET = 0;
const ERROR = 2;

const SCOPE = { name: "hopway", version: VERSION };

/** The span of a request that is over: it began with its first byte, and ends now. For a tunnel, now is its end. */
export function endedSpan(
  r: Request,
  name: string,
  current: SpanPlace,
  parent: SpanPlace | undefined,
  own: readonly (readonly [name: string, value: string])[],
): EndedSpan {
  const { status } = r;
  const endMs = Math.max(r.startedAt, wallMs());
  const attributes: Attributes = requestAttributes(r, status);
  addWebSocket(attributes, r);
  for (const [key, value] of own) attributes[decoded(key)] = decoded(value);
  return {
    name: decoded(name),
    kind: SERVER_KIND,
    spanContext: () => context(current),
    ...(parent === undefined ? {} : { parentSpanContext: { ...context(parent), isRemote: true } }),
    startTime: highResolution(r.startedAt),
    endTime: highResolution(endMs),
    duration: highResolution(endMs - r.startedAt),
    status: { code: status >= 500 ? ERROR : UNSET },
    attributes,
    links: [],
    events: [],
    ended: true,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function requestAttributes(r: Request, status: number): Attributes {
  const { connection } = r;
  const secure = connection.tls !== undefined;
  const agent = r.headers.get("user-agent");
  const attributes: Attributes = {
    "http.method": decoded(r.method),
    "http.target": decoded(r.unparsedUri),
    "http.route": decoded(r.location.name),
    "http.scheme": secure ? "https" : "http",
    "http.flavor": r.httpVersion === 1001 ? "1.1" : r.httpVersion === 1000 ? "1.0" : "0.9",
    "http.response_content_length": r.bodyBytesSent,
    "http.status_code": status,
    "net.host.name": decoded(r.host === "" ? r.server.name : r.host),
    "net.sock.peer.addr": r.remoteAddress,
  };
  if (agent !== undefined) attributes["http.user_agent"] = decoded(agent);
  if (r.contentLength > 0) attributes["http.request_content_length"] = r.contentLength;
  const { localPort } = connection;
  if (localPort !== 0 && localPort !== (secure ? 443 : 80)) attributes["net.host.port"] = localPort;
  if (r.remotePort !== 0) attributes["net.sock.peer.port"] = r.remotePort;
  return attributes;
}

/** Where the frames of a tunnel are read, what they were. */
function addWebSocket(attributes: Attributes, r: Request): void {
  const session = r.context(webSocketModule.id);
  if (!(session instanceof WebSocketSession)) return;
  attributes["websocket.messages_in"] = session.fromClient.messages;
  attributes["websocket.messages_out"] = session.fromUpstream.messages;
  attributes["websocket.bytes_in"] = session.fromClient.bytes;
  attributes["websocket.bytes_out"] = session.fromUpstream.bytes;
  if (session.subprotocol !== undefined) attributes["websocket.subprotocol"] = decoded(session.subprotocol);
  if (session.closeCode !== 0) attributes["websocket.close_code"] = session.closeCode;
  if (session.closedBy !== undefined) attributes["websocket.close_by"] = session.closedBy;
}

function context({ traceId, spanId, sampled, state }: SpanPlace): ReturnType<EndedSpan["spanContext"]> {
  const place = { traceId, spanId, traceFlags: sampled ? 1 : 0 };
  if (state === "") return place;
  const same = { set: () => same, unset: () => same, get: () => undefined, serialize: () => state };
  return { ...place, traceState: same };
}

/** Seconds and nanoseconds. */
function highResolution(ms: number): [number, number] {
  return [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)];
}
