/** `proxy_next_upstream`: when a request that failed at one peer may be tried at another (ngx_http_upstream_next). */
import { number, time } from "../config/arguments.ts";
import { type Directive, HTTP_SERVER_LOCATION } from "../config/directive.ts";
import { choices } from "../config/list-arguments.ts";

/** All there are: not every protocol knows every one. */
export const NEXT_UPSTREAM_CONDITIONS = [
  "error",
  "timeout",
  "invalid_header",
  "non_idempotent",
  "http_500",
  "http_502",
  "http_503",
  "http_504",
  "http_403",
  "http_404",
  "http_429",
  "updating",
  "off",
] as const;

/** A word of `proxy_next_upstream`. */
export type NextUpstreamCondition = (typeof NEXT_UPSTREAM_CONDITIONS)[number];

/** How a try failed. `no_live` means that there was no peer to ask. */
export type FailureKind = Exclude<NextUpstreamCondition, "non_idempotent" | "updating" | "off"> | "no_live";

/** The settings that the rows below fill. */
export interface NextUpstreamSettings {
  nextUpstream: ReadonlySet<NextUpstreamCondition> | undefined;
  /** 0: as many as there are peers. */
  nextUpstreamTries: number | undefined;
  /** 0: no limit. */
  nextUpstreamTimeoutMs: number | undefined;
}

/** The settings of a level on which nothing is said. */
export function newNextUpstreamSettings(): NextUpstreamSettings {
  return { nextUpstream: undefined, nextUpstreamTries: undefined, nextUpstreamTimeoutMs: undefined };
}

const DEFAULT_CONDITIONS: ReadonlySet<NextUpstreamCondition> = new Set<NextUpstreamCondition>(["error", "timeout"]);

/** `proxy_next_upstream`, `_tries`, `_timeout` and those of other prefixes, with the conditions that each knows. */
export function nextUpstreamRows(
  prefix: string,
  conditions: readonly NextUpstreamCondition[],
): readonly Directive<NextUpstreamSettings>[] {
  return [
    {
      name: `${prefix}_next_upstream`,
      in: HTTP_SERVER_LOCATION,
      arg: choices<NextUpstreamCondition, ReadonlySet<NextUpstreamCondition>>(conditions, DEFAULT_CONDITIONS),
      set: "nextUpstream",
      doc: "After which failures the next server is asked.",
    },
    {
      name: `${prefix}_next_upstream_tries`,
      in: HTTP_SERVER_LOCATION,
      arg: number(0),
      set: "nextUpstreamTries",
      doc: "Most servers that a request is tried at; 0 for all.",
    },
    {
      name: `${prefix}_next_upstream_timeout`,
      in: HTTP_SERVER_LOCATION,
      arg: time(0),
      set: "nextUpstreamTimeoutMs",
      doc: "How long after its start a request may be tried at another server; 0 for always.",
    },
  ];
}

/** The status for the client when no other peer is tried. */
export function failureStatus(kind: FailureKind): number {
  switch (kind) {
    case "timeout":
    case "http_504":
      return 504;
    case "http_500":
      return 500;
    case "http_503":
      return 503;
    case "http_403":
      return 403;
    case "http_404":
      return 404;
    case "http_429":
      return 429;
    default:
      return 502;
  }
}

/** The kind of failure that a response's status can count as; undefined for all others. */
export function statusFailure(status: number): FailureKind | undefined {
  switch (status) {
    case 500:
      return "http_500";
    case 502:
      return "http_502";
    case 503:
      return "http_503";
    case 504:
      return "http_504";
    case 403:
      return "http_403";
    case 404:
      return "http_404";
    case 429:
      return "http_429";
    default:
      return undefined;
  }
}

/** Whether the failure counts against the peer (`max_fails`): a 403 or 404 does not. */
export function blamesPeer(kind: FailureKind): boolean {
  return kind !== "http_403" && kind !== "http_404";
}

/**
 * Whether `proxy_next_upstream` lets a request go to the next peer after a failure. Once any of it was sent, a method that
 * must not be repeated needs `non_idempotent`, and a body that was not kept (`unbuffered`) rules it out. The number of
 * tries left and the time are the caller's.
 */
export function mayTryNext(
  conditions: ReadonlySet<NextUpstreamCondition>,
  kind: FailureKind,
  method: string,
  requestSent: boolean,
  unbuffered: boolean,
): boolean {
  if (kind === "no_live" || conditions.has("off") || !conditions.has(kind)) return false;
  if (!requestSent) return true;
  if (unbuffered) return false;
  const repeatable = method !== "POST" && method !== "LOCK" && method !== "PATCH";
  return repeatable || conditions.has("non_idempotent");
}

/** `proxy_next_upstream_timeout` has passed since the first try began. Times in ms on one clock. */
export function nextUpstreamExpired(timeoutMs: number, startMs: number, nowMs: number): boolean {
  return timeoutMs !== 0 && nowMs - startMs >= timeoutMs;
}
