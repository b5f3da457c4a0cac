/** What the `websocket_*` directives say at one level. Times in ms, sizes in bytes, 0 for none. */
import type { MessageRate } from "./message-rate.ts";
import type { OriginRules } from "./origins.ts";

/** `websocket_ping_interval`. */
export interface PingSettings {
  /** A side that has been silent for so long is pinged. */
  readonly intervalMs: number;
  /** And is dead when it has still said nothing so long after it. */
  readonly timeoutMs: number;
}

/** `websocket_max_message_size`. */
export interface MessageLimit {
  /** 0: none. */
  readonly bytes: number;
  /** It holds for what a compressed message decompresses to, too. */
  readonly decompressed: boolean;
}

/** `websocket_drain`. */
export interface DrainSettings {
  /** Within so long a WebSocket ends that has to go. */
  readonly windowMs: number;
  /** What its client is told. */
  readonly code: number;
  readonly reason: string;
}

export interface WebSocketSettings {
  /** `websocket`; undefined where no level says anything: as `off`, but the other directives hold. */
  mode: "on" | "auto" | "off" | undefined;
  pings: PingSettings | "off" | undefined;
  maxMessage: MessageLimit;
  messageRate: MessageRate | "off" | undefined;
  allowedOrigins: OriginRules | "off" | undefined;
  validate: boolean;
  idleTimeoutMs: number;
  maxDurationMs: number;
  slowConsumerTimeoutMs: number;
  drain: DrainSettings | "off" | undefined;
  /** Made of the others by the merge: what a tunnel needs. */
  watch: "no" | "count" | "guard";
}
