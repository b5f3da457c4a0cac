/** What is seen of an open WebSocket: pings, an echo, silence, and the close. */
import type { Attempt } from "./handshake.ts";
import { attempt } from "./handshake.ts";
import type { ProbeTarget, ProbeWishes } from "./target.ts";
import { type Ending, Tunnel } from "./tunnel.ts";

/** What is to be tried. */
export interface TunnelWishes {
  /** A text to send; its answer is shown. */
  readonly send: string | undefined;
  /** The server sends back what it gets. */
  readonly echo: boolean;
  /** How long to stay silent; 0 for not at all. */
  readonly idleMs: number;
}

/** A text that was sent, and what came back. */
export interface Exchanged {
  readonly sent: string;
  /** Undefined where nothing came. */
  readonly received: string | undefined;
  readonly ms: number;
}

/** How long a connection lived on which no application said anything. */
export interface IdleFacts {
  readonly livedMs: number;
  /** Undefined where it lived to the end. */
  readonly ending: Ending | undefined;
  /** Pings of the server, in ms after the opening. */
  readonly serverPingsMs: readonly number[];
}

export interface TunnelFacts {
  /** Round trips; empty where no pong came. */
  readonly pingsMs: readonly number[];
  readonly exchanged: Exchanged | undefined;
  /** What the server said by itself. */
  readonly greeting: string | undefined;
  /** It ended before the probe closed it. */
  readonly early: Ending | undefined;
  /** The server answered the Close with one of its own. */
  readonly closedCleanly: boolean;
  readonly closeMs: number;
  readonly violation: string;
}

export interface IdleReport {
  readonly silent: IdleFacts;
  /** With pings of the probe. */
  readonly pinged: IdleFacts;
  readonly pingEveryMs: number;
}

/** What ends right after the 101 has been ended by whoever made it. */
const SETTLE_MS = 300;
const PINGS = 3;
const SHOWN_CHARS = 200;
const LONGEST_PING_INTERVAL_MS = 20_000;
const PINGS_IN_IDLE = 4;

/** Looks at a tunnel that has just been opened, and closes it. */
export async function observe(
  { tunnel: wire }: Attempt,
  { timeoutMs }: ProbeWishes,
  { send, echo }: TunnelWishes,
  onStep: (name: string) => void,
): Promise<TunnelFacts | undefined> {
  if (wire === undefined) return undefined;
  const tunnel = new Tunnel(wire);
  onStep("waiting whether it stays open");
  const first = await tunnel.receive(SETTLE_MS);
  const greeting = first === undefined ? undefined : shown(first.data, first.binary);
  const pingsMs: number[] = [];
  for (let i = 0; i < PINGS && tunnel.ending === undefined; i++) {
    onStep("ping");
    const ms = await tunnel.ping(timeoutMs);
    if (ms === undefined) break;
    pingsMs.push(ms);
  }
  const text = send ?? (echo ? `hopway-probe ${Math.floor(performance.now())}` : undefined);
  let exchanged: Exchanged | undefined;
  if (text !== undefined && tunnel.ending === undefined) {
    onStep("message");
    const start = performance.now();
    tunnel.sendText(text);
    const back = await tunnel.receive(timeoutMs);
    exchanged = {
      sent: text,
      received: back === undefined ? undefined : shown(back.data, back.binary),
      ms: performance.now() - start,
    };
  }
  const early = tunnel.ending;
  onStep("close");
  const closeStart = performance.now();
  const closedCleanly = early === undefined && (await tunnel.close(timeoutMs));
  const closeMs = performance.now() - closeStart;
  tunnel.drop();
  return { pingsMs, exchanged, greeting, early, closedCleanly, closeMs, violation: tunnel.violation };
}

function shown(data: Buffer, binary: boolean): string {
  const text = binary ? `${data.length} bytes: ${data.subarray(0, 32).toString("hex")}` : data.toString();
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}...` : text;
}

/** Opens two connections and stays silent on both, with pings on one; undefined where they do not open. */
export async function observeIdle(
  target: ProbeTarget,
  wishes: ProbeWishes,
  idleMs: number,
  onStep: (name: string) => void,
): Promise<IdleReport | undefined> {
  const pingEveryMs = Math.min(LONGEST_PING_INTERVAL_MS, idleMs / PINGS_IN_IDLE);
  const [silent, pinged] = await Promise.all([attempt(target, wishes, () => {}), attempt(target, wishes, () => {})]);
  if (silent.tunnel === undefined || pinged.tunnel === undefined) {
    silent.tunnel?.close();
    pinged.tunnel?.close();
    return undefined;
  }
  const start = performance.now();
  const progress = setInterval(() => {
    onStep(`silent for ${Math.round((performance.now() - start) / 1000)} of ${Math.round(idleMs / 1000)} s`);
  }, 500);
  const [first, second] = await Promise.all([
    stay(new Tunnel(silent.tunnel), idleMs, undefined),
    stay(new Tunnel(pinged.tunnel), idleMs, pingEveryMs),
  ]);
  clearInterval(progress);
  return { silent: first, pinged: second, pingEveryMs };
}

async function stay(tunnel: Tunnel, idleMs: number, pingEveryMs: number | undefined): Promise<IdleFacts> {
  const start = performance.now();
  const left = (): number => idleMs - (performance.now() - start);
  while (tunnel.ending === undefined && left() > 0) {
    if (pingEveryMs === undefined) await tunnel.rest(left());
    else {
      await tunnel.rest(Math.min(pingEveryMs, left()));
      if (tunnel.ending === undefined && left() > 0) await tunnel.ping(Math.min(pingEveryMs, left()));
    }
  }
  const { ending, pingsAtMs } = tunnel;
  const livedMs = ending === undefined ? idleMs : ending.atMs;
  tunnel.drop();
  return { livedMs, ending, serverPingsMs: pingsAtMs };
}
