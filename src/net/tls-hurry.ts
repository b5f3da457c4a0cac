/**
 * Bun takes the bytes of at most five handshakes in one round of its loop, and comes back to the others in the next one,
 * which nothing announces: our wait would last its longest, 100 ms, for every five. So we see ourselves which handshakes
 * have bytes that nobody has taken, and do not wait while there are some.
 */
import { type Deferred, defer, EPOLLET, EPOLLIN, unwatch, type Watched, watch } from "./event-loop.ts";
import { bytesWait } from "./libc.ts";

/** Handshakes with bytes that Bun had not taken when it was last looked. */
const waiting = new Set<HandshakeWatch>();

const rounds: Deferred = {
  onTurn() {
    for (const handshake of waiting) if (!bytesWait(handshake.fd)) waiting.delete(handshake);
    // Something deferred keeps the loop from waiting.
    if (waiting.size > 0) defer(rounds);
  },
};

/** Watches a descriptor beside Bun, for as long as a handshake runs on it. */
export class HandshakeWatch implements Watched {
  readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
    watch(fd, EPOLLIN | EPOLLET, this);
  }

  onEvents(): void {
    if (waiting.size === 0) defer(rounds);
    waiting.add(this);
  }

  /** The handshake has ended. To be called before the descriptor is closed. */
  end(): void {
    waiting.delete(this);
    unwatch(this.fd);
  }
}
