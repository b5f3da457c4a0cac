/** The client's end of a simulated request: no network, what is written is kept. */
import type { Socket, SocketOwner } from "../net/socket.ts";

/** The head and the beginning of a body tell all that is asked for. */
const KEPT_BYTES = 16 * 1024;

export class SimulatedSocket implements Socket {
  data!: SocketOwner;
  readonly fd = -1;
  readonly remoteAddress: string;
  readonly remotePort = 50_000;
  readonly localAddress: string;
  /** What was sent to the client, from its beginning, one char per byte. */
  sent = "";

  constructor(remoteAddress: string, localAddress: string) {
    this.remoteAddress = remoteAddress;
    this.localAddress = localAddress;
  }

  /** Once enough is known, the rest of a response is not wanted. */
  write(bytes: Uint8Array, length: number): number {
    if (this.sent.length >= KEPT_BYTES) return -1;
    this.sent += Buffer.from(bytes.subarray(0, length)).latin1Slice();
    return length;
  }

  pause(): void {}
  resume(): void {}
  readNow(): boolean {
    return false;
  }
  shutdown(): void {}
  end(): void {}
  terminate(): void {}
  setKeepAlive(): void {}
}
