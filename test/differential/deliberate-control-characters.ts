/** Control characters, above all line ends of decoded paths: nginx writes them as they are into heads and its error log. */
import type { Deliberate } from "./deliberate.ts";

const INJECTED = "what a client writes into a path must not become a line of a head (CWE-113)";
const FORGED = "what a client sends must not begin a line of the log or reach the terminal that shows it (CWE-117)";

function injected(target: string, part: Deliberate["part"], nginx: string, hopway: string): Deliberate {
  return { case: `decoded line ends: GET ${target}%0d%0aX:%20y`, part, nginx, hopway, reason: INJECTED };
}

function forged(name: string, nginx: string, hopway: string): Deliberate {
  return { case: name, part: "errors", nginx, hopway, reason: FORGED };
}

/** A request line that is refused, as a case of its own. */
function refusedLine(line: string, logged: string): Deliberate {
  return forged(`request lines: ${JSON.stringify(line)}`, `"${line}"`, `"${logged}"`);
}

export const DELIBERATE_CONTROL_CHARACTERS: readonly Deliberate[] = [
  injected("/added", "client", "X-Path: /added\nX: y", "X-Path: /added  X: y"),
  injected("/location", "client", "x.test/location\nX: y", "x.test/location%0D%0AX: y"),
  injected("/field", "upstream", "X-Path: /field\nX: y", "X-Path: /field  X: y"),
  injected("/uri", "upstream", "GET /uri\nX: y HTTP/1.1", "GET /uri%0D%0AX: y HTTP/1.1"),
  // The backend answers with the request line as it saw it.
  injected("/uri", "client", "Content-Length: 17", "Content-Length: 36"),
  injected("/uri", "client", "backend GET /uri\n", "backend GET /uri%0D%0AX: y HTTP/1.1\n"),
  injected("/uri", "log", "17 200", "36 200"),
  forged("decoded line ends: GET /file%0d%0aX:%20y%1b%7f", "/file\r\nX: y\x1b\x7f", "/file\\x0D\\x0AX: y\\x1B\\x7F"),
  refusedLine("GET /\x01 HTTP/1.1", "GET /\\x01 HTTP/1.1"),
  refusedLine("GET /\x7f HTTP/1.1", "GET /\\x7F HTTP/1.1"),
  refusedLine("\x16\x03\x01\x02", "\\x16\\x03\\x01\\x02"),
  forged("PROXY protocol: refused: zero byte", "1.2.3.4\0 ", "1.2.3.4\\x00 "),
];
