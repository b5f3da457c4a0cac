/** `hopway explain`. */
import { modules } from "../modules/list.ts";
import { setDefaultErrorLog } from "../net/error-log.ts";
import { LogFile } from "../net/log-file.ts";
import type { GivenOptions } from "../usage/command-table.ts";
import { paintFor } from "../usage/paint.ts";
import { complain, printBytes } from "../usage/print.ts";
import { wantedRequest } from "./client-request.ts";
import { explain } from "./explanation.ts";
import { openSource } from "./open-config.ts";
import { readConfig } from "./read-config.ts";
import { explanationJson } from "./report-json.ts";
import { explanationText } from "./report-text.ts";
import { Simulation } from "./simulate.ts";

const FAILED = 2;

/** Runs it; the exit code. */
export async function run(options: GivenOptions): Promise<number> {
  const { mainPath, source } = openSource(options.value("-c"));
  const read = readConfig(mainPath, source);
  if (read.files.length === 0) return failed(read.error?.message ?? mainPath);
  const [url = ""] = options.words;
  const wanted = wantedRequest(url, {
    method: options.value("-X"),
    headers: options.values("-H"),
    from: options.value("--from"),
    at: options.value("--at"),
  });
  if (typeof wanted === "string") return failed(wanted);
  // What requests would have logged is of no interest to whoever asks.
  setDefaultErrorLog(new LogFile("/dev/null"));
  const simulation = await Simulation.of(modules, read);
  if (typeof simulation === "string") return failed(`${read.mainPath}: ${simulation}`);
  const { request, isHandshake } = wanted;
  const title = `${request.method} ${url}${isHandshake ? " (a WebSocket handshake)" : ""}`;
  const explanation = explain(simulation, read, request, title);
  if (explanation === undefined) {
    const ports = simulation.ports.join(", ");
    return failed(
      ports === ""
        ? "the configuration has no server"
        : `nothing listens on port ${request.port}, but on ${ports}: say --at PORT if requests come in there`,
    );
  }
  const text = options.has("--json")
    ? `${explanationJson(explanation)}\n`
    : explanationText(explanation, paintFor(process.stdout));
  printBytes(text);
  return 0;
}

function failed(message: string): number {
  complain(message);
  return FAILED;
}
