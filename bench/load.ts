/** The load of the measurements: wrk for HTTP, our own client for WebSockets. */
import { join } from "node:path";
import type { Subprocess } from "bun";
import { untilAnswering } from "./gateways.ts";

/** What one measurement found. */
export interface Sample {
  /** Requests, messages or handshakes. */
  readonly operations: number;
  readonly seconds: number;
  /** 99th percentile of latency in microseconds; 0 where there is no latency. */
  readonly p99Us: number;
}

/** Programs that make load, on a core of their own. */
export interface Load {
  readonly backendPort: number;
  websocket(
    mode: string,
    port: number,
    connections: number,
    bytes: number,
    seconds: number,
    tls: boolean,
  ): Promise<Sample>;
  http(path: string, port: number, connections: number, seconds: number): Promise<Sample>;
  stop(): Promise<void>;
}

/** Compiles the backend and the client, and starts the backend. */
export async function startLoad(folder: string, core: number, backendPort: number): Promise<Load> {
  for (const name of ["backend", "client"]) {
    const source = join(import.meta.dir, `${name}.c`);
    await output(["gcc", "-O2", "-o", join(folder, name), source, "-lssl", "-lcrypto"]);
  }
  const pinned = ["taskset", "-c", `${core}`];
  const backend: Subprocess = Bun.spawn({
    cmd: [...pinned, join(folder, "backend"), `${backendPort}`],
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  await untilAnswering("the backend", backend, backendPort);
  return {
    backendPort,
    async websocket(mode, port, connections, bytes, seconds, tls) {
      const numbers = [port, connections, bytes, seconds].map(String);
      const command = [...pinned, join(folder, "client"), mode, ...numbers, ...(tls ? ["tls"] : [])];
      const found = JSON.parse(await output(command));
      return { operations: found.operations, seconds: found.seconds, p99Us: found.p99_us };
    },
    async http(path, port, connections, seconds) {
      const url = `http://127.0.0.1:${port}${path}`;
      return wrkSample(await output([...pinned, "wrk", "-t1", `-c${connections}`, `-d${seconds}`, "--latency", url]));
    },
    async stop() {
      backend.kill("SIGTERM");
      await backend.exited;
    },
  };
}

const US_PER: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1_000_000 };

/** Reads wrk's report; answers that were not wanted make it worthless. */
function wrkSample(report: string): Sample {
  const trouble = /^.*(?:Non-2xx|Socket errors).*$/m.exec(report);
  if (trouble !== null) throw new Error(`wrk:${trouble[0]}`);
  const [, requests, time, timeUnit = "s"] = /(\d+) requests in ([\d.]+)(us|ms|s)/.exec(report) ?? [];
  const [, p99, p99Unit = "s"] = /^ +99% +([\d.]+)(us|ms|s)$/m.exec(report) ?? [];
  const us = (value: string | undefined, unit: string): number => Number(value) * (US_PER[unit] ?? Number.NaN);
  const sample = { operations: Number(requests), seconds: us(time, timeUnit) / 1e6, p99Us: us(p99, p99Unit) };
  if (!Object.values(sample).every(Number.isFinite)) throw new Error(`wrk: a report that cannot be read:\n${report}`);
  return sample;
}

async function output(cmd: string[]): Promise<string> {
  const child = Bun.spawn({ cmd, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${cmd.join(" ")} ended with ${code}: ${stderr}${stdout}`);
  return stdout;
}
