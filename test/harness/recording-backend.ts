/** A backend that records the exact bytes it is sent and answers with scripted bytes, well-formed or not. */
import type { Socket, SocketListener } from "bun";
import { type BackendWire, WIRES } from "./backend-wire.ts";
import { freePort } from "./ports.ts";
import { decodeChunked, fieldValue } from "./response-stream.ts";

/** One thing that the backend does. A string is sent as it is, one byte per char. */
export type BackendStep =
  | string
  | { readonly pauseMs: number }
  /** Goes on when the gateway has dealt with all that was sent to it. */
  | { readonly quiet: true }
  /** Goes on when the client has received the text. */
  | { readonly waitClient: string }
  /** Goes on when the client or the gateway has left: what follows is late. */
  | { readonly late: true }
  | { readonly fin: true }
  | { readonly reset: true }
  /** Sends back whatever comes from now on, and records it; answers FIN with FIN. */
  | { readonly echo: true }
  /** Records whatever comes from now on. */
  | { readonly sink: true }
  /** Goes on when the bytes taken by `echo` or `sink` hold the text, or the connection has ended. */
  | { readonly waitFor: string }
  /** Goes on when the other side has closed. */
  | { readonly waitEnd: true };

export const QUIET: BackendStep = { quiet: true };
export const LATE: BackendStep = { late: true };
export const FIN: BackendStep = { fin: true };
export const CUT: BackendStep = { reset: true };
export const ECHO: BackendStep = { echo: true };
export const SINK: BackendStep = { sink: true };

/** What the backend does for a request. */
export interface Behaviour {
  /** Whether it starts when the head is there, or (the default) when the body is there too. */
  readonly at?: "head" | "request";
  readonly steps: readonly BackendStep[];
}

/** One request as received. */
export interface RecordedRequest {
  /** Request line and fields as received, without the empty line. */
  head: string;
  /** Decoded when it came in chunks. */
  body: string;
  bodyFraming: "none" | "length" | "chunked";
  /** What came after the upgrade, or after a `sink`. */
  tunnel: string;
  /** How the other side left, as far as that has happened. */
  end: "open" | "fin" | "reset";
}

interface BackendConnection {
  buffer: string;
  state: "head" | "body" | "answering" | "echo" | "sink" | "done";
  current: RecordedRequest | undefined;
  outgoing: Buffer;
  gone: boolean;
  peerFin: boolean;
}

/** A port of 127.0.0.1 or the path of a unix socket. */
export type ListenAt = { readonly port: number } | { readonly unix: string };

/** How long `settle` and the steps wait for what does not come. */
const WAIT_LIMIT_MS = 30_000;
/** For a gateway that nothing is known about: long enough to see two sends as two reads. */
const QUIET_MS = 15;

/** What a backend can know of the rest of the test. */
export interface BackendSurroundings {
  /** Resolves when the gateway has dealt with everything that was sent to it. */
  quiet(): Promise<void>;
  /** All that the client has received by now. */
  clientGot(): string;
  /** The client is through. */
  clientLeft(): boolean;
}

const NOWHERE: BackendSurroundings = {
  quiet: () => Bun.sleep(QUIET_MS),
  clientGot: () => "",
  clientLeft: () => false,
};

/**
 * Speaks HTTP unless told otherwise. Picks the behaviour of a request: the value of its `X-Behave` field, else the last segment of its path without the
 * query; a name that the table does not hold gets `plain`, which names the backend and echoes the request line.
 */
export class RecordingBackend {
  /** Port of 127.0.0.1, or 0 on a unix socket. */
  readonly port: number;
  around: BackendSurroundings = NOWHERE;
  private readonly name: string;
  private readonly behaviours: ReadonlyMap<string, Behaviour>;
  private readonly listener: SocketListener<BackendConnection>;
  private readonly open = new Set<BackendConnection>();
  private readonly wire: BackendWire;
  private recorded: RecordedRequest[] = [];

  constructor(
    name: string,
    behaviours: Readonly<Record<string, Behaviour>>,
    at: ListenAt = { port: freePort() },
    wire: keyof typeof WIRES = "http",
  ) {
    this.name = name;
    this.wire = WIRES[wire];
    this.behaviours = new Map(Object.entries(behaviours));
    const socket = this.handlers();
    this.port = "port" in at ? at.port : 0;
    this.listener =
      "port" in at
        ? Bun.listen({ hostname: "127.0.0.1", port: at.port, socket, allowHalfOpen: true })
        : Bun.listen({ unix: at.unix, socket, allowHalfOpen: true });
  }

  /** The requests since the last call, in the order in which they came in. */
  take(): RecordedRequest[] {
    const taken = this.recorded;
    this.recorded = [];
    return taken;
  }

  /** Whether a request since the last `take` holds the text. */
  got(text: string): boolean {
    return this.recorded.some(({ head, body, tunnel }) => `${head}\r\n\r\n${body}${tunnel}`.includes(text));
  }

  /** Waits until no connection is in the middle of a request, an answer or a tunnel, or until that takes too long. */
  async settle(): Promise<void> {
    const deadline = Date.now() + WAIT_LIMIT_MS;
    while (Date.now() < deadline && this.busy) await Bun.sleep(2);
  }

  /** A connection is in the middle of a request, an answer or a tunnel. */
  get busy(): boolean {
    return [...this.open].some((c) => c.state !== "head" || c.buffer !== "");
  }

  stop(): void {
    this.listener.stop(true);
  }

  private handlers(): Bun.SocketHandler<BackendConnection> {
    return {
      binaryType: "buffer",
      open: (socket) => {
        socket.data = {
          buffer: "",
          state: "head",
          current: undefined,
          outgoing: Buffer.alloc(0),
          gone: false,
          peerFin: false,
        };
        this.open.add(socket.data);
      },
      data: (socket, chunk) => this.receive(socket, chunk.toString("latin1")),
      drain: flush,
      end: (socket) => {
        const connection = socket.data;
        connection.peerFin = true;
        if (connection.current !== undefined && connection.current.end === "open") connection.current.end = "fin";
        if (connection.state !== "answering" && connection.state !== "sink") socket.end();
      },
      close: (socket, error) => {
        const connection = socket.data;
        connection.gone = true;
        this.open.delete(connection);
        if (connection.current !== undefined && connection.current.end === "open") {
          connection.current.end = error === undefined ? "fin" : "reset";
        }
      },
      error: () => {},
    };
  }

  private receive(socket: Socket<BackendConnection>, bytes: string): void {
    const connection = socket.data;
    if (connection.state === "echo" || connection.state === "sink") {
      if (connection.current !== undefined) connection.current.tunnel += bytes;
      if (connection.state === "echo") write(socket, bytes);
      return;
    }
    connection.buffer += bytes;
    this.advance(socket);
  }

  private advance(socket: Socket<BackendConnection>): void {
    const connection = socket.data;
    if (connection.state === "head") {
      const taken = this.wire.takeHead(connection.buffer);
      if (taken === undefined) return;
      const { head } = taken;
      connection.buffer = connection.buffer.slice(taken.end);
      const request: RecordedRequest = { head, body: "", bodyFraming: "none", tunnel: "", end: "open" };
      connection.current = request;
      this.recorded.push(request);
      connection.state = "body";
      const behaviour = this.behaviourOf(head);
      if (behaviour.at === "head") {
        connection.state = "answering";
        void this.answer(socket, behaviour);
        return;
      }
    }
    if (connection.state === "body" && takeBody(connection, this.wire)) {
      connection.state = "answering";
      void this.answer(socket, this.behaviourOf(connection.current?.head ?? ""));
    }
  }

  private behaviourOf(head: string): Behaviour {
    const [requestLine = "", ...fields] = head.split("\r\n");
    const path = (requestLine.split(" ")[1] ?? "").split("?")[0] ?? "";
    const named = fieldValue(fields, this.wire.behaveField) ?? path.slice(path.lastIndexOf("/") + 1);
    return this.behaviours.get(named) ?? { steps: [plainAnswer(`${this.name} ${requestLine}\n`)] };
  }

  private async answer(socket: Socket<BackendConnection>, behaviour: Behaviour): Promise<void> {
    const connection = socket.data;
    for (const step of joined(behaviour.steps)) {
      if (connection.gone) return;
      if (typeof step === "string") write(socket, step);
      else if ("pauseMs" in step) await pause(connection, step.pauseMs);
      else if ("quiet" in step) await this.around.quiet();
      else if ("waitClient" in step)
        await until(() => connection.gone || this.around.clientGot().includes(step.waitClient));
      else if ("late" in step) {
        await until(() => connection.gone || connection.peerFin || this.around.clientLeft());
        await this.around.quiet();
      } else if ("waitFor" in step)
        await until(() => connection.gone || connection.current?.tunnel.includes(step.waitFor) === true);
      else if ("waitEnd" in step) await until(() => connection.gone || connection.peerFin);
      else if ("fin" in step) {
        await until(() => connection.gone || connection.outgoing.length === 0);
        socket.shutdown();
        if (connection.peerFin) socket.end();
      } else if ("reset" in step) socket.terminate();
      else {
        connection.state = "echo" in step ? "echo" : "sink";
        const early = connection.buffer;
        connection.buffer = "";
        if (early !== "") this.receive(socket, early);
      }
    }
    if (connection.peerFin) socket.end();
    if (connection.state !== "answering") return;
    const finished = behaviour.steps.some((step) => typeof step !== "string" && "fin" in step);
    connection.state = finished ? "done" : "head";
    if (!finished && connection.buffer !== "") this.advance(socket);
  }
}

/** A complete 200 response with `Content-Length` and the fields given. */
export function plainAnswer(body: string, ...fields: readonly string[]): string {
  const lines = ["HTTP/1.1 200 OK", ...fields, "Content-Type: text/plain", `Content-Length: ${body.length}`];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

/** Takes the body out of the buffer; false while it is not all there. */
function takeBody(connection: BackendConnection, wire: BackendWire): boolean {
  const request = connection.current;
  if (request === undefined) return true;
  const fields = request.head.split("\r\n").slice(1);
  if (fieldValue(fields, "transfer-encoding") !== undefined) {
    const chunks = decodeChunked(connection.buffer, 0);
    request.body = chunks.body;
    request.bodyFraming = "chunked";
    if (!chunks.complete) return false;
    connection.buffer = connection.buffer.slice(chunks.end);
    return true;
  }
  const length = fieldValue(fields, wire.lengthField);
  if (length === undefined || length === "") return true;
  const bytes = Number(length);
  request.body = connection.buffer.slice(0, bytes);
  request.bodyFraming = "length";
  if (connection.buffer.length < bytes) return false;
  connection.buffer = connection.buffer.slice(bytes);
  return true;
}

function write(socket: Socket<BackendConnection>, bytes: string): void {
  const connection = socket.data;
  connection.outgoing = Buffer.concat([connection.outgoing, Buffer.from(bytes, "latin1")]);
  flush(socket);
}

function flush(socket: Socket<BackendConnection>): void {
  const connection = socket.data;
  if (connection.outgoing.length === 0) return;
  const written = socket.write(connection.outgoing);
  if (written < 0) connection.outgoing = Buffer.alloc(0);
  else connection.outgoing = connection.outgoing.subarray(written);
}

/** Texts side by side as one, so that they go out in one write: how bytes are cut into packets is part of the script. */
function joined(steps: readonly BackendStep[]): BackendStep[] {
  const result: BackendStep[] = [];
  for (const step of steps) {
    const last = result.at(-1);
    if (typeof step === "string" && typeof last === "string") result[result.length - 1] = last + step;
    else result.push(step);
  }
  return result;
}

/** Cut short when the other side leaves: whoever waits for the rest is gone. */
async function pause(connection: BackendConnection, milliseconds: number): Promise<void> {
  const end = Date.now() + milliseconds;
  while (Date.now() < end && !connection.gone && !connection.peerFin) await Bun.sleep(Math.min(5, milliseconds));
}

async function until(done: () => boolean): Promise<void> {
  const deadline = Date.now() + WAIT_LIMIT_MS;
  while (!done() && Date.now() < deadline) await Bun.sleep(1);
}
