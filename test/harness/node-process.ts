/** Clients and backends that run on Node, where `ws` and `socket.io` are the packages themselves and not Bun's own. */
import { join } from "node:path";
import type { Subprocess } from "bun";

const PEERS = join(import.meta.dir, "peers");

/** A process that speaks in lines of JSON. */
export interface NodePeer {
  readonly pid: number;
  /** Its next line, parsed; rejects when it ends without one. */
  next(): Promise<unknown>;
  /** Writes a line of JSON to it. */
  tell(message: unknown): void;
  /** Ends it and waits until it is gone. */
  stop(): Promise<void>;
}

/** Node, on which the tests' own `npm` runs too. */
export function nodePath(): string {
  const path = process.env["npm_node_execpath"] ?? Bun.which("node");
  if (path === undefined || path === null) throw new Error("node is not on the path");
  return path;
}

/** Starts `test/harness/peers/<script>` with arguments; objects among them are passed as JSON. */
export function startPeer(script: string, ...args: readonly unknown[]): NodePeer {
  const child = Bun.spawn({
    cmd: [nodePath(), join(PEERS, script), ...args.map((a) => (typeof a === "string" ? a : JSON.stringify(a)))],
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const lines = readLines(child);
  return {
    pid: child.pid,
    async next(): Promise<unknown> {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`${script} ended with ${await child.exited}`);
      return JSON.parse(value);
    },
    tell(message: unknown): void {
      child.stdin.write(`${JSON.stringify(message)}\n`);
      child.stdin.flush();
    },
    async stop(): Promise<void> {
      child.kill();
      await child.exited;
    },
  };
}

/** Runs a peer that says one thing and ends. */
export async function askPeer(script: string, ...args: readonly unknown[]): Promise<unknown> {
  const peer = startPeer(script, ...args);
  try {
    return await peer.next();
  } finally {
    await peer.stop();
  }
}

async function* readLines(child: Subprocess<"pipe", "pipe", "inherit">): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of child.stdout) {
    rest += decoder.decode(chunk, { stream: true });
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      yield rest.slice(0, end);
      rest = rest.slice(end + 1);
    }
  }
  return undefined;
}

/** A backend that has said on which port of 127.0.0.1 it listens. */
export interface NodeBackend extends NodePeer {
  readonly port: number;
}

/** Starts a peer whose first line is `{"port": n}`. */
export async function startBackend(script: string, ...args: readonly unknown[]): Promise<NodeBackend> {
  const peer = startPeer(script, ...args);
  const { port } = (await peer.next()) as { readonly port: number };
  return { ...peer, port };
}
