/**
 * hopway against nginx in one run, one after the other in each round, so that whatever slows the machine down hits both.
 * Prints the medians of the ratios as the table of README.md.
 * usage: node_modules/.bin/bun bench/ratio.ts [--rounds 5] [--seconds 2] [--only text] [--write] [--pair nginx]
 * `--pair counting` is what it costs that hopway counts messages, `--pair guarding` that it holds them to rules as well:
 * hopway with it against hopway without.
 * Needs nginx, wrk, gcc, OpenSSL with its headers, taskset and two cores: the first for the gateways, the second for load
 * and backend.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Measured, memoryKiB, PAIRS, processorSeconds, startGateways } from "./gateways.ts";
import { type Load, type Sample, startLoad } from "./load.ts";

const README = resolve(import.meta.dir, "../README.md");
const GATEWAY_CORE = 0;
const LOAD_CORE = 1;
/** Below the range that the kernel takes ports of outgoing connections from. */
const BACKEND_PORT = 29_501;
const PORTS = [
  { plain: 29_502, tls: 29_504 },
  { plain: 29_503, tls: 29_505 },
] as const;

type Row = readonly [name: string, run: (load: Load, gateway: Measured, seconds: number) => Promise<Sample>];

const websocket =
  (mode: string, connections: number, bytes: number): Row[1] =>
  (load, { port }, seconds) =>
    load.websocket(mode, port, connections, bytes, seconds, false);
const secure =
  (mode: string, connections: number, bytes: number): Row[1] =>
  (load, { tlsPort }, seconds) =>
    load.websocket(mode, tlsPort, connections, bytes, seconds, true);
/** The latency of quiet WebSockets while another one is flooded; what is counted is the flood. */
const besideNoise =
  (quiet: number, noiseBytes: number): Row[1] =>
  async (load, { port }, seconds) => {
    const [noise, { p99Us }] = await Promise.all([
      load.websocket("push", port, 1, noiseBytes, seconds, false),
      load.websocket("paced", port, quiet, 64, seconds, false),
    ]);
    return { ...noise, p99Us };
  };
const http =
  (path: string, connections: number): Row[1] =>
  (load, { port }, seconds) =>
    load.http(path, port, connections, seconds);

const ROWS: readonly Row[] = [
  ["WebSocket echo, 64 B, 50 connections", websocket("echo", 50, 64)],
  ["WebSocket echo, 64 B, 1000 connections", websocket("echo", 1000, 64)],
  ["WebSocket echo, 4 KiB, 50 connections", websocket("echo", 50, 4096)],
  ["WebSocket echo, 64 KiB, 20 connections", websocket("echo", 20, 65_536)],
  ["WebSocket push, 1 KiB, 8 connections", websocket("push", 8, 1024)],
  ["WebSocket push, 16 KiB, 8 connections", websocket("push", 8, 16_384)],
  ["WebSocket push, 1 KiB, beside 100 quiet ones", besideNoise(100, 1024)],
  ["WebSocket handshakes, 50 at once", websocket("handshakes", 50, 64)],
  ["WebSocket echo over TLS, 64 B, 50 connections", secure("echo", 50, 64)],
  ["WebSocket echo over TLS, 4 KiB, 50 connections", secure("echo", 50, 4096)],
  ["WebSocket echo over TLS, 64 KiB, 20 connections", secure("echo", 20, 65_536)],
  ["WebSocket and TLS handshakes, 50 at once", secure("handshakes", 50, 64)],
  ["HTTP GET proxied, 16 connections", http("/", 16)],
  ["HTTP GET proxied, 128 connections", http("/", 128)],
  ["HTTP GET of a 1 KiB file, 32 connections", http("/files/small", 32)],
  ["HTTP GET of a 1 MiB file, 8 connections", http("/files/big", 8)],
];

/** The first to the second. */
interface Ratios {
  readonly rate: number;
  /** Processor time per operation; undefined when the clock was too coarse. */
  readonly cpu: number | undefined;
  readonly p99: number | undefined;
}

/** The middle one of those that are there; undefined where none is. */
function median(values: readonly (number | undefined)[]): number | undefined {
  const sorted = values.filter((value) => value !== undefined).toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

async function measure(run: () => Promise<Sample>, gateway: Measured): Promise<Sample & { readonly cpuUs: number }> {
  const before = processorSeconds(gateway);
  const sample = await run();
  return { ...sample, cpuUs: ((processorSeconds(gateway) - before) / sample.operations) * 1e6 };
}

/** `turned`: the second is measured before the first. */
async function round(
  [, run]: Row,
  load: Load,
  pair: readonly [Measured, Measured],
  turned: boolean,
  seconds: number,
): Promise<Ratios> {
  const take = (gateway: Measured) => measure(() => run(load, gateway, seconds), gateway);
  const early = turned ? undefined : await take(pair[0]);
  const second = await take(pair[1]);
  const first = early ?? (await take(pair[0]));
  return {
    rate: first.operations / first.seconds / (second.operations / second.seconds),
    cpu: second.cpuUs > 0 ? first.cpuUs / second.cpuUs : undefined,
    p99: second.p99Us > 0 ? first.p99Us / second.p99Us : undefined,
  };
}

const shown = (value: number | undefined): string => value?.toFixed(2) ?? "-";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    only: { type: "string", default: "" },
    pair: { type: "string", default: "nginx" },
    write: { type: "boolean", default: false },
  },
});
if (availableParallelism() < 2) throw new Error("two cores are needed");
const contenders = PAIRS[options.pair];
if (contenders === undefined) throw new Error(`--pair is one of ${Object.keys(PAIRS).join(", ")}`);
const [rounds, seconds] = [Number(options.rounds), Number(options.seconds)];
const folder = mkdtempSync(join(tmpdir(), "hopway-bench-"));
const load = await startLoad(folder, LOAD_CORE, BACKEND_PORT);
const table: string[] = [];
try {
  const pair = await startGateways(folder, GATEWAY_CORE, contenders, PORTS, BACKEND_PORT);
  try {
    for (const row of ROWS) {
      const [name, run] = row;
      if (!name.includes(options.only)) continue;
      // What is compiled, pooled or cached at the first use is so before it counts.
      for (const gateway of pair) await run(load, gateway, 1);
      const found: Ratios[] = [];
      for (let i = 0; i < rounds; i++) found.push(await round(row, load, pair, i % 2 === 1, seconds));
      const rates = found.map(({ rate }) => rate);
      const cells = [median(rates), median(found.map(({ cpu }) => cpu)), median(found.map(({ p99 }) => p99))];
      table.push(`| ${name} | ${cells.map(shown).join(" | ")} |`);
      console.log(`${table.at(-1)}  (rates from ${shown(Math.min(...rates))} to ${shown(Math.max(...rates))})`);
    }
    console.log(`memory after that: ${pair.map((one) => `${one.name} ${memoryKiB(one)} KiB`).join(", ")}`);
  } finally {
    await Promise.all(pair.map((one) => one.stop()));
  }
} finally {
  await load.stop();
  rmSync(folder, { recursive: true });
}
if (options.write) {
  if (table.length !== ROWS.length || options.pair !== "nginx") throw new Error("only a whole table is written");
  const head = [
    "| | operations a second | CPU per operation | 99th percentile of latency |",
    "| --- | --- | --- | --- |",
  ];
  const marked = `<!-- measured -->\n\n${[...head, ...table].join("\n")}\n\n<!-- /measured -->`;
  writeFileSync(
    README,
    readFileSync(README, "utf8").replace(/<!-- measured -->.*<!-- \/measured -->/s, () => marked),
  );
  Bun.spawnSync([resolve(import.meta.dir, "../node_modules/.bin/biome"), "format", "--write", README]);
}
