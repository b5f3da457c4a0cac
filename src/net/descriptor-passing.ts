/**
 * Hands open descriptors to a process that runs already: a pair of sockets, and SCM_RIGHTS over it (unix(7)). Works for a
 * receiver that has given up root's rights, which pidfd_getfd(2) does not. Linux, 64 bit.
 */
import { numberedError } from "./libc.ts";
import { SocketMessage } from "./socket-message.ts";

/** Descriptors in one message; the kernel takes 253 (SCM_MAX_FD). */
const BATCH = 200;

/** Sends open descriptors; both sides have them from then on. Returns the system's words when that failed. */
export function sendDescriptors(channel: number, fds: readonly number[]): string | undefined {
  for (let at = 0; at < fds.length; at += BATCH) {
    const batch = fds.slice(at, at + BATCH);
    const errno = new SocketMessage(new Uint8Array(1), batch.length).send(channel, 1, batch);
    if (errno !== 0) return `sendmsg() failed (${numberedError(errno)})`;
  }
  return undefined;
}

/** Receives that many descriptors, which have been sent before: fewer when they were not. */
export function receiveDescriptors(channel: number, count: number): number[] {
  const fds: number[] = [];
  while (fds.length < count) {
    const message = new SocketMessage(new Uint8Array(1), Math.min(BATCH, count - fds.length));
    if (message.receive(channel) <= 0) return fds;
    const came = message.descriptors();
    if (came.length === 0) return fds;
    fds.push(...came);
  }
  return fds;
}
