/** A raw HTTP client for tests: sends exact bytes in exact steps, and keeps every byte that comes back. */
import { readFileSync } from "node:fs";
import type { Socket } from "bun";
import { parseResponses } from "./response-stream.ts";

/** One thing that the client does. A string is sent as it is, one byte per char. */
export type ClientStep =
  | string
  /** Goes on when the bytes received so far hold the text. */
  | { readonly waitFor: string }
  /** Goes on when so many final responses have come in whole (1xx do not count). */
  | { readonly waitResponses: number }
  /** Goes on when the server has closed its side, or reset. */
  | { readonly waitEnd: true }
  | { readonly pauseMs: number }
  /** Goes on when the server has dealt with all that was sent to it. */
  | { readonly quiet: true }
  /** Goes on when the backends have received the text. */
  | { readonly waitUpstream: string }
  /** Sends FIN and goes on reading. */
  | { readonly halfClose: true }
  /** Closes with RST. */
  | { readonly reset: true }
  /** Waits for the end where `settle` says that the server must close by now, else sees whether it does all the same. */
  | { readonly settle: (received: string) => boolean };

export const HALF_CLOSE: ClientStep = { halfClose: true };
export const RESET: ClientStep = { reset: true };
export const WAIT_END: ClientStep = { waitEnd: true };
/** What is sent next will not be read together with what was sent before. */
export const NEXT_PACKET: ClientStep = { quiet: true };

/** What a client can know of the rest of the test. */
export interface Surroundings {
  /** Resolves when the server has dealt with everything that was sent to it. */
  quiet(): Promise<void>;
  /** Whether the backends have received the text. */
  upstreamGot(text: string): boolean;
  /** Called with all bytes received so far whenever some more came. */
  onReceived?(received: string): void;
}

/** Of a server that nothing is known about: long enough for it to see two sends as two reads. */
const QUIET_MS = 15;
const NOWHERE: Surroundings = { quiet: () => Bun.sleep(QUIET_MS), upstreamGot: () => true };

/** How the connection stood when the exchange was over, seen from the client. */
export type End = "open" | "fin" | "reset" | "refused";

export interface Exchange {
  /** All bytes that came back, as latin1. */
  readonly received: string;
  readonly end: End;
  /** The client's own port, by which the server's logs can be matched; 0 on a unix socket and when the connection was refused. */
  readonly localPort: number;
  /** The step that did not come true in time, if one did not. */
  readonly timedOut: string | undefined;
}

/** How a client speaks TLS. */
export interface ClientTls {
  /** SNI; none where left out. */
  readonly serverName?: string;
  /** PEM files. */
  readonly certificate?: string;
  readonly key?: string;
  /** The newest version that it knows. */
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
}

/** Where to connect: a port of 127.0.0.1, with TLS or not, or the path of a unix socket. */
export type Target = number | { readonly unix: string } | { readonly port: number; readonly tls: ClientTls };

interface ClientState {
  received: string;
  end: End;
  pending: Buffer;
  /** The handshake has ended well. */
  secure: boolean;
  readonly around: Surroundings;
  /** Called when any of that has changed. */
  changed(): void;
}

/** A wait that takes this long has failed; the slowest answer in the tables takes a second. */
const DEFAULT_LIMIT_MS = 30_000;
/** For what has been sent on loopback to come out of the event loop of this process. */
const OWN_TURNS_MS = 3;
/** What happens elsewhere is looked at so often. */
const POLL_MS = 2;

/**
 * Runs the steps against a server, then closes what is still open. Never rejects for what the server does: that is in
 * the result. `heads` are the 0-based numbers of the requests whose method is HEAD, which the end of a response depends on.
 */
export async function exchange(
  target: Target,
  steps: readonly ClientStep[],
  heads: readonly number[] = [],
  limitMs = DEFAULT_LIMIT_MS,
  around = NOWHERE,
): Promise<Exchange> {
  const state: ClientState = {
    ...{ received: "", end: "open", pending: Buffer.alloc(0), secure: false, around },
    changed() {},
  };
  let socket: Socket<ClientState>;
  const until = async (done: () => boolean, pollMs = Number.POSITIVE_INFINITY): Promise<boolean> => {
    const deadline = Date.now() + limitMs;
    while (!done()) {
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(leftMs, pollMs));
        state.changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return true;
  };
  try {
    const common = { socket: handlers, data: state, allowHalfOpen: true };
    if (typeof target === "object" && "unix" in target) {
      socket = await Bun.connect<ClientState>({ unix: target.unix, ...common });
    } else if (typeof target === "number") {
      socket = await Bun.connect<ClientState>({ hostname: "127.0.0.1", port: target, ...common });
    } else {
      const options = { hostname: "127.0.0.1", port: target.port, ...common };
      socket = await Bun.connect<ClientState>({ ...options, socket: tlsHandlers, tls: tlsOptions(target.tls) });
      if (!(await until(() => state.secure || state.end !== "open")) || !state.secure) throw new Error("no handshake");
    }
  } catch {
    return { received: "", end: "refused", localPort: 0, timedOut: undefined };
  }
  const localPort = typeof target === "object" && "unix" in target ? 0 : socket.localPort;
  let timedOut: string | undefined;
  for (const step of steps) {
    if (typeof step === "string") {
      if (state.end === "reset") continue;
      send(socket, Buffer.from(step, "latin1"));
      // What the server refuses to read must not stop the next steps.
      await until(() => state.pending.length === 0 || state.end !== "open");
    } else if ("pauseMs" in step) {
      await Bun.sleep(step.pauseMs);
    } else if ("halfClose" in step) {
      socket.shutdown();
    } else if ("reset" in step) {
      socket.terminate();
      break;
    } else if ("quiet" in step) {
      await quiet(around);
    } else if ("settle" in step) {
      if (state.end !== "open") continue;
      if (step.settle(state.received)) await until(() => state.end !== "open");
      else await quiet(around);
    } else if (!(await until(() => cameTrue(step, state, heads), "waitUpstream" in step ? POLL_MS : undefined))) {
      timedOut = JSON.stringify(step);
      break;
    }
  }
  const result = { received: state.received, end: state.end, localPort, timedOut };
  socket.end();
  return result;
}

/** The server has dealt with everything, and what it did has been seen here. */
async function quiet(around: Surroundings): Promise<void> {
  await around.quiet();
  await Bun.sleep(OWN_TURNS_MS);
}

type Condition =
  | { readonly waitFor: string }
  | { readonly waitUpstream: string }
  | { readonly waitResponses: number }
  | { readonly waitEnd: true };

function cameTrue(step: Condition, state: ClientState, heads: readonly number[]): boolean {
  if (state.end !== "open") return true;
  if ("waitUpstream" in step) return state.around.upstreamGot(step.waitUpstream);
  if ("waitFor" in step) return state.received.includes(step.waitFor);
  if ("waitResponses" in step) return finalCount(state.received, heads) >= step.waitResponses;
  return false;
}

function finalCount(received: string, heads: readonly number[]): number {
  return parseResponses(received, heads, false).filter((r) => r.complete && !r.interim).length;
}

function send(socket: Socket<ClientState>, bytes: Buffer): void {
  const state = socket.data;
  state.pending = state.pending.length === 0 ? bytes : Buffer.concat([state.pending, bytes]);
  flush(socket);
}

function flush(socket: Socket<ClientState>): void {
  const state = socket.data;
  if (state.pending.length === 0) return;
  const written = socket.write(state.pending);
  if (written > 0) state.pending = state.pending.subarray(written);
  if (written < 0) state.pending = Buffer.alloc(0);
  state.changed();
}

const handlers = {
  data(socket: Socket<ClientState>, chunk: Buffer): void {
    const state = socket.data;
    state.received += chunk.toString("latin1");
    state.around.onReceived?.(state.received);
    state.changed();
  },
  drain: flush,
  end(socket: Socket<ClientState>): void {
    socket.data.end = "fin";
    socket.data.changed();
  },
  close(socket: Socket<ClientState>, error?: Error): void {
    if (socket.data.end === "open") socket.data.end = error === undefined ? "fin" : "reset";
    socket.data.changed();
  },
  error(): void {},
};

const tlsHandlers = {
  ...handlers,
  handshake(socket: Socket<ClientState>, _ok: boolean, error: Error | null): void {
    // Certificates are not looked at: what fails otherwise has the code of a system call.
    const code = error !== null && "code" in error ? String(error.code) : "";
    socket.data.secure = !/^E[A-Z]+$/.test(code);
    socket.data.changed();
  },
};

const VERSIONS = { "TLSv1.2": 0x0303, "TLSv1.3": 0x0304 } as const;

function tlsOptions({ serverName = "", certificate, key, maxVersion = "TLSv1.3" }: ClientTls): Bun.TLSOptions {
  return {
    rejectUnauthorized: false,
    serverName,
    ...(certificate === undefined ? {} : { cert: readFileSync(certificate) }),
    ...(key === undefined ? {} : { key: readFileSync(key) }),
    ...{ minVersion: VERSIONS["TLSv1.2"], maxVersion: VERSIONS[maxVersion] },
  };
}
