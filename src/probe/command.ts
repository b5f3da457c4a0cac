/** `hopway probe`. */
import { parseInteger, parseTime } from "../config/units.ts";
import type { GivenOptions } from "../usage/command-table.ts";
import { paintFor } from "../usage/paint.ts";
import { complain, print } from "../usage/print.ts";
import { comparisonText } from "./compare.ts";
import { probeEngine } from "./engine-io.ts";
import { isBroken, probe } from "./probe.ts";
import { type Progress, progressOn } from "./progress.ts";
import { engineJson, reportJson } from "./report-json.ts";
import { engineText, probeText } from "./report-text.ts";
import { ownOrigin, type ProbeTarget, type ProbeWishes, parseTarget } from "./target.ts";

const BROKEN = 1;
const FAILED = 2;
const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_TRIES = 5;

/** Runs it; the exit code. */
export async function run(options: GivenOptions): Promise<number> {
  const [url = ""] = options.words;
  const target = parseTarget(url, options.value("--connect"));
  if (typeof target === "string") return failed(target);
  const timeoutMs = time(options.value("--timeout"), DEFAULT_TIMEOUT_MS);
  const idleMs = time(options.value("--idle"), 0);
  const tries = parseInteger(options.value("--tries") ?? String(DEFAULT_TRIES));
  if (timeoutMs === undefined || timeoutMs === 0) return failed(`"${options.value("--timeout")}" is no time: 10s`);
  if (idleMs === undefined) return failed(`"${options.value("--idle")}" is no time: 120s, 2m`);
  if (tries === undefined || tries === 0) return failed(`"${options.value("--tries")}" is no number of tries`);
  const headers = options.values("-H");
  const wrong = headers.find((header) => header.indexOf(":") <= 0);
  if (wrong !== undefined) return failed(`"${wrong}" is no header line: Name: value`);
  const wishes: ProbeWishes = {
    origin: options.value("--origin"),
    headers,
    subprotocols: options.values("--subprotocol"),
    timeoutMs,
    insecure: options.has("--insecure"),
  };
  const progress = progressOn(process.stderr);
  if (options.has("--engine-io")) return engine(options, target, wishes, tries, progress);
  return plain(options, target, wishes, idleMs, progress);
}

function time(text: string | undefined, otherwise: number): number | undefined {
  return text === undefined ? otherwise : parseTime(text);
}

async function plain(
  options: GivenOptions,
  target: ProbeTarget,
  wishes: ProbeWishes,
  idleMs: number,
  progress: Progress,
): Promise<number> {
  const tunnelWishes = { send: utf8(options.value("--send")), echo: options.has("--echo"), idleMs };
  const otherUrl = options.value("--compare");
  const other = otherUrl === undefined ? undefined : parseTarget(otherUrl, undefined);
  if (typeof other === "string") return failed(other);
  const first = await probe(target, wishes, tunnelWishes, progress.show);
  // The backend is asked as the proxy asks it: for the same host, from the same page.
  const sameHost = wishes.headers.some((header) => /^host:/i.test(header)) ? [] : [`Host: ${target.hostField}`];
  const otherWishes = {
    ...wishes,
    origin: wishes.origin ?? ownOrigin(target),
    headers: [...sameHost, ...wishes.headers],
  };
  const second = other === undefined ? undefined : await probe(other, otherWishes, tunnelWishes, progress.show);
  progress.clear();
  const paint = paintFor(process.stdout);
  if (options.has("--json")) print(`${reportJson(first, second)}\n`);
  else {
    print(probeText(first, paint));
    if (second !== undefined) print(`\n${probeText(second, paint)}\n${comparisonText(first, second, paint)}`);
  }
  return isBroken(first) ? BROKEN : 0;
}

async function engine(
  options: GivenOptions,
  target: ProbeTarget,
  wishes: ProbeWishes,
  tries: number,
  progress: Progress,
): Promise<number> {
  const report = await probeEngine(target, wishes, tries, progress.show);
  progress.clear();
  const text = options.has("--json")
    ? `${engineJson(target.url, report)}\n`
    : engineText(target.url, report, paintFor(process.stdout));
  print(text);
  return report.verdicts.some(({ weight }) => weight === "broken") ? BROKEN : 0;
}

/** Arguments are a char for each byte; messages are UTF-8. */
function utf8(text: string | undefined): string | undefined {
  return text === undefined ? undefined : Buffer.from(text, "latin1").toString();
}

function failed(message: string): number {
  complain(message);
  return FAILED;
}
