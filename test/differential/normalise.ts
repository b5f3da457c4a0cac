/**
 * Makes what two gateways sent comparable: only the name of the server, the time, ports, process ids and temporary paths
 * are replaced by tokens; all else, the order and case of header lines included, stays.
 */
import { constants, gunzipSync } from "node:zlib";
import type { Exchange } from "../harness/exchange.ts";
import type { RecordedRequest } from "../harness/recording-backend.ts";
import { fieldValue, parseResponses, type ReceivedResponse } from "../harness/response-stream.ts";

/** What stands for what in one run of one gateway: ports and paths, longest first where one holds another. */
export type Substitutions = readonly (readonly [string, string])[];

/** What the client got, as text, and what has to be known to read the log of the same connection. */
export interface ClientTranscript {
  readonly text: string;
  /** Bytes of the server's name in the body of each final response, whose `$body_bytes_sent` they count in. */
  readonly footerBytes: readonly number[];
  /** Final responses that came in chunks: how many bytes those took depends on how the body arrived. */
  readonly chunked: readonly boolean[];
}

const FOOTER = /(<hr><center>)((?:nginx|hopway)(\/[\d.]+)?)(<\/center>)/;
const SERVER_VALUE = /^(?:nginx|hopway)(\/[\d.]+)?$/;
const HTTP_DATE = /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/;
/** A Date further from now than this is not the server's clock but something a backend said. */
const CLOCK_WINDOW_MS = 600_000;

export function clientTranscript(
  seen: Exchange,
  heads: readonly number[],
  substitutions: Substitutions,
): ClientTranscript {
  const parts: string[] = [];
  const footerBytes: number[] = [];
  const chunked: boolean[] = [];
  for (const response of parseResponses(seen.received, heads, seen.end !== "open")) {
    const rendered = renderResponse(response);
    parts.push(rendered.text);
    if (response.interim) continue;
    footerBytes.push(rendered.footerBytes);
    chunked.push(response.framing === "chunked" || isGzip(response));
  }
  const late = seen.timedOut === undefined ? "" : `--- timed out: ${seen.timedOut}\n`;
  const text = substitute(parts.join(""), [...substitutions, [String(seen.localPort), "{client_port}"]]);
  return { text: `${text}${late}--- end: ${seen.end}\n`, footerBytes, chunked };
}

function isGzip({ fields }: ReceivedResponse): boolean {
  return fields.some((line) => line.toLowerCase() === "content-encoding: gzip");
}

/** Compressed bodies are compared by what they hold: their bytes depend on the library. */
function decodedBody(response: ReceivedResponse): string {
  if (response.body === "" || !isGzip(response)) return response.body;
  const bytes = Buffer.from(response.body, "latin1");
  try {
    return gunzipSync(bytes, response.complete ? {} : { finishFlush: constants.Z_SYNC_FLUSH }).latin1Slice();
  } catch {
    return response.body;
  }
}

function renderResponse(response: ReceivedResponse): { readonly text: string; readonly footerBytes: number } {
  const received = decodedBody(response);
  const footer = FOOTER.exec(received);
  const server = fieldValue(response.fields, "server") ?? "";
  let footerBytes = footer?.[2]?.length ?? 0;
  // The answer to HEAD has no body to look at, but its length counts the footer too.
  let hiddenBytes = 0;
  if (response.framing === "none" && response.status >= 300 && fieldValue(response.fields, "etag") === undefined) {
    hiddenBytes = server.length;
  }
  const body = received.replace(FOOTER, (_, open, _name, version, close) => `${open}${token(version)}${close}`);
  const now = Date.parse(fieldValue(response.fields, "date") ?? "");
  const fields = response.fields.map((line) => renderField(line, footerBytes + hiddenBytes, now));
  if (response.framing === "none") footerBytes = 0;
  const framing = response.framing === "length" ? "" : `--- body: ${response.framing}\n`;
  const cut = response.complete ? "" : "--- incomplete\n";
  const trailers = response.trailers.map((line) => `--- trailer: ${line}\n`).join("");
  const head = response.statusLine === "" ? "" : `${[response.statusLine, ...fields].join("\n")}\n\n`;
  return { text: `${head}${body}\n${framing}${trailers}${cut}`, footerBytes };
}

function renderField(line: string, serverBytes: number, now: number): string {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon);
  const value = line.slice(colon + 1).trim();
  switch (name.toLowerCase()) {
    case "server": {
      const match = SERVER_VALUE.exec(value);
      return match === null ? line : `${name}: ${token(match[1])}`;
    }
    case "date":
      return Math.abs(Date.parse(value) - Date.now()) < CLOCK_WINDOW_MS ? `${name}: {now}` : line;
    case "expires": {
      const seconds = (Date.parse(value) - now) / 1000;
      return HTTP_DATE.test(value) && Math.abs(seconds) < 400 * 86_400 ? `${name}: {now ${seconds}s}` : line;
    }
    case "content-length":
      return serverBytes === 0 ? line : `${name}: ${Number(value) - serverBytes} + {server}`;
    default:
      return line;
  }
}

function token(version: string | undefined): string {
  return version === undefined ? "{server}" : "{server/version}";
}

/** What the backends were sent, as text. `ends` says whether to tell how their connections were ended. */
export function upstreamTranscript(
  recorded: readonly (readonly [backend: string, requests: readonly RecordedRequest[]])[],
  ends: boolean,
  substitutions: Substitutions,
): string {
  let text = "";
  for (const [backend, requests] of recorded) {
    for (const { head, body, bodyFraming, tunnel, end } of requests) {
      text += `--- to ${backend}\n${head.replaceAll("\r\n", "\n")}\n\n`;
      if (bodyFraming !== "none") text += `${body}\n--- body: ${bodyFraming}\n`;
      if (tunnel !== "") text += `--- tunnel: ${tunnel}\n`;
      if (ends) text += `--- end: ${end}\n`;
    }
  }
  return substitute(text, substitutions);
}

/** Lines of the access log with the server's name taken out of their first field, `$body_bytes_sent`. */
export function logTranscript(log: string, client: ClientTranscript, substitutions: Substitutions): string {
  const rendered = log
    .split("\n")
    .slice(0, -1)
    .map((line, i) => {
      if (client.chunked[i]) return line.replace(/^\d+/, "{chunks}");
      const server = client.footerBytes[i] ?? 0;
      return server === 0 ? line : line.replace(/^\d+/, (bytes) => `${Number(bytes) - server}+{server}`);
    });
  return substitute(rendered.map((line) => `${line}\n`).join(""), substitutions);
}

/** Workers that start and end, signals: not about requests, and full of pids. */
const PROCESS_LINE = /\[(?:notice|info)\] \d+#\d+: (?!\*\d)/;

/** limit_req: a request that waited its turn for a moment is a few thousandths less ahead of its rate. */
const EXCESS = /(?<=limiting requests.*|delaying request.*)excess: (\d+\.\d{3})/;

/** OpenSSL and BoringSSL have words and numbers of their own for what goes wrong. */
const SSL_REASON = /(?<=handshake\(\) failed )\(SSL: [^)]*\)/g;

/** Lines of the error log without time, pids and connection numbers. */
export function errorTranscript(errorLog: string, substitutions: Substitutions): string {
  const lines = errorLog
    .split("\n")
    .filter((line) => line !== "" && !PROCESS_LINE.test(line))
    .map((line) => line.replace(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d (\[\w+\]) \d+#\d+: (?:\*\d+ )?/, "$1 "))
    .map((line) => line.replace(SSL_REASON, "(SSL: {reason})"))
    .map((line) => line.replace(EXCESS, (_, requests) => `excess: ${Math.round(Number(requests))}`));
  return substitute(lines.map((line) => `${line}\n`).join(""), substitutions);
}

function substitute(text: string, substitutions: Substitutions): string {
  let result = text;
  for (const [literal, name] of substitutions) {
    if (literal === "") continue;
    // A port's number may also be the length that the log has behind the request line, or stand among the hexadecimal
    // digits of a certificate's serial number.
    result = /^\d+$/.test(literal)
      ? result.replace(new RegExp(`(?<!\\w|" )${literal}(?!\\w)`, "g"), name)
      : result.replaceAll(literal, name);
  }
  return result;
}
