/**
 * Free TCP ports for tests, without races between test files that run at the same time: a process owns a block of ports
 * for as long as it lives by listening on the block's first port, so the kernel decides who has it and frees it on exit.
 */
import type { TCPSocketListener } from "bun";

/** Below Linux's ephemeral range (32768 on), so that outgoing connections never take a port that a test was given. */
const FIRST_PORT = 10_240;
const LAST_PORT = 31_999;
const BLOCK_PORTS = 64;
/** In configurations that are only checked: nginx -t listens on it for a moment. */
const CHECKED_PORT = 18_080;

const guards: TCPSocketListener<undefined>[] = [];
let nextPort = 0;
let endPort = 0;

/** A port of 127.0.0.1 that nobody listens on and that no other call, in this process or another, is given. */
export function freePort(): number {
  for (;;) {
    if (nextPort >= endPort) claimBlock();
    const port = nextPort++;
    const probe = listenOn(port);
    if (probe === undefined) continue;
    probe.stop(true);
    return port;
  }
}

function claimBlock(): void {
  const blocks = Math.floor((LAST_PORT - FIRST_PORT) / BLOCK_PORTS);
  const start = Math.floor(Math.random() * blocks);
  for (let i = 0; i < blocks; i++) {
    const base = FIRST_PORT + ((start + i) % blocks) * BLOCK_PORTS;
    if (base <= CHECKED_PORT && CHECKED_PORT < base + BLOCK_PORTS) continue;
    const guard = listenOn(base);
    if (guard === undefined) continue;
    guard.unref();
    guards.push(guard);
    nextPort = base + 1;
    endPort = base + BLOCK_PORTS;
    return;
  }
  throw new Error("every block of test ports is taken");
}

function listenOn(port: number): TCPSocketListener<undefined> | undefined {
  try {
    return Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } });
  } catch {
    return undefined;
  }
}
