/**
 * The memory that bytes are received into: one buffer for all sockets, lent for the length of a call. Whoever keeps bytes
 * of it copies them.
 */
import type { SocketOwner } from "./socket.ts";

/** Bytes taken from a socket at once. */
export const RECEIVE_BYTES = 128 * 1024;
/** Bytes of a file that are read to be sent in the same call. */
const FILE_PIECE_BYTES = 64 * 1024;

/** Lent memory is one buffer, so that one comparison tells that bytes are lent. */
const lentBuffer = Buffer.allocUnsafeSlow(RECEIVE_BYTES + FILE_PIECE_BYTES);
/** Where all sockets receive. */
export const receiveBuffer = lentBuffer.subarray(0, RECEIVE_BYTES);

/**
 * Where a piece of a file is read to on its way to a socket. Who keeps it longer than the call copies it, as received
 * bytes: a buffer of its own for each piece is garbage of tens of megabytes before it is collected.
 */
export const filePiece: Buffer = lentBuffer.subarray(RECEIVE_BYTES);

/** For tests: received bytes are overwritten after every call, so that whoever kept them without copying is found out. */
export const poisoned = process.env["HOPWAY_POISON"] === "1";
const POISON = 0xa5;

/** Overwrites what a call lent out; only where `poisoned`. */
export function poison(count: number): void {
  receiveBuffer.fill(POISON, 0, count);
}

/** Views of the buffer's beginning, by length: the usual ones are made once. */
const views: (Buffer | undefined)[] = [];
const MAX_KEPT_VIEW_BYTES = 2048;

/** The first `length` bytes of what `onData` was given. */
export function receivedView(buffer: Buffer, length: number): Buffer {
  if (buffer !== receiveBuffer || length > MAX_KEPT_VIEW_BYTES) return buffer.subarray(0, length);
  const known = views[length];
  if (known !== undefined) return known;
  const view = receiveBuffer.subarray(0, length);
  views[length] = view;
  return view;
}

/** True for bytes that are part of the receive buffer, or of `filePiece`. */
export function isReceived(bytes: Uint8Array): boolean {
  return bytes.buffer === lentBuffer.buffer;
}

/**
 * Gives an owner bytes[from..) that came another way, as many as a receive takes, as if they had been received: they hold
 * during the call. Returns where the rest begins.
 */
export function passReceived(owner: SocketOwner, bytes: Buffer, from: number): number {
  const count = bytes.copy(receiveBuffer, 0, from);
  owner.onData(receiveBuffer, count);
  if (poisoned) poison(count);
  return from + count;
}

/** Bytes that may be kept: a copy where they are part of the receive buffer, or of `filePiece`. */
export function kept(bytes: Buffer): Buffer {
  return isReceived(bytes) ? Buffer.from(bytes) : bytes;
}
