/** What is counted of the tries at peers, when each of them is over. */
import type { UpstreamState } from "../http/request.ts";
import {
  PEER_ANSWERS,
  PEER_BYTES_RECEIVED,
  PEER_BYTES_SENT,
  PEER_CONNECTS,
  PEER_FAILED,
  PEER_FAILURES,
  PEER_HEADS,
  PEER_RESPONSES,
} from "../metrics/cells.ts";
import { add, count } from "../metrics/counters.ts";
import { LATENCY, observe } from "../metrics/histogram.ts";

const SWITCHING_PROTOCOLS = 101;
const GATEWAY_TIMEOUT = 504;

type Failure = (typeof PEER_FAILURES)[number];

/** How a try failed; undefined where it got an answer, or its client left before that. */
export function failureOf({ connectMs, headerMs, status }: UpstreamState): Failure | undefined {
  if (headerMs >= 0 || status === 0) return undefined;
  const late = status === GATEWAY_TIMEOUT;
  if (connectMs < 0) return late ? "connect_timeout" : "connect";
  return late ? "answer_timeout" : "no_answer";
}

/** Counts the head of an answer, and how long it took; what opens a tunnel is counted then, as a tunnel lasts long. */
export function countAnswer({ countersAt, connectMs, headerMs, status }: UpstreamState): void {
  count(countersAt + PEER_ANSWERS + Math.min(5, Math.floor(status / 100)));
  countConnect(countersAt, connectMs);
  observe(countersAt + PEER_HEADS, LATENCY, headerMs);
}

/** A kept connection is there at once, and says nothing about how long it takes to make one. */
function countConnect(countersAt: number, connectMs: number): void {
  if (connectMs > 0) observe(countersAt + PEER_CONNECTS, LATENCY, connectMs);
}

/** Counts the tries of a request that is over. */
export function countTries(states: readonly UpstreamState[]): void {
  for (const state of states) {
    // What stands between the tries at two upstreams is none.
    if (state.peer !== "") countTry(state);
  }
}

function countTry(state: UpstreamState): void {
  const { countersAt, connectMs, responseMs, status } = state;
  add(countersAt + PEER_BYTES_RECEIVED, state.bytesReceived);
  add(countersAt + PEER_BYTES_SENT, state.bytesSent);
  if (status === SWITCHING_PROTOCOLS) return;
  if (state.headerMs >= 0) {
    countAnswer(state);
    observe(countersAt + PEER_RESPONSES, LATENCY, responseMs);
    return;
  }
  countConnect(countersAt, connectMs);
  const failure = failureOf(state);
  if (failure !== undefined) count(countersAt + PEER_FAILED + PEER_FAILURES.indexOf(failure));
}
