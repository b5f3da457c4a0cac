/** Messages with open descriptors in them, as sendmsg(2) and recvmsg(2) take them (unix(7), SCM_RIGHTS). Linux, 64 bit. */
import { FFIType, ptr } from "bun:ffi";
import { EINTR, lastErrno } from "./libc.ts";
import { libcCalls } from "./libc-library.ts";

const names = {
  sendmsg: { args: [FFIType.i32, FFIType.ptr, FFIType.i32], returns: FFIType.i64_fast },
  recvmsg: { args: [FFIType.i32, FFIType.ptr, FFIType.i32], returns: FFIType.i64_fast },
} as const;

const c = libcCalls(names);

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_NOSIGNAL = 0x4000;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x40000000;

/** sizeof(struct cmsghdr): length, level, type; the descriptors follow. */
const CONTROL_HEAD_BYTES = 16;
const LITTLE_ENDIAN = true;

// Words of struct msghdr.
const VECTOR = 2;
const VECTORS = 3;
const CONTROL = 4;
const CONTROL_BYTES = 5;

/** Bytes and room for descriptors. Kept together: the head holds bare addresses. */
export class SocketMessage {
  private readonly head = new BigUint64Array(7);
  private readonly vector = new BigUint64Array(2);
  private readonly bytes: Uint8Array;
  private readonly controlBytes: Uint8Array;
  private readonly control: DataView;

  /** `bytes`: what is sent, or room for what is received. */
  constructor(bytes: Uint8Array, descriptors: number) {
    this.bytes = bytes;
    this.controlBytes = new Uint8Array(CONTROL_HEAD_BYTES + Math.ceil((descriptors * 4) / 8) * 8);
    this.control = new DataView(this.controlBytes.buffer);
    this.vector[0] = BigInt(ptr(bytes));
    this.head[VECTOR] = BigInt(ptr(this.vector));
    this.head[VECTORS] = 1n;
  }

  /** Sends the first `length` bytes and the descriptors, which both sides have from then on. 0, or the system's number of the error. */
  send(channel: number, length: number, descriptors: readonly number[]): number {
    const { control, head } = this;
    this.vector[1] = BigInt(length);
    const bytes = CONTROL_HEAD_BYTES + descriptors.length * 4;
    const any = descriptors.length > 0;
    head[CONTROL] = any ? BigInt(ptr(this.controlBytes)) : 0n;
    head[CONTROL_BYTES] = any ? BigInt(Math.ceil(bytes / 8) * 8) : 0n;
    control.setBigUint64(0, BigInt(bytes), LITTLE_ENDIAN);
    control.setInt32(8, SOL_SOCKET, LITTLE_ENDIAN);
    control.setInt32(12, SCM_RIGHTS, LITTLE_ENDIAN);
    for (const [i, fd] of descriptors.entries()) control.setInt32(CONTROL_HEAD_BYTES + i * 4, fd, LITTLE_ENDIAN);
    while (c.sendmsg(channel, head, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
      const errno = lastErrno();
      if (errno !== EINTR) return errno;
    }
    return 0;
  }

  /** Receives what waits: the number of bytes, 0 at the end; -1 where nothing does. */
  receive(channel: number): number {
    const { head, bytes, controlBytes } = this;
    for (;;) {
      this.vector[1] = BigInt(bytes.length);
      head[CONTROL] = BigInt(ptr(controlBytes));
      head[CONTROL_BYTES] = BigInt(controlBytes.length);
      const got = Number(c.recvmsg(channel, head, MSG_CMSG_CLOEXEC | MSG_DONTWAIT));
      if (got >= 0) return got;
      if (lastErrno() !== EINTR) return -1;
    }
  }

  /** The descriptors that came with what was received. */
  descriptors(): number[] {
    const { control } = this;
    const bytes = Number(this.head[CONTROL_BYTES] ?? 0n);
    if (bytes < CONTROL_HEAD_BYTES || control.getInt32(12, LITTLE_ENDIAN) !== SCM_RIGHTS) return [];
    const out: number[] = [];
    const end = Number(control.getBigUint64(0, LITTLE_ENDIAN));
    for (let at = CONTROL_HEAD_BYTES; at + 4 <= end; at += 4) out.push(control.getInt32(at, LITTLE_ENDIAN));
    return out;
  }
}
