/** Servers of the Python world behind uwsgi_pass and scgi_pass: a real uWSGI, and an SCGI server of ours. */
import { join } from "node:path";
import type { Subprocess } from "bun";
import { freePort } from "./ports.ts";

const PEERS = join(import.meta.dir, "peers");
const START_LIMIT_MS = 60_000;
const POLL_MS = 20;

/** A server that listens. */
export interface PythonServer {
  /** Port of 127.0.0.1. */
  readonly port: number;
  /** Ends it and waits until it is gone. */
  stop(): Promise<void>;
}

/** The uWSGI that can run `peers/wsgi-app.py`: undefined where it or its Python plugin is not installed. */
export function findUwsgi(): string | undefined {
  const path = Bun.which("uwsgi");
  if (path === null) return undefined;
  const probe = Bun.spawnSync({ cmd: [path, "--plugin", "python3", "--help"], stdout: "pipe", stderr: "pipe" });
  return probe.exitCode === 0 && probe.stdout.includes("--wsgi-file") ? path : undefined;
}

export function findPython(): string | undefined {
  return Bun.which("python3") ?? undefined;
}

/** Starts uWSGI with `peers/wsgi-app.py`, on a port or (also) the path of a unix socket. */
export async function startUwsgi(unixPath: string): Promise<PythonServer> {
  const path = findUwsgi();
  if (path === undefined) throw new Error("uwsgi is not installed");
  const port = freePort();
  const child = Bun.spawn({
    cmd: [
      ...[path, "--plugin", "python3", "--wsgi-file", join(PEERS, "wsgi-app.py")],
      ...["--uwsgi-socket", `127.0.0.1:${port}`, "--uwsgi-socket", unixPath, "--chmod-socket=666"],
      ...["--processes", "1", "--threads", "8", "--need-app", "--die-on-term", "--disable-logging"],
    ],
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  const deadline = Date.now() + START_LIMIT_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`uwsgi ended with ${child.exitCode}`);
    if (Date.now() > deadline) throw new Error("uwsgi did not listen in time");
    await Bun.sleep(POLL_MS);
  }
  return { port, stop: () => stop(child) };
}

/** Starts `peers/scgi-server.py`. */
export async function startScgi(): Promise<PythonServer> {
  const path = findPython();
  if (path === undefined) throw new Error("python3 is not installed");
  const child = Bun.spawn({
    cmd: [path, join(PEERS, "scgi-server.py")],
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  const { value } = await child.stdout.getReader().read();
  const { port } = JSON.parse(new TextDecoder().decode(value)) as { readonly port: number };
  return { port, stop: () => stop(child) };
}

async function accepts(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

async function stop(child: Subprocess): Promise<void> {
  child.kill("SIGKILL");
  await child.exited;
}
