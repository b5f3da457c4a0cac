/** A client of one TCP connection that misses nothing: what came, in which order, and how the connection ended. */
import { createHash, randomBytes } from "node:crypto";
import type { Socket } from "bun";

/** Nothing that a drill waits for takes so long, even on a busy machine. */
const PATIENCE_MS = 30_000;
const WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const MASK = Buffer.from([0x12, 0x34, 0x56, 0x78]);
const EMPTY = Buffer.alloc(0);
/** First bytes of frames: whole messages. */
const TEXT = 0x81;
const PING = 0x89;

/** Why a connection was no good, as the drill reports it. */
export class ClientFailure extends Error {}

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

interface Held {
  client: RawClient;
}

const handlers = {
  data: ({ data }: Socket<Held>, chunk: Buffer): void => data.client.onData(chunk),
  end: ({ data }: Socket<Held>): void => data.client.onGone("closed by the server"),
  close: ({ data }: Socket<Held>, error?: Error): void =>
    data.client.onGone(error === undefined ? "closed by the server" : `reset: ${error.message}`),
  error: ({ data }: Socket<Held>, error: Error): void => data.client.onGone(`failed: ${error.message}`),
};

export class RawClient {
  private socket!: Socket<Held>;
  private received: Buffer = EMPTY;
  private gone: string | undefined = undefined;
  private wake: () => void = () => {};
  /** The worker that answered last: `X-Worker`. */
  worker = 0;

  static async connect(port: number): Promise<RawClient> {
    const client = new RawClient();
    try {
      client.socket = await Bun.connect({ hostname: "127.0.0.1", port, data: { client }, socket: handlers });
    } catch (error) {
      throw new ClientFailure(`connect: ${error instanceof Error ? error.message : error}`);
    }
    return client;
  }

  /** Sends a request and reads its whole answer, which has to have a Content-Length or no body. */
  async ask(path: string, headers = ""): Promise<Answer> {
    this.send(`GET ${path} HTTP/1.1\r\nHost: drill\r\n${headers}\r\n`);
    return this.answer();
  }

  /** Sends bytes, one per char, and waits for nothing. */
  send(text: string): void {
    this.socket.write(Buffer.from(text, "latin1"));
  }

  /** Becomes a WebSocket. */
  async upgrade(path: string): Promise<void> {
    const key = randomBytes(16).toString("base64");
    const { status, headers } = await this.ask(
      path,
      `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n`,
    );
    if (status !== 101) throw new ClientFailure(`handshake answered with ${status}`);
    const wanted = createHash("sha1").update(`${key}${WEBSOCKET_GUID}`).digest("base64");
    if (headers.get("sec-websocket-accept") !== wanted) throw new ClientFailure("handshake of somebody else");
  }

  /** Sends a text message (of less than 126 bytes) over the WebSocket and waits for its echo; pings are passed over. */
  async echo(text: string): Promise<void> {
    const payload = Buffer.from(text, "latin1");
    const frame = Buffer.alloc(6 + payload.length);
    frame[0] = TEXT;
    frame[1] = 0x80 | payload.length;
    MASK.copy(frame, 2);
    for (let i = 0; i < payload.length; i++) frame[6 + i] = (payload[i] ?? 0) ^ (MASK[i % 4] ?? 0);
    this.socket.write(frame);
    for (;;) {
      const head = await this.take(2, "an echo");
      const back = (await this.take((head[1] ?? 0) & 0x7f, "an echo's payload")).toString("latin1");
      // The proxy may ask meanwhile whether anybody is there.
      if (head[0] === PING) continue;
      if (head[0] !== TEXT || back !== text) throw new ClientFailure(`echo of "${text}" is "${back}"`);
      return;
    }
  }

  /** What ended the connection; undefined while it is open. */
  get ended(): string | undefined {
    return this.gone;
  }

  close(): void {
    this.socket.end();
  }

  private async answer(): Promise<Answer> {
    const end = await this.headEnd();
    const lines = (await this.take(end, "a head")).toString("latin1").split("\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(lines[0] ?? "")?.[1]);
    if (!(status >= 100)) throw new ClientFailure(`status line "${lines[0]}"`);
    const headers = new Map(
      lines.slice(1).flatMap((line): [string, string][] => {
        const colon = line.indexOf(":");
        return colon < 0 ? [] : [[line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]];
      }),
    );
    this.worker = Number(headers.get("x-worker") ?? this.worker);
    const length = Number(headers.get("content-length") ?? 0);
    return { status, headers, body: (await this.take(length, "a body")).toString("latin1") };
  }

  private async headEnd(): Promise<number> {
    for (;;) {
      const at = this.received.indexOf("\r\n\r\n");
      if (at >= 0) return at + 4;
      await this.more("a head");
    }
  }

  private async take(length: number, what: string): Promise<Buffer> {
    while (this.received.length < length) await this.more(what);
    const taken = this.received.subarray(0, length);
    this.received = this.received.subarray(length);
    return taken;
  }

  private async more(what: string): Promise<void> {
    if (this.gone !== undefined) {
      throw new ClientFailure(`${this.gone} instead of ${what}, after ${this.received.length} bytes of it`);
    }
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      timer = setTimeout(() => {
        this.gone = `no answer in ${PATIENCE_MS} ms`;
        resolve();
      }, PATIENCE_MS);
    });
    clearTimeout(timer);
  }

  onData(chunk: Buffer): void {
    this.received = this.received.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.received, chunk]);
    this.wake();
  }

  onGone(why: string): void {
    this.gone ??= why;
    this.wake();
  }
}

/** As many of `count` tunnels as are not refused, opened at the same time. */
export async function openTunnels(port: number, path: string, count: number): Promise<RawClient[]> {
  const open = async (): Promise<RawClient | undefined> => {
    const client = await RawClient.connect(port);
    try {
      await client.upgrade(path);
      return client;
    } catch (error) {
      if (!(error instanceof ClientFailure)) throw error;
      client.close();
      return undefined;
    }
  };
  const opened = await Promise.all(Array.from({ length: count }, open));
  return opened.filter((client) => client !== undefined);
}
