/** Why the proxy ends a WebSocket: the codes that each side gets (RFC 6455, 7.4.1), and the words for the error log. */
import { ERR, INFO, type LogLevel, WARN } from "../net/error-log.ts";

export const GOING_AWAY = 1001;
export const PROTOCOL_ERROR = 1002;
export const INVALID_PAYLOAD = 1007;
export const POLICY_VIOLATION = 1008;
export const MESSAGE_TOO_BIG = 1009;
export const INTERNAL_ERROR = 1011;
export const TRY_AGAIN_LATER = 1013;

export interface Ending {
  /** For `$websocket_close_code`. */
  readonly code: number;
  readonly clientCode: number;
  readonly upstreamCode: number;
  /** In the Close frames: ASCII, at most 123 bytes. */
  readonly reason: string;
  readonly level: LogLevel;
  /** For the error log. */
  readonly words: string;
}

/** Nobody did anything wrong. */
export function goingAway(reason: string, words: string): Ending {
  return { code: GOING_AWAY, clientCode: GOING_AWAY, upstreamCode: GOING_AWAY, reason, level: INFO, words };
}

/**
 * One side broke a rule and is told so. To the other it looks as if its peer had gone: a client is told of an error
 * inside (1011), an upstream that its client went away (1001).
 */
export function refusal(ofClient: boolean, code: number, reason: string, words: string): Ending {
  return {
    code,
    clientCode: ofClient ? code : INTERNAL_ERROR,
    upstreamCode: ofClient ? GOING_AWAY : code,
    reason,
    level: ofClient ? WARN : ERR,
    words,
  };
}

/** One side is dead: only the other hears of it. */
export function lostPeer(ofClient: boolean, reason: string, words: string): Ending {
  const code = ofClient ? GOING_AWAY : INTERNAL_ERROR;
  return { code, clientCode: code, upstreamCode: code, reason, level: ofClient ? INFO : ERR, words };
}

/** One side does not read: it is told to come back later, should it ever read that. */
export function slowConsumer(ofClient: boolean, words: string): Ending {
  return { ...refusal(ofClient, TRY_AGAIN_LATER, "too slow", words), level: WARN };
}
