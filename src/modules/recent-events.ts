/** The last tunnels that ended in this worker, and the last handshakes that were refused. */
import type { Request } from "../http/request.ts";
import type { Refusal } from "../metrics/cells.ts";
import { levelCounters } from "../metrics/level-counters.ts";
import { nowMs } from "../net/timers.ts";
import { decoded } from "../net/utf8.ts";
import { webSocketModule } from "../websocket/module.ts";
import { WebSocketSession } from "../websocket/session.ts";
import { displayText } from "./display-text.ts";

/** How many of each are remembered. */
export const RECENT = 15;

/** Where a request came from and where it was to go. Texts are ready to be shown. */
export interface Way {
  readonly client: string;
  readonly host: string;
  readonly path: string;
  readonly server: string;
  readonly location: string;
  readonly peer: string;
}

export interface EndedTunnel extends Way {
  /** ms since 1970. */
  readonly at: number;
  readonly ageMs: number;
  /** 0: not a WebSocket, or none whose frames were read. */
  readonly closeCode: number;
  readonly closedBy: string;
  readonly messagesIn: number;
  readonly messagesOut: number;
}

export interface RefusedHandshake extends Way {
  /** ms since 1970. */
  readonly at: number;
  readonly status: number;
  readonly reason: Refusal;
  readonly origin: string;
  readonly userAgent: string;
}

/** A short list whose oldest entries make room. */
class Latest<T> {
  readonly entries: T[] = [];

  add(entry: T): void {
    if (this.entries.length === RECENT) this.entries.shift();
    this.entries.push(entry);
  }
}

export const endedTunnels = new Latest<EndedTunnel>();
export const refusedHandshakes = new Latest<RefusedHandshake>();

/** Where a request came from and where it goes. */
export function wayOf(r: Request): Way {
  const [server = "", location = ""] = levelCounters.of(r.location).location.labels;
  return {
    client: r.remoteAddress,
    host: displayText(r.host),
    path: displayText(r.unparsedUri),
    server: decoded(server),
    location: decoded(location),
    peer: displayText(r.upstreamStates?.findLast(({ peer }) => peer !== "")?.peer),
  };
}

/** To be called when a tunnel's request is over. */
export function noteEnd(r: Request): void {
  const session = r.context(webSocketModule.id);
  const webSocket = session instanceof WebSocketSession ? session : undefined;
  endedTunnels.add({
    ...wayOf(r),
    at: Date.now(),
    ageMs: Math.round(nowMs() - r.startMs),
    closeCode: webSocket?.closeCode ?? 0,
    closedBy: webSocket?.closedBy ?? "",
    messagesIn: webSocket?.fromClient.messages ?? 0,
    messagesOut: webSocket?.fromUpstream.messages ?? 0,
  });
}

export function noteRefusal(r: Request, status: number, reason: Refusal): void {
  refusedHandshakes.add({
    ...wayOf(r),
    at: Date.now(),
    status,
    reason,
    origin: displayText(r.headers.get("origin")),
    userAgent: displayText(r.headers.get("user-agent")),
  });
}
