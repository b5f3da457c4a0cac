/** ClientHellos made by hand, with whatever a client may or may not send (RFC 8446 4.1.2). One byte per char. */

/** A vector with its length, in `width` bytes, in front. */
export function vector(width: number, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const head = Buffer.alloc(width);
  head.writeUIntBE(body.length, 0, width);
  return Buffer.concat([head, body]);
}

export const text = (value: string): Buffer => Buffer.from(value, "latin1");
const u16 = (value: number): number[] => [value >> 8, value & 0xff];
export const extension = (kind: number, body: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(u16(kind)), vector(2, body)]);
export const serverName = (name: string): Buffer => extension(0, vector(2, [0], vector(2, text(name))));
export const groups = (...ids: number[]): Buffer => extension(10, vector(2, ids.flatMap(u16)));
export const alpn = (...names: string[]): Buffer =>
  extension(16, vector(2, ...names.map((name) => vector(1, text(name)))));
const identity = (ticket: string): Buffer => Buffer.concat([vector(2, text(ticket)), Buffer.alloc(4)]);
export const preSharedKeys = (...tickets: string[]): Buffer =>
  extension(41, Buffer.concat([vector(2, ...tickets.map(identity)), vector(2, vector(1, Buffer.alloc(32)))]));

/** The handshake message; without extensions where none are given. `version` as in the old field, 0x0303 for TLS 1.2. */
export function message(
  extensions: readonly Buffer[] | undefined,
  suites: readonly number[] = [0x1301, 0xc02b],
  version = 0x0303,
): Buffer {
  const head = [Buffer.from(u16(version)), Buffer.alloc(32), vector(1), vector(2, suites.flatMap(u16)), vector(1, [0])];
  const rest = extensions === undefined ? [] : [vector(2, ...extensions)];
  return Buffer.concat([Buffer.from([1]), vector(3, ...head, ...rest)]);
}

/** One record with a handshake message. */
export const record = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.from([22, 3, 1]), vector(2, bytes)]);

/** The message in records of so many bytes. */
export function records(bytes: Buffer, each: number): Buffer {
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += each) out.push(record(bytes.subarray(at, at + each)));
  return Buffer.concat(out);
}
