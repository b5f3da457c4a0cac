/** Two probes side by side: through the proxy, and the backend itself. */
import { type Paint, wrap } from "../usage/paint.ts";
import { printable } from "../usage/printable.ts";
import { isFailure } from "./connect.ts";
import { isBroken, type ProbeReport } from "./probe.ts";
import { milliseconds } from "./report-text.ts";

/** A property of both. */
export interface Compared {
  readonly what: string;
  readonly first: string;
  readonly second: string;
}

/** All that can be compared, in the order of the steps; times are never the same and not told as differences. */
export function compared(first: ProbeReport, second: ProbeReport): Compared[] {
  const left = facts(first);
  const right = facts(second);
  const names = [...new Set([...left.keys(), ...right.keys()])];
  return names.map((what) => ({ what, first: left.get(what) ?? "-", second: right.get(what) ?? "-" }));
}

const TIMES = new Set(["handshake", "ping"]);
/** Differ from request to request. */
const VARYING =
  /^(?:date|sec-websocket-accept|cf-ray|x-request-id|x-amzn-trace-id|set-cookie|etag|age|report-to|nel|x-amz-cf-id|x-served-by|x-timer)$/i;

function facts({ attempt, tunnel }: ProbeReport): Map<string, string> {
  const out = new Map<string, string>();
  const { way, answer, answerMs } = attempt;
  const { tcp, tls } = way;
  if (tcp !== undefined) out.set("connection", isFailure(tcp) ? tcp.error : "ok");
  if (tls !== undefined)
    out.set("TLS", isFailure(tls) ? tls.error : tls.fault || `${tls.version}, ${tls.protocol || "no ALPN"}`);
  if (typeof answer === "string") out.set("answer", answer === "timeout" ? "none in time" : "none: closed");
  else if (answer !== undefined && "bytes" in answer) out.set("answer", "no HTTP");
  else if (answer !== undefined) {
    out.set("answer", answer.statusLine);
    for (const [name, value] of answer.fields) if (!VARYING.test(name)) out.set(`  ${name.toLowerCase()}`, value);
    out.set("handshake", milliseconds(answerMs));
  }
  if (attempt.faults.length > 0) out.set("faults of the 101", attempt.faults.join("; "));
  if (tunnel === undefined) return out;
  if (tunnel.early !== undefined) out.set("tunnel", `${tunnel.early.by}, ${tunnel.early.code}`);
  else {
    out.set("tunnel", "stays open");
    out.set("pong", tunnel.pingsMs.length > 0 ? "yes" : "no");
    if (tunnel.pingsMs.length > 0) out.set("ping", milliseconds(Math.min(...tunnel.pingsMs)));
    out.set("close", tunnel.closedCleanly ? "answered" : "not answered");
  }
  if (tunnel.exchanged !== undefined) out.set("message", tunnel.exchanged.received ?? "nothing");
  return out;
}

/** Whether a row is a difference. */
export function differs({ what, first, second }: Compared): boolean {
  return first !== second && !TIMES.has(what);
}

const COLUMN = 40;

/** The table, and what it tells; ends with a line feed. */
export function comparisonText(first: ProbeReport, second: ProbeReport, paint: Paint): string {
  const rows = compared(first, second);
  const width = Math.max(...rows.map(({ what }) => what.length)) + 2;
  const cell = (said: string): string => {
    const text = printable(said);
    return (text.length > COLUMN ? `${text.slice(0, COLUMN - 3)}...` : text).padEnd(COLUMN + 2);
  };
  const lines = [
    `${" ".repeat(width + 2)}${paint("bold", cell(first.attempt.target.url) + cell(second.attempt.target.url).trimEnd())}`,
    ...rows.map((row) => {
      const text =
        `${differs(row) ? "* " : "  "}${row.what.padEnd(width)}${cell(row.first)}${cell(row.second)}`.trimEnd();
      return differs(row) ? paint("yellow", text) : text;
    }),
    "",
    wrap(conclusion(first, second), ""),
  ];
  return `${lines.join("\n")}\n`;
}

/** Where the fault is, from who works. */
export function conclusion(first: ProbeReport, second: ProbeReport): string {
  const [left, right] = [first.attempt.target.url, second.attempt.target.url];
  if (!isBroken(first) && !isBroken(second)) return "Both work.";
  if (isBroken(first) && isBroken(second)) return `Both are broken: look at ${right} first, the proxy may be innocent.`;
  return isBroken(first)
    ? `${right} works, ${left} does not: what is between them breaks it.`
    : `${left} works, ${right} does not: it wants something that what is in front adds, such as a Host or a header.`;
}
