/** WebSocket frames from a client's end (RFC 6455, section 5): made masked, read plain. */
import { randomBytes } from "node:crypto";

const FIN = 0x80;
const MASK = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** A frame with its whole payload. */
export interface Frame {
  readonly fin: boolean;
  readonly opcode: number;
  /** Servers do not mask. */
  readonly masked: boolean;
  readonly rsv: number;
  readonly payload: Buffer;
}

/** A whole frame, masked as a client's must be. */
export function clientFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const extra = length < LENGTH_16 ? 0 : length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + extra);
  head[0] = FIN | opcode;
  head[1] = MASK | (extra === 0 ? length : extra === 2 ? LENGTH_16 : LENGTH_64);
  if (extra === 2) head.writeUInt16BE(length, 2);
  if (extra === 8) head.writeBigUInt64BE(BigInt(length), 2);
  const key = randomBytes(4);
  return Buffer.concat([head, key, payload.map((byte, i) => byte ^ key[i % 4]!)]);
}

/** The first frame of the bytes, when it is whole. */
export function readFrame(bytes: Buffer): { readonly value: Frame; readonly used: number } | undefined {
  if (bytes.length < 2) return undefined;
  const [first = 0, second = 0] = bytes;
  const masked = (second & MASK) !== 0;
  let length = second & 0x7f;
  let at = 2;
  if (length === LENGTH_16) {
    if (bytes.length < 4) return undefined;
    length = bytes.readUInt16BE(2);
    at = 4;
  } else if (length === LENGTH_64) {
    if (bytes.length < 10) return undefined;
    length = Number(bytes.readBigUInt64BE(2));
    at = 10;
  }
  if (masked) at += 4;
  if (bytes.length < at + length) return undefined;
  const payload = Buffer.from(bytes.subarray(at, at + length));
  return {
    value: { fin: (first & FIN) !== 0, opcode: first & 0x0f, masked, rsv: (first >> 4) & 7, payload },
    used: at + length,
  };
}
