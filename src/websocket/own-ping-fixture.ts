/** The payload of this process's pings, for tests that answer them. */
import { PING_PAYLOAD_BYTES, pingFrame } from "./control-frame.ts";

export function readOwnPing(): Buffer {
  const plain = pingFrame(false);
  return Buffer.from(plain.subarray(plain.length - PING_PAYLOAD_BYTES));
}
