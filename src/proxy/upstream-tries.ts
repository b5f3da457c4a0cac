/** The walk of one request through the peers of its upstream, and what `$upstream_*` tell of it. */
import type { Request, UpstreamState } from "../http/request.ts";
import { NOWHERE, PEER_ACTIVE, PEER_RESTS_UNTIL_MS } from "../metrics/cells.ts";
import { count, set, uncount } from "../metrics/counters.ts";
import { WARN } from "../net/error-log.ts";
import { sharedNowMs } from "../net/shared-memory.ts";
import { nowMs } from "../net/timers.ts";
import type { Attempt, ChoiceInput } from "../upstream/balancer.ts";
import type { Peer } from "../upstream/peer.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { blamesPeer, type FailureKind, mayTryNext, nextUpstreamExpired } from "./next-upstream.ts";
import type { RequestSender } from "./request-sender.ts";
import type { UpstreamSettings } from "./upstream-settings.ts";

function newState(peer: string, countersAt: number): UpstreamState {
  return {
    peer,
    countersAt,
    status: 0,
    connectMs: -1,
    headerMs: -1,
    responseMs: -1,
    bytesReceived: 0,
    bytesSent: 0,
    responseLength: 0,
  };
}

/** Stands for the try while there is none: nothing is written to it, as it has ended. */
const NO_TRY: UpstreamState = { ...newState("", NOWHERE), responseMs: 0 };

/** The tries of another upstream begin, or those of the first: " : " in `$upstream_addr` between two. */
export function markUpstream(r: Request): void {
  if (r.upstreamStates === undefined) r.upstreamStates = [];
  else r.upstreamStates.push(newState("", NOWHERE));
}

export class UpstreamTries implements ChoiceInput {
  /** The peer that is being asked, or was the last. */
  peer: Peer | undefined = undefined;
  /** What variables show of that try. */
  state: UpstreamState = NO_TRY;
  private readonly r: Request;
  private readonly settings: UpstreamSettings;
  private readonly upstream: Upstream;
  private readonly attempt: Attempt;
  private readonly startedMs = nowMs();
  private tryStartedMs = this.startedMs;

  constructor(r: Request, settings: UpstreamSettings, upstream: Upstream) {
    this.r = r;
    this.settings = settings;
    this.upstream = upstream;
    this.attempt = upstream.balancer.begin(this);
    const { nextUpstreamTries } = settings;
    if (nextUpstreamTries > 0 && this.attempt.tries > nextUpstreamTries) this.attempt.tries = nextUpstreamTries;
  }

  get nowMs(): number {
    return nowMs();
  }

  /** What the error log calls the upstream, asked for `uri`; undefined before the first try. */
  logText(scheme: string, uri: string): string | undefined {
    if (this.state === NO_TRY) return undefined;
    const { address } = this.peer ?? {};
    return `${scheme}://${address?.text ?? this.upstream.name}${address?.path === undefined ? "" : ":"}${uri}`;
  }

  clientAddress(): Uint8Array {
    return this.r.clientAddress();
  }

  hashKey(): string {
    return this.upstream.hashKey?.evaluate(this.r) ?? "";
  }

  /** Begins a try at the next peer; undefined where none is alive. */
  next(): Peer | undefined {
    const peer = this.upstream.balancer.next(this.attempt);
    this.tryStartedMs = nowMs();
    this.peer = peer;
    const countersAt = peer === undefined ? NOWHERE : peer.row.at;
    this.state = newState(peer?.address.text ?? this.upstream.name, countersAt);
    count(countersAt + PEER_ACTIVE);
    this.r.upstreamStates!.push(this.state);
    return peer;
  }

  connected(): void {
    this.state.connectMs = nowMs() - this.tryStartedMs;
  }

  headArrived(status: number): void {
    this.state.headerMs = nowMs() - this.tryStartedMs;
    this.state.status = status;
  }

  /** The try has ended; what comes after the first call changes nothing. */
  ended(bytesSent: number): void {
    const { state } = this;
    if (state.responseMs >= 0) return;
    state.responseMs = nowMs() - this.tryStartedMs;
    state.bytesSent = bytesSent;
  }

  /** Lets go of the peer; `failed` counts against it. */
  free(failed: boolean): void {
    const { attempt } = this;
    const { peer } = attempt;
    if (peer === undefined) return;
    uncount(peer.row.at + PEER_ACTIVE);
    this.upstream.balancer.free(attempt, failed);
    if (failed && attempt.disabled) set(peer.row.at + PEER_RESTS_UNTIL_MS, sharedNowMs() + peer.failTimeoutMs);
  }

  /** A response that counts as a failure of this kind need not be the last one. */
  mayReplace(kind: FailureKind, sender: RequestSender): boolean {
    return this.attempt.tries > 1 && this.may(kind, sender);
  }

  private may(kind: FailureKind, sender: RequestSender): boolean {
    const { settings, r } = this;
    if (nextUpstreamExpired(settings.nextUpstreamTimeoutMs, this.startedMs, nowMs())) return false;
    return mayTryNext(settings.nextUpstream, kind, r.method, sender.begun, sender.streaming);
  }

  /**
   * The try failed and its connection is gone: whether the next peer may be asked. A kept connection that turns out to
   * be dead (`reused`) costs no try.
   */
  failed(kind: FailureKind, reused: boolean, sender: RequestSender): boolean {
    const { attempt } = this;
    this.free(blamesPeer(kind));
    if (attempt.disabled) this.r.log(WARN, "upstream server temporarily disabled");
    if (reused && kind === "error") attempt.tries++;
    return attempt.tries > 0 && this.may(kind, sender);
  }
}
