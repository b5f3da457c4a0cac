/**
 * Writing on BoringSSL. When the kernel takes a record only in part, BoringSSL wants the bytes that it was made of once
 * more, and nothing else; who writes may come with fewer of them the next time, or with others behind them.
 */
import type { BunTlsSocket } from "./tls-bun.ts";
import { MAX_RECORD_BYTES } from "./tls-context.ts";

export class TlsOutput {
  /** A write came short: `onDrain` is due. */
  full = false;
  /** Bytes of which a record may have been made that did not go out whole. */
  private begun: Buffer | undefined = undefined;
  /** Bytes at the beginning of the next writes that went out with `begun` already. */
  private ahead = 0;

  /** As `Socket.write`. */
  write(bun: BunTlsSocket, bytes: Uint8Array, length: number): number {
    if (this.begun !== undefined) {
      const sent = this.finish(bun, this.begun);
      if (sent < 0 || this.begun !== undefined) return Math.min(sent, 0);
    }
    let taken = Math.min(this.ahead, length);
    this.ahead -= taken;
    if (taken === length) return length;
    const sent = bun.write(bytes, taken, length - taken);
    if (sent < 0) return taken > 0 ? taken : -1;
    taken += sent;
    if (taken === length) return length;
    this.full = true;
    this.begun = Buffer.from(bytes.subarray(taken, Math.min(length, taken + MAX_RECORD_BYTES)));
    return taken;
  }

  clear(): void {
    this.begun = undefined;
  }

  private finish(bun: BunTlsSocket, begun: Buffer): number {
    const sent = bun.write(begun, 0, begun.length);
    if (sent > 0) this.ahead += sent;
    if (sent === begun.length) this.begun = undefined;
    else {
      this.full = true;
      if (sent > 0) this.begun = begun.subarray(sent);
    }
    return sent;
  }
}
