/** The request that an upstream gets, line by line, with what in the configuration is responsible for each. */
import type { Statement } from "../config/syntax.ts";
import { holdingLine, holdingLines, type Level } from "./level.ts";
import type { ClientRequest } from "./simulate.ts";

/** A line of the request to the upstream, or one of the client's that does not reach it. */
export interface ExplainedLine {
  /** `Name: value`, or the request line. */
  readonly text: string;
  /** The responsible line of the configuration. */
  readonly statement: Statement | undefined;
  /** In a few words, where no line is responsible or where that needs saying. */
  readonly why: string;
}

export interface ExplainedRequest {
  readonly sent: readonly ExplainedLine[];
  readonly notSent: readonly ExplainedLine[];
}

/** Explains a head as `proxy_pass` on a level makes it of a client's request. */
export function explainRequest(head: string, level: Level, request: ClientRequest): ExplainedRequest {
  const [requestLine = "", ...fields] = head.split("\r\n").filter((line) => line !== "");
  const version = holdingLine(level, "proxy_http_version");
  const sent: ExplainedLine[] = [
    {
      text: requestLine,
      statement: version,
      why: version === undefined ? "nginx before 1.29.7 sends HTTP/1.0 here" : "",
    },
  ];
  const sets = holdingLines(level, "proxy_set_header")?.lines ?? [];
  const websocket = holdingLine(level, "websocket");
  const asksForUpgrade = request.headers.some(([name]) => name.toLowerCase() === "upgrade");
  const byWebsocket = asksForUpgrade && (websocket?.args[0] === "on" || websocket?.args[0] === "auto");
  for (const text of fields) {
    const key = nameOf(text);
    if (byWebsocket && (key === "upgrade" || key === "connection")) {
      sent.push({ text, statement: websocket, why: "" });
      continue;
    }
    const statement = sets.find(({ args }) => args[0]?.toLowerCase() === key);
    sent.push({ text, statement, why: statement === undefined ? origin(key, request) : "" });
  }
  const arrived = new Set(fields.map(nameOf));
  const notSent = request.headers
    .filter(([name]) => !arrived.has(name.toLowerCase()))
    .map(([name, value]) => withheld(name, value, sets));
  return { sent, notSent };
}

function nameOf(field: string): string {
  return field.slice(0, field.indexOf(":")).toLowerCase();
}

const OWN = new Set(["host", "connection", "content-length", "transfer-encoding"]);

function origin(key: string, request: ClientRequest): string {
  if (key === "host") return "by default the name in proxy_pass";
  if (OWN.has(key)) return "made by the proxy";
  return request.headers.some(([name]) => name.toLowerCase() === key) ? "from the client" : "";
}

function withheld(name: string, value: string, sets: readonly Statement[]): ExplainedLine {
  const text = `${name}: ${value}`;
  const statement = sets.find(({ args }) => args[0]?.toLowerCase() === name.toLowerCase());
  if (statement !== undefined) return { text, statement, why: "its value is empty here" };
  const hopByHop = /^(?:connection|upgrade|keep-alive|te|transfer-encoding|expect)$/i.test(name);
  return { text, statement, why: hopByHop ? "meant for one hop: only proxy_set_header passes it" : "" };
}
