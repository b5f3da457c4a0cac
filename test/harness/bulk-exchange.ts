/** Long exchanges through a gateway, by plain HTTP or a tunnel: whoever reads rests again and again. */
import { readFileSync } from "node:fs";
import type { Socket, SocketListener } from "bun";
import { type BulkOwner, BulkReader, BulkSender, bulkHandlers, type StreamSum, type Wrapping } from "./bulk-stream.ts";
import type { CertificateFiles } from "./certificates.ts";
import { freePort } from "./ports.ts";

const MIB = 1024 * 1024;
/** The reader rests whenever it has taken so many bytes. */
const STRIDE_BYTES = 12 * MIB;
/** A sender that gets rid of nothing for so long stands still: the reader may go on. */
const STANDSTILL_MS = 40;

const HANDSHAKE =
  "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/** What was sent, and what arrived. */
export interface BulkSums {
  readonly sent: StreamSum;
  readonly read: StreamSum;
}

const emptyOwner = (onHead: BulkOwner["onHead"]): BulkOwner => ({
  head: undefined,
  sender: undefined,
  reader: undefined,
  onHead,
});

/** A backend that answers downloads and takes uploads, as responses and bodies or through tunnels (`/up`, `/down`). */
export class BulkBackend {
  readonly port = freePort();
  private readonly listener: SocketListener<BulkOwner>;
  private readonly totalBytes: number;
  /** The connection of the exchange that runs. */
  private current: BulkOwner | undefined;

  /** `tls`: speaks it with this certificate. */
  constructor(totalBytes: number, tls?: CertificateFiles) {
    this.totalBytes = totalBytes;
    this.listener = Bun.listen<BulkOwner>({
      hostname: "127.0.0.1",
      port: this.port,
      allowHalfOpen: true,
      ...(tls !== undefined && { tls: { cert: readFileSync(tls.certificate), key: readFileSync(tls.key) } }),
      socket: {
        ...bulkHandlers,
        open: (socket) => {
          socket.data = emptyOwner((client, head) => this.answer(client, head));
        },
      },
    });
  }

  stop(): void {
    this.listener.stop(true);
  }

  /** A download of `path` through the gateway at `port`. */
  async download(port: number, path: string, tls: boolean): Promise<BulkSums> {
    return await this.exchange(port, tls, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`, "down", "none");
  }

  async upload(port: number, path: string, tls: boolean): Promise<BulkSums> {
    const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${this.totalBytes}\r\n\r\n`;
    return await this.exchange(port, tls, head, "up", "none");
  }

  /** Through a tunnel; the last part of the path is the direction. */
  async tunnel(port: number, path: string, tls: boolean, direction: "up" | "down"): Promise<BulkSums> {
    const head = `GET ${path}/${direction} HTTP/1.1\r\n${HANDSHAKE}`;
    return await this.exchange(port, tls, head, direction, "masked frames");
  }

  private async exchange(
    port: number,
    tls: boolean,
    head: string,
    direction: "up" | "down",
    wrapping: Wrapping,
  ): Promise<BulkSums> {
    this.current = undefined;
    const afterHead = wrapping !== "none" && direction === "up";
    const secure = Promise.withResolvers<void>();
    const client = await Bun.connect<BulkOwner>({
      hostname: "127.0.0.1",
      port,
      allowHalfOpen: true,
      data: emptyOwner((socket) => {
        if (direction === "down") socket.data.reader = new BulkReader(socket, STRIDE_BYTES);
        else if (afterHead) this.send(socket, wrapping, () => {});
      }),
      ...(tls && { tls: { rejectUnauthorized: false } }),
      socket: { ...bulkHandlers, handshake: () => secure.resolve() },
    });
    if (tls) await secure.promise;
    client.write(head);
    if (direction === "up" && !afterHead) this.send(client, wrapping, () => {});
    const [sending, reading] =
      direction === "down"
        ? ([() => this.current?.sender, () => client.data.reader] as const)
        : ([() => client.data.sender, () => this.current?.reader] as const);
    const sums = await untilThrough(sending, reading);
    client.end();
    return sums;
  }

  private answer(socket: Socket<BulkOwner>, head: string): void {
    const owner = socket.data;
    this.current = owner;
    if (head.startsWith("POST ")) {
      owner.reader = new BulkReader(socket, STRIDE_BYTES);
      return;
    }
    if (/upgrade: websocket/i.test(head)) {
      socket.write(SWITCHING);
      if (head.includes("/up ")) owner.reader = new BulkReader(socket, STRIDE_BYTES);
      else this.send(socket, "frames", () => socket.end());
      return;
    }
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${this.totalBytes}\r\n\r\n`);
    this.send(socket, "none", () => {});
  }

  private send(socket: Socket<BulkOwner>, wrapping: Wrapping, onDone: () => void): void {
    const sender = new BulkSender(socket, this.totalBytes, wrapping, onDone);
    socket.data.sender = sender;
    sender.pump();
  }
}

/** Wakes the reader each time when the sender has come to a standstill; returns both sums at the end. */
async function untilThrough(
  sending: () => BulkSender | undefined,
  reading: () => BulkReader | undefined,
): Promise<BulkSums> {
  for (;;) {
    await Bun.sleep(1);
    const sender = sending();
    const reader = reading();
    if (sender?.done === true && reader?.sum.bytes === sender.sum.bytes) return { sent: sender.sum, read: reader.sum };
    if (reader?.resting !== true || sender === undefined) continue;
    let before = -1;
    while (before !== sender.sum.bytes) {
      before = sender.sum.bytes;
      await Bun.sleep(STANDSTILL_MS);
    }
    reader.goOn();
  }
}
