/** Both ends of a WebSocket as bytes: what a test wants to send, and all that came, whatever a real peer would say. */
import { createHash, randomBytes } from "node:crypto";
import type { Socket, TCPSocketListener } from "bun";

/** Generous: the machine may be busy. */
const PATIENCE_MS = 30_000;
const MAX_SHOWN_BYTES = 100;
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** One end of a connection. */
export class RawPeer {
  socket!: Socket<RawPeer>;
  private chunks: Buffer[] = [];
  /** How the connection ended: undefined while it is open. */
  gone: "FIN" | "reset" | undefined = undefined;
  private wakes: (() => void)[] = [];

  /** All bytes that came and were not taken yet. */
  get received(): Buffer {
    if (this.chunks.length !== 1) this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0]!;
  }

  set received(bytes: Buffer) {
    this.chunks = [bytes];
  }

  onData(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.changed();
  }

  write(...parts: readonly (Buffer | string)[]): void {
    const bytes = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part)));
    this.unsent = Buffer.concat([this.unsent, bytes]);
    this.flush();
  }

  private unsent: Buffer = Buffer.alloc(0);

  flush(): void {
    if (this.unsent.length === 0) return;
    const taken = this.socket.write(this.unsent);
    if (taken > 0) this.unsent = this.unsent.subarray(taken);
  }

  /** One byte after the other, each in a segment of its own as far as the system lets it. */
  async writeSlowly(bytes: Buffer): Promise<void> {
    for (const byte of bytes) {
      this.socket.write(Buffer.from([byte]));
      await Bun.sleep(1);
    }
  }

  /** Takes the next `count` bytes. */
  async take(count: number): Promise<Buffer> {
    await this.until(() => this.received.length >= count, `${count} bytes`);
    const taken = this.received.subarray(0, count);
    this.received = this.received.subarray(count);
    return taken;
  }

  /** Takes everything up to and with `mark`. */
  async takeUntil(mark: string): Promise<string> {
    await this.until(() => this.received.includes(mark), JSON.stringify(mark));
    return (await this.take(this.received.indexOf(mark) + mark.length)).latin1Slice();
  }

  /** Takes the next frame, unmasked. */
  async frame(): Promise<TakenFrame> {
    await this.until(() => frameLength(this.received) <= this.received.length, "a frame");
    return readFrame(await this.take(frameLength(this.received)));
  }

  /** Resolves when the connection has ended. */
  async end(): Promise<"FIN" | "reset"> {
    await this.until(() => this.gone !== undefined, "the end");
    return this.gone!;
  }

  /** Reads nothing until `resume`. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  close(): void {
    this.socket.end();
  }

  reset(): void {
    this.socket.terminate();
  }

  changed(): void {
    for (const wake of this.wakes.splice(0)) wake();
  }

  private async until(met: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!met()) {
      const leftMs = deadline - Date.now();
      const ended = this.gone !== undefined && what !== "the end";
      if (leftMs <= 0 || ended) {
        throw new Error(
          `waited for ${what}, got ${this.received.subarray(0, MAX_SHOWN_BYTES).toString("hex") || "nothing"}, ${this.gone ?? "still open"}`,
        );
      }
      await Promise.race([new Promise<void>((resolve) => this.wakes.push(resolve)), Bun.sleep(leftMs)]);
    }
  }
}

/** A frame that came. */
export interface TakenFrame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  readonly payload: Buffer;
}

/** Bytes of the first frame; Infinity where that is not known yet. */
function frameLength(bytes: Buffer): number {
  if (bytes.length < 2) return Number.POSITIVE_INFINITY;
  const masked = (bytes[1]! & 0x80) !== 0;
  const short = bytes[1]! & 0x7f;
  const head = (short === 126 ? 4 : short === 127 ? 10 : 2) + (masked ? 4 : 0);
  if (bytes.length < head) return Number.POSITIVE_INFINITY;
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  return head + length;
}

/** Takes a whole frame apart. */
export function readFrame(bytes: Buffer): TakenFrame {
  const masked = (bytes[1]! & 0x80) !== 0;
  const short = bytes[1]! & 0x7f;
  const keyAt = short === 126 ? 4 : short === 127 ? 10 : 2;
  const payload = Buffer.from(bytes.subarray(keyAt + (masked ? 4 : 0)));
  if (masked) for (let i = 0; i < payload.length; i++) payload[i]! ^= bytes[keyAt + (i & 3)]!;
  return { fin: (bytes[0]! & 0x80) !== 0, rsv: (bytes[0]! >> 4) & 7, opcode: bytes[0]! & 15, masked, payload };
}

/** The code and the reason of a Close frame, as `1000 bye`. */
export function closeText({ opcode, payload }: TakenFrame): string {
  if (opcode !== 8) return `no Close, but opcode ${opcode}`;
  return payload.length < 2 ? "no code" : `${payload.readUInt16BE(0)} ${payload.subarray(2)}`.trimEnd();
}

const handlers = {
  data({ data }: Socket<RawPeer>, chunk: Buffer): void {
    data.onData(chunk);
  },
  drain({ data }: Socket<RawPeer>): void {
    data.flush();
  },
  end({ data }: Socket<RawPeer>): void {
    data.gone ??= "FIN";
    data.changed();
  },
  close({ data }: Socket<RawPeer>, error?: Error): void {
    data.gone ??= error === undefined ? "FIN" : "reset";
    data.changed();
  },
  error({ data }: Socket<RawPeer>): void {
    data.gone ??= "reset";
    data.changed();
  },
};

/** A server that accepts connections one by one. */
export interface RawServer {
  readonly port: number;
  /** The next connection. */
  accept(): Promise<RawPeer>;
  stop(): void;
}

/** Listens on a port of 127.0.0.1. */
export function listenRaw(): RawServer {
  const waiting: RawPeer[] = [];
  const wanted: ((peer: RawPeer) => void)[] = [];
  const listener: TCPSocketListener<RawPeer> = Bun.listen<RawPeer>({
    hostname: "127.0.0.1",
    port: 0,
    allowHalfOpen: true,
    socket: {
      ...handlers,
      open(socket) {
        const peer = new RawPeer();
        peer.socket = socket;
        socket.data = peer;
        const want = wanted.shift();
        if (want === undefined) waiting.push(peer);
        else want(peer);
      },
    },
  });
  return {
    port: listener.port,
    accept(): Promise<RawPeer> {
      const peer = waiting.shift();
      return peer === undefined ? new Promise((resolve) => wanted.push(resolve)) : Promise.resolve(peer);
    },
    stop: () => listener.stop(true),
  };
}

/** Connects to a port of 127.0.0.1. */
export async function connectRaw(port: number): Promise<RawPeer> {
  const peer = new RawPeer();
  peer.socket = await Bun.connect<RawPeer>({
    hostname: "127.0.0.1",
    port,
    allowHalfOpen: true,
    data: peer,
    socket: handlers,
  });
  return peer;
}

/** `Sec-WebSocket-Accept` for a key. */
export function acceptFor(key: string): string {
  return createHash("sha1")
    .update(key + GUID)
    .digest("base64");
}

/** Opens a WebSocket through a gateway: both ends, with everything of the handshake taken. */
export async function openWebSocket(
  gatewayPort: number,
  server: RawServer,
  form: { readonly path?: string; readonly request?: string; readonly answer?: string; readonly behind?: Buffer } = {},
): Promise<{
  readonly client: RawPeer;
  readonly upstream: RawPeer;
  readonly head: string;
  readonly requestHead: string;
}> {
  const key = randomBytes(16).toString("base64");
  const client = await connectRaw(gatewayPort);
  client.write(
    `GET ${form.path ?? "/"} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${form.request ?? ""}\r\n`,
  );
  const upstream = await server.accept();
  const requestHead = await upstream.takeUntil("\r\n\r\n");
  upstream.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${acceptFor(key)}\r\n${form.answer ?? ""}\r\n`,
    form.behind ?? "",
  );
  const head = await client.takeUntil("\r\n\r\n");
  return { client, upstream, head, requestHead };
}
