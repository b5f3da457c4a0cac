/** WebSocket frames for tests, right and wrong ones. */
import { BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT } from "./frame-walker.ts";

/** Who sends. */
export type Side = "client" | "server";

/** What a frame may have that is not usual. */
export interface FrameForm {
  /** Default: true. */
  readonly fin?: boolean;
  readonly rsv?: number;
  /** The key to mask with. Default: not masked. */
  readonly mask?: readonly [number, number, number, number];
  /** Bytes of the length field in place of the fewest that hold it: 2 or 8. */
  readonly lengthBytes?: 2 | 8;
  /** The length to claim in place of the payload's own. */
  readonly length?: number | bigint;
}

/** A masking key that tests use. */
export const KEY = [0x11, 0x22, 0xf3, 0x84] as const;

/** One frame. */
export function frame(opcode: number, payload: Buffer | string = "", form: FrameForm = {}): Buffer {
  const body = Buffer.from(payload);
  const length = form.length ?? body.length;
  const lengthBytes = form.lengthBytes ?? (length < 126 ? 0 : length < 65_536 ? 2 : 8);
  const head = [((form.fin ?? true) ? 0x80 : 0) | ((form.rsv ?? 0) << 4) | opcode];
  const maskBit = form.mask === undefined ? 0 : 0x80;
  head.push(maskBit | (lengthBytes === 0 ? Number(length) : lengthBytes === 2 ? 126 : 127));
  for (let i = lengthBytes - 1; i >= 0; i--) head.push(Number((BigInt(length) >> BigInt(8 * i)) & 0xffn));
  const { mask } = form;
  if (mask !== undefined) {
    head.push(...mask);
    for (let i = 0; i < body.length; i++) body[i]! ^= mask[i % 4]!;
  }
  return Buffer.concat([Buffer.from(head), body]);
}

export const text = (payload: Buffer | string, form?: FrameForm): Buffer => frame(TEXT, payload, form);
export const binary = (payload: Buffer | string, form?: FrameForm): Buffer => frame(BINARY, payload, form);
export const more = (payload: Buffer | string, form?: FrameForm): Buffer => frame(CONTINUATION, payload, form);
export const ping = (payload: Buffer | string, form?: FrameForm): Buffer => frame(PING, payload, form);
export const pong = (payload: Buffer | string, form?: FrameForm): Buffer => frame(PONG, payload, form);

/** A Close frame with a code and a reason. */
export function close(code: number, reason: Buffer | string = "", form?: FrameForm): Buffer {
  return frame(CLOSE, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]), form);
}
