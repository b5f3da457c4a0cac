/** What clients try, and what they see. */
import { exchange, type Target, WAIT_END } from "../../harness/exchange.ts";
import type { Gateway } from "../../harness/gateway.ts";
import type { BackendHabits, StrictBackend } from "../strict-backend.ts";

/** Longer than any of the timeouts under test that cut a tunnel. */
const LIVES_MS = 3_000;

/** What a client can try. */
export interface Scene {
  readonly port: number;
  readonly gateway: Gateway;
  readonly backends: readonly StrictBackend[];
}

/** Tries something and says what came of it. */
export type Look = (scene: Scene) => Promise<string>;

/** Sends a request and gives the status; "closed" for none. */
export async function status(target: Target, text: string): Promise<string> {
  const { received } = await exchange(target, [text, { waitFor: "\r\n\r\n" }]);
  return /^HTTP\/1\.\d (\d+)/.exec(received)?.[1] ?? "closed";
}

/** A browser's handshake with a path of example.com, perhaps with more fields. */
export function handshakeText(path: string, ...fields: readonly string[]): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    "Host: example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    "Origin: http://example.com",
    ...fields,
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** The status that a handshake gets. */
export const handshake =
  (path = "/ws/", ...fields: readonly string[]): Look =>
  ({ port }) =>
    status(port, handshakeText(path, ...fields));
/** The status that a plain GET gets. */
export const get =
  (path: string, ...fields: readonly string[]): Look =>
  ({ port }) =>
    status(
      port,
      `GET ${path} HTTP/1.1\r\nHost: example.com\r\n${fields.map((line) => `${line}\r\n`).join("")}Connection: close\r\n\r\n`,
    );
/** The status that a small POST gets. */
export const post =
  (path: string): Look =>
  ({ port }) =>
    status(port, `POST ${path} HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\n\r\na=b`);

/** A second client's handshake while the first client's WebSocket is open. */
export const secondOf =
  (path: string): Look =>
  async (scene) => {
    let second = "";
    await exchange(
      scene.port,
      [handshakeText(path, "X-Forwarded-For: 203.0.113.1"), { waitFor: "101" }, { settle: () => false }],
      [],
      undefined,
      {
        quiet: async () => {
          second = await handshake(path, "X-Forwarded-For: 203.0.113.2")(scene);
        },
        upstreamGot: () => true,
      },
    );
    return second;
  };

/** A field of the answer; "" where it is not there. */
export const answerField =
  (name: string, request: string): Look =>
  async ({ port }) => {
    const { received } = await exchange(port, [request, { waitFor: "\r\n\r\n" }]);
    return new RegExp(`^${name}: (.*)\r$`, "im").exec(received)?.[1] ?? "";
  };

/** On a machine that stands still a backend may answer too late for the timeouts here. */
const TUNNEL_TRIES = 10;

/** Whether a tunnel that nobody says anything on is cut. */
export const idle =
  (path = "/ws/"): Look =>
  async ({ port }) => {
    let seen = "";
    for (let i = 0; i < TUNNEL_TRIES && !seen.startsWith("101"); i++) {
      const { received, end } = await exchange(
        port,
        [handshakeText(path), { waitFor: "\r\n\r\n" }, WAIT_END],
        [],
        LIVES_MS,
      );
      seen = `${received.slice(9, 12)} ${end === "open" ? "lives" : "cut"}`;
    }
    return seen;
  };

/** A symptom: what is seen with a configuration, and once it is mended. */
export interface Row {
  readonly rule: string;
  /** Inside `http`; `{port}`, `{backend}`, `{backend2}`, `{tls}`, `{root}`. */
  readonly config: string;
  readonly habits?: BackendHabits;
  readonly habits2?: BackendHabits;
  readonly look: Look;
  readonly broken: string;
  readonly healed: string;
  /** What people do, where `--fix` leaves it to them. */
  readonly byHand?: (text: string) => string;
  readonly appPingMs?: number;
  /** Time matters: it is tried alone, as the others keep the machine busy for seconds. */
  readonly timed?: true;
}
