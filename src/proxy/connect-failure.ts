/** A connect that failed, in the words that nginx's error log has for them. */
import { CRIT, ERR, type LogLevel } from "../net/error-log.ts";
import { numberedError } from "../net/libc.ts";

const EAGAIN = 11;
const ENETDOWN = 100;
const ENETUNREACH = 101;
const ECONNRESET = 104;
const ETIMEDOUT = 110;
const ECONNREFUSED = 111;
const EHOSTDOWN = 112;
const EHOSTUNREACH = 113;

/** Failures that are the network's or the peer's, not this system's (ngx_event_connect_peer). */
const COMMON = new Set([EAGAIN, ENETDOWN, ENETUNREACH, ECONNRESET, ETIMEDOUT, ECONNREFUSED, EHOSTDOWN, EHOSTUNREACH]);

/** The level at which such a failure is logged. */
export function connectFailureLevel(errno: number): LogLevel {
  return COMMON.has(errno) ? ERR : CRIT;
}

/** A socket that could not be had: this system's failure, not the peer's. */
export function socketFailure(errno: number): string {
  return `socket() failed (${numberedError(errno)})`;
}

/** An address of `proxy_bind` that this system does not have. */
export function bindFailure(errno: number, address: string): string {
  return `bind(${address}) failed (${numberedError(errno)})`;
}

/** `connect() failed (111: Connection refused)`; a unix socket's path is named as nginx does. */
export function connectFailure(errno: number, unixPath: string | undefined): string {
  const text = numberedError(errno);
  return unixPath === undefined ? `connect() failed (${text})` : `connect() to unix:${unixPath} failed (${text})`;
}
