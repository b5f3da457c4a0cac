/** Long streams of bytes that nobody has to hold: a sender and a reader that keep a count and a checksum. */
import type { Socket } from "bun";

/** Sum of a stream so far. */
export interface StreamSum {
  bytes: number;
  crc: number;
}

/** Payload of one frame, and what is written at once. */
const BLOCK_BYTES = 64 * 1024;
/** A WebSocket head with a length of 64 bits, the mask included. */
const LONGEST_HEAD_BYTES = 14;

/** How the bytes are wrapped: not at all, or as binary WebSocket messages of one block each. */
export type Wrapping = "none" | "frames" | "masked frames";

/** Sends `total` bytes (wrapping not counted) as fast as the socket takes them. Every block differs from the others. */
export class BulkSender {
  readonly sum: StreamSum = { bytes: 0, crc: 0 };
  private readonly socket: Socket<BulkOwner>;
  private left: number;
  private readonly wrapping: Wrapping;
  private block = Buffer.alloc(0);
  private blockAt = 0;
  private count = 0;
  private readonly onDone: () => void;
  private readonly content = Buffer.alloc(LONGEST_HEAD_BYTES + BLOCK_BYTES);

  constructor(socket: Socket<BulkOwner>, total: number, wrapping: Wrapping, onDone: () => void) {
    this.socket = socket;
    this.left = total;
    this.wrapping = wrapping;
    this.onDone = onDone;
    for (let i = 0; i < this.content.length; i++) this.content[i] = (i * 2_654_435_761) >>> 13;
  }

  get done(): boolean {
    return this.left === 0 && this.blockAt === this.block.length;
  }

  /** Goes on, now and on every drain event. */
  pump(): void {
    for (;;) {
      if (this.blockAt === this.block.length) {
        if (this.left === 0) {
          this.onDone();
          return;
        }
        this.nextBlock();
      }
      const written = this.socket.write(this.block, this.blockAt, this.block.length - this.blockAt);
      if (written <= 0) return;
      this.sum.crc = Bun.hash.crc32(this.block.subarray(this.blockAt, this.blockAt + written), this.sum.crc);
      this.sum.bytes += written;
      this.blockAt += written;
    }
  }

  private nextBlock(): void {
    const payload = Math.min(this.left, BLOCK_BYTES);
    this.left -= payload;
    const head = this.wrapping === "none" ? 0 : this.wrapping === "frames" ? 10 : 14;
    this.block = this.content.subarray(0, head + payload);
    this.blockAt = 0;
    if (payload >= 4) this.block.writeUInt32BE(this.count, head);
    this.count++;
    if (head === 0) return;
    this.block[0] = 0x82;
    this.block[1] = head === 14 ? 0xff : 0x7f;
    this.block.writeBigUInt64BE(BigInt(payload), 2);
    // A mask of zeros changes nothing.
    if (head === 14) this.block.writeUInt32BE(0, 10);
  }
}

/** Counts what comes, and rests after every `strideBytes` until it is told to go on. */
export class BulkReader {
  readonly sum: StreamSum = { bytes: 0, crc: 0 };
  /** True while it reads no more. */
  resting = false;
  private readonly socket: Socket<BulkOwner>;
  private readonly strideBytes: number;
  private restAt: number;

  constructor(socket: Socket<BulkOwner>, strideBytes: number) {
    this.socket = socket;
    this.strideBytes = strideBytes;
    this.restAt = strideBytes;
  }

  take(chunk: Buffer): void {
    this.sum.crc = Bun.hash.crc32(chunk, this.sum.crc);
    this.sum.bytes += chunk.length;
    if (this.sum.bytes < this.restAt) return;
    this.restAt += this.strideBytes;
    this.resting = true;
    this.socket.pause();
  }

  goOn(): void {
    this.resting = false;
    this.socket.resume();
  }
}

/** One end of a bulk exchange: reads a head up to its empty line, then whatever follows. */
export interface BulkOwner {
  head: string | undefined;
  sender: BulkSender | undefined;
  reader: BulkReader | undefined;
  /** Runs when the head is there. */
  onHead(socket: Socket<BulkOwner>, head: string): void;
}

/** Handlers for both clients and listeners whose `data` is a BulkOwner. */
export const bulkHandlers: Bun.SocketHandler<BulkOwner> = {
  binaryType: "buffer",
  data(socket, chunk) {
    const owner = socket.data;
    let rest = chunk;
    if (owner.head === undefined || !owner.head.endsWith("\r\n\r\n")) {
      const text = (owner.head ?? "") + chunk.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) {
        owner.head = text;
        return;
      }
      const before = (owner.head ?? "").length;
      owner.head = text.slice(0, end + 4);
      rest = chunk.subarray(end + 4 - before);
      owner.onHead(socket, owner.head);
    }
    if (rest.length > 0) owner.reader?.take(rest);
  },
  drain(socket) {
    socket.data.sender?.pump();
  },
  end(socket) {
    socket.end();
  },
  error() {},
};
