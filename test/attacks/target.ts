/** What attacks are tried on: a gateway in front of a recording backend. */
import { afterAll, beforeAll } from "bun:test";
import { type End, exchange } from "../harness/exchange.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { type Behaviour, RecordingBackend } from "../harness/recording-backend.ts";
import { parseResponses } from "../harness/response-stream.ts";

/** A running target; filled in before the tests of a file run. */
export interface Target {
  gateway: Gateway;
  port: number;
  backend: RecordingBackend;
}

/** Starts one for all tests of a file. `server` is the inside of its server block, `http` stands before it. */
export function attackTarget(
  server: string,
  behaviours: Readonly<Record<string, Behaviour>> = {},
  http = "",
  root = "{prefix}",
): Target {
  const target = {} as Target;
  beforeAll(async () => {
    target.port = freePort();
    target.backend = new RecordingBackend("backend", behaviours);
    const fill = (text: string): string =>
      text.replaceAll("{backend}", `127.0.0.1:${target.backend.port}`).replaceAll("{root}", root);
    target.gateway = await startHopway(`{main}
error_log {prefix}/error.log info;
events { worker_connections 512; }
http {
  {temp_paths}
  access_log {prefix}/access.log;
${fill(http)}
  server {
    listen 127.0.0.1:${target.port};
    location = /the-last-one { return ${LAST_STATUS} "end"; }
${fill(server)}
  }
}
`);
  });
  afterAll(async () => {
    await target.gateway.stop();
    target.gateway.remove();
    target.backend.stop();
  });
  return target;
}

/** What came of one connection. */
export interface Outcome {
  /** Status codes of the responses, 1xx included. */
  readonly statuses: readonly number[];
  readonly received: string;
  /** The connection was kept for another request. */
  readonly wasOpen: boolean;
  readonly end: End;
  /** Request lines that the backend got. */
  readonly asked: readonly string[];
}

/** Sent last: if it is answered, then so has been every request that the gateway saw in what came before. */
const LAST_STATUS = 299;
const LAST = "GET /the-last-one HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/** Sends bytes, waits for `responses` responses, and looks at what else comes of them until the connection ends. */
export async function attack(target: Target, bytes: string, responses = 1): Promise<Outcome> {
  target.backend.take();
  const steps = [bytes, { waitResponses: responses }, LAST, { waitEnd: true }] as const;
  const { received, end, timedOut } = await exchange(target.port, steps);
  if (timedOut !== undefined) throw new Error(`${timedOut} did not happen; received ${JSON.stringify(received)}`);
  await target.backend.settle();
  const statuses = parseResponses(received, [], true).map(({ status }) => status);
  const wasOpen = statuses.at(-1) === LAST_STATUS;
  return {
    statuses: wasOpen ? statuses.slice(0, -1) : statuses,
    wasOpen,
    received,
    end,
    asked: target.backend.take().map(({ head }) => head.split("\r\n")[0] ?? ""),
  };
}

/** A head of lines. */
export function head(...lines: readonly string[]): string {
  return `${lines.join("\r\n")}\r\n\r\n`;
}
