/** A probe for people to read. */
import { type Colour, type Paint, wrap } from "../usage/paint.ts";
import { printable } from "../usage/printable.ts";
import type { ProductLines } from "./cause-lines.ts";
import { type CertificateFacts, isFailure, type StepFailure, type TlsFacts, type Way } from "./connect.ts";
import type { EngineReport } from "./engine-io.ts";
import type { Attempt } from "./handshake.ts";
import { HTTP2_SETTINGS } from "./judge-way.ts";
import type { IdleFacts, IdleReport, TunnelFacts } from "./observe.ts";
import { isBroken, type ProbeReport } from "./probe.ts";
import { PRODUCTS, type Product, type Responder } from "./product.ts";
import type { Verdict } from "./verdict.ts";

const INDENT = "  ";
const MARK = 8;
const LABEL = 12;
const TEXT = INDENT.length + MARK + LABEL;
/** Where times stand, unless the text is longer. */
const TIME = 84;

/** Lines of a report, with marks, labels and times in columns. */
export class Sheet {
  readonly lines: string[] = [];
  private readonly paint: Paint;

  constructor(paint: Paint) {
    this.paint = paint;
  }

  row(good: boolean | undefined, label: string, said: string, ms?: number): void {
    const text = printable(said);
    const mark = good === undefined ? "" : good ? "ok" : "FAILED";
    const colour = good === false ? "red" : "green";
    const shown = `${INDENT}${this.paint(colour, mark.padEnd(MARK))}${label.padEnd(LABEL)}${text}`;
    const length = TEXT + text.length;
    const time =
      ms === undefined ? "" : `${" ".repeat(Math.max(2, TIME - length))}${this.paint("dim", milliseconds(ms))}`;
    this.lines.push(shown + time);
  }

  more(said: string, colour?: Colour): void {
    const text = printable(said);
    this.lines.push(`${" ".repeat(TEXT)}${colour === undefined ? text : this.paint(colour, text)}`);
  }

  /** A line of the report's own words, perhaps painted. */
  text(text: string): void {
    this.lines.push(text);
  }
}

/** `12 ms`, `0.4 ms`. */
export function milliseconds(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** The whole report; ends with a line feed. */
export function probeText(report: ProbeReport, paint: Paint): string {
  const { attempt, tunnel, idle, verdicts } = report;
  const sheet = new Sheet(paint);
  sheet.text(paint("bold", attempt.target.url));
  sheet.text("");
  wayRows(attempt.way, sheet);
  handshakeRows(attempt, sheet);
  if (tunnel !== undefined) tunnelRows(tunnel, sheet);
  if (idle !== undefined) idleRows(idle, sheet);
  sheet.text("");
  for (const one of verdicts) verdictText(one, sheet, paint);
  if (!isBroken(report)) sheet.text(paint("green", "The WebSocket works."));
  return `${sheet.lines.join("\n")}\n`;
}

function wayRows({ dns, tcp, tls }: Way, sheet: Sheet): void {
  step("name", dns, sheet, (facts) => facts.addresses.join(", "));
  if (tcp !== undefined) step("connection", tcp, sheet, ({ address, port }) => `${address} port ${port}`);
  if (tls === undefined) return;
  step("TLS", tls, sheet, ({ version, cipher, protocol }) => [version, cipher, protocol || "no ALPN"].join(", "));
  if (!isFailure(tls)) certificateRows(tls, sheet);
}

function step<T extends { readonly ms: number }>(
  label: string,
  facts: T | StepFailure,
  sheet: Sheet,
  text: (facts: T) => string,
): void {
  if ("error" in facts) sheet.row(false, label, facts.error, facts.ms);
  else sheet.row(true, label, text(facts), facts.ms);
}

function certificateRows({ chain, fault }: TlsFacts, sheet: Sheet): void {
  const [own, ...rest] = chain;
  if (own !== undefined) sheet.row(fault === "", "certificate", certificateText(own));
  if (own !== undefined && own.names.length > 0) sheet.more(`for ${own.names.join(", ")}`);
  for (const one of rest) sheet.more(`signed by ${one.subject}, ${days(one)}`);
  if (fault !== "") sheet.more(fault);
}

function certificateText(own: CertificateFacts): string {
  return `${own.subject}, from ${own.issuer}, ${days(own)}`;
}

function days({ daysLeft }: CertificateFacts): string {
  if (daysLeft < 0) return `expired ${-daysLeft} days ago`;
  return `${daysLeft} days left`;
}

function handshakeRows(
  { request, answer, answerMs, faults, subprotocol, extensions, endAfterAnswer }: Attempt,
  sheet: Sheet,
): void {
  if (request === "") return;
  const [requestLine = "", ...fields] = request.trimEnd().split("\r\n");
  sheet.row(undefined, "sent", requestLine);
  for (const field of fields) sheet.more(field, "dim");
  if (answer === "timeout") sheet.row(false, "answer", "none", answerMs);
  else if (answer === "closed")
    sheet.row(false, "answer", `none: the connection was ${endAfterAnswer === "reset" ? "reset" : "closed"}`, answerMs);
  else if (answer !== undefined && "bytes" in answer)
    sheet.row(
      false,
      "answer",
      HTTP2_SETTINGS.test(answer.bytes) ? "HTTP/2's first frame" : JSON.stringify(answer.bytes.slice(0, 40)),
      answerMs,
    );
  else if (answer !== undefined) {
    sheet.row(answer.status === 101 && faults.length === 0, "answer", answer.statusLine, answerMs);
    for (const [name, value] of answer.fields) sheet.more(`${name}: ${value}`, "dim");
    for (const fault of faults) sheet.more(fault, "red");
    if (answer.status !== 101) return;
    sheet.row(undefined, "", `subprotocol ${subprotocol || "none"}, extensions ${extensions || "none"}`);
  }
}

function tunnelRows({ pingsMs, exchanged, greeting, early, closedCleanly, closeMs }: TunnelFacts, sheet: Sheet): void {
  if (greeting !== undefined) sheet.row(true, "greeting", greeting);
  if (early !== undefined) {
    const how =
      early.by === "close frame"
        ? `Close ${early.code} ${early.reason}`.trimEnd()
        : early.by === "reset"
          ? "reset"
          : "closed without a Close";
    sheet.row(false, "tunnel", `${how} after ${milliseconds(early.atMs)}`);
    return;
  }
  sheet.row(pingsMs.length > 0, "ping", pingsMs.length === 0 ? "no pong" : pingsMs.map(milliseconds).join(", "));
  if (exchanged !== undefined) {
    sheet.row(
      exchanged.received !== undefined,
      "message",
      `"${exchanged.sent}" -> ${exchanged.received === undefined ? "nothing" : `"${exchanged.received}"`}`,
      exchanged.ms,
    );
  }
  sheet.row(closedCleanly, "close", closedCleanly ? "answered" : "not answered", closeMs);
}

function idleRows({ silent, pinged, pingEveryMs }: IdleReport, sheet: Sheet): void {
  sheet.row(silent.ending === undefined, "silent", lived(silent));
  sheet.row(pinged.ending === undefined, "with pings", `every ${(pingEveryMs / 1000).toFixed(1)} s: ${lived(pinged)}`);
}

function lived({ livedMs, ending, serverPingsMs }: IdleFacts): string {
  const seconds = `${(livedMs / 1000).toFixed(1)} s`;
  const pings = serverPingsMs.length === 0 ? "" : `, the server pinged ${serverPingsMs.length} times`;
  if (ending === undefined) return `lives after ${seconds}${pings}`;
  const how =
    ending.by === "close frame" ? `Close ${ending.code}` : ending.by === "reset" ? "reset" : "closed without a Close";
  return `ended after ${seconds}: ${how}${pings}`;
}

/** A verdict with what speaks for it and the lines that are usually behind. */
export function verdictText(
  { id, weight, hop, what, evidence, lines, responder }: Verdict,
  sheet: Sheet,
  paint: Paint,
): void {
  const colour = weight === "broken" ? "red" : "yellow";
  sheet.text(
    `${paint(colour, weight === "broken" ? "Broken" : "Doubtful")} by ${paint("bold", printable(hop))}  ${paint("dim", id)}`,
  );
  sheet.text(wrap(printable(what), INDENT));
  for (const one of evidence) sheet.text(wrap(printable(one), `${INDENT}- `).replace(/\n {2}- /g, `\n${INDENT}  `));
  for (const product of productsFor(lines, responder)) {
    const answered = product === responder?.product;
    sheet.text(`${INDENT}${answered ? `In ${product}, which answered` : product}:`);
    for (const line of lines[product] ?? []) sheet.text(`${INDENT}    ${paint(answered ? "green" : "dim", line)}`);
  }
  sheet.text("");
}

/** Those in front say little of what is behind them. */
const IN_FRONT: ReadonlySet<Product> = new Set(["ALB", "Cloudflare"]);

/** Whose lines are shown: those of whoever answered, and all others where something else may be behind it. */
function productsFor(lines: ProductLines, responder: Responder | undefined): readonly Product[] {
  const known = PRODUCTS.filter((product) => lines[product] !== undefined);
  const first = known.find((product) => product === responder?.product);
  // What answered by itself is not mended in another product.
  if (first === undefined) return responder?.own && responder.product !== undefined ? [] : known;
  return IN_FRONT.has(first) ? [first, ...known.filter((other) => other !== first)] : [first];
}

/** The report of `--engine-io`; ends with a line feed. */
export function engineText(url: string, report: EngineReport, paint: Paint): string {
  const sheet = new Sheet(paint);
  sheet.text(paint("bold", `${url}: Engine.IO ${report.protocol} at ${report.path}`));
  if (report.pingIntervalMs !== undefined) {
    sheet.text(
      `${INDENT}pings every ${report.pingIntervalMs / 1000} s, gives up after ${(report.pingTimeoutMs ?? 0) / 1000} s more`,
    );
  }
  for (const [n, { steps, sid }] of report.tries.entries()) {
    sheet.text("");
    sheet.text(`${INDENT}Try ${n + 1}${sid === "" ? "" : `, session ${sid}`}`);
    for (const { name, fault, ms } of steps) sheet.row(fault === "", "", fault === "" ? name : `${name}: ${fault}`, ms);
  }
  sheet.text("");
  for (const one of report.verdicts) verdictText(one, sheet, paint);
  if (report.verdicts.length === 0)
    sheet.text(paint("green", "Sessions open, stay with their server, and upgrade to WebSocket."));
  return `${sheet.lines.join("\n")}\n`;
}
