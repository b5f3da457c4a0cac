/** A connection as a probe sees it: bytes that came, what has been made of them, and how it ended. */
import type { Socket } from "node:net";

/** How a connection stands. */
export type WireEnd = "open" | "fin" | "reset";

/** What a wait came to, if not to a value. */
export type WireFailure = "timeout" | "closed";

export class Wire {
  readonly socket: Socket;
  end: WireEnd = "open";
  /** When it ended, on the clock of `performance.now()`. */
  endedAt = 0;
  private bytes: Buffer = Buffer.alloc(0);
  private readonly waiting = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.bytes = Buffer.concat([this.bytes, chunk]);
      this.wake();
    });
    socket.on("end", () => this.ended("fin"));
    socket.on("error", () => this.ended("reset"));
    socket.on("close", (hadError: boolean) => this.ended(hadError ? "reset" : "fin"));
  }

  write(bytes: Buffer | string): void {
    if (this.end === "open") this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  /** What has come and was not taken. */
  get rest(): Buffer {
    return this.bytes;
  }

  /**
   * Waits until `take` makes something of the bytes: it gets all that was not taken yet, and gives the value with the
   * number of bytes that it took, or undefined for more.
   */
  async until<T>(
    take: (bytes: Buffer) => { readonly value: T; readonly used: number } | undefined,
    timeoutMs: number,
  ): Promise<T | WireFailure> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const taken = take(this.bytes);
      if (taken !== undefined) {
        this.bytes = this.bytes.subarray(taken.used);
        return taken.value;
      }
      if (this.end !== "open") return "closed";
      const left = deadline - performance.now();
      if (left <= 0) return "timeout";
      await this.change(left);
    }
  }

  close(): void {
    this.socket.destroy();
  }

  private ended(how: WireEnd): void {
    if (this.end !== "open") return;
    this.end = how;
    this.endedAt = performance.now();
    this.wake();
  }

  private wake(): void {
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }

  /** Resolves when something came, when it ended, or after a time. */
  private change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, timeoutMs);
      const { waiting } = this;
      function done(): void {
        clearTimeout(timer);
        waiting.delete(done);
        resolve();
      }
      waiting.add(done);
    });
  }
}
