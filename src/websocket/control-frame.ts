/** Control frames of the proxy's own (RFC 6455, 5.5): to the client they go plain, to the upstream masked. */
import { randomFillSync } from "node:crypto";
import { CLOSE, PING, PONG } from "./frame-walker.ts";

const FIN_BIT = 0x80;
const MASK_BIT = 0x80;
const MASK_KEY_BYTES = 4;
const MAX_PAYLOAD_BYTES = 125;
const CODE_BYTES = 2;

/** Payload of the proxy's pings: by this it knows the pongs that are its own from those of the application. */
export const PING_PAYLOAD_BYTES = 8;
const pingPayload = randomFillSync(Buffer.alloc(PING_PAYLOAD_BYTES));

const plainPing = controlFrame(PING, pingPayload, false);

/** A ping frame; it may be sent as it is any number of times. */
export function pingFrame(masked: boolean): Buffer {
  return masked ? controlFrame(PING, pingPayload, true) : plainPing;
}

/** The answer to a ping, to a client. */
export function pongFrame(payload: Buffer): Buffer {
  return controlFrame(PONG, payload, false);
}

/** A Close frame. The reason is ASCII, and cut where a control frame ends. */
export function closeFrame(code: number, reason: string, masked: boolean): Buffer {
  const text = Buffer.from(reason.slice(0, MAX_PAYLOAD_BYTES - CODE_BYTES), "latin1");
  const payload = Buffer.alloc(CODE_BYTES + text.length);
  payload.writeUInt16BE(code, 0);
  text.copy(payload, CODE_BYTES);
  return controlFrame(CLOSE, payload, masked);
}

/** Whether a payload of that length at bytes[at] answers a ping of the proxy. `maskKey` is 0 where it is not masked. */
export function isOwnPong(bytes: Uint8Array, at: number, maskKey: number): boolean {
  for (let i = 0; i < PING_PAYLOAD_BYTES; i++) {
    const key = (maskKey >>> (24 - 8 * (i & 3))) & 0xff;
    if ((bytes[at + i]! ^ key) !== pingPayload[i]) return false;
  }
  return true;
}

function controlFrame(opcode: number, payload: Buffer, masked: boolean): Buffer {
  const headBytes = 2 + (masked ? MASK_KEY_BYTES : 0);
  const frame = Buffer.alloc(headBytes + payload.length);
  frame[0] = FIN_BIT | opcode;
  frame[1] = (masked ? MASK_BIT : 0) | payload.length;
  payload.copy(frame, headBytes);
  if (masked) {
    randomFillSync(frame, 2, MASK_KEY_BYTES);
    for (let i = 0; i < payload.length; i++) frame[headBytes + i]! ^= frame[2 + (i % MASK_KEY_BYTES)]!;
  }
  return frame;
}
