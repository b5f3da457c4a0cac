/** Reading of DER (X.690): what certificates and BoringSSL's sessions are written in. */

/** One value: its tag byte and where its content lies. */
export interface DerValue {
  readonly tag: number;
  readonly from: number;
  readonly to: number;
}

/** The value that begins at `at`, inside bytes[0..end); undefined where there is none. */
export function readDer(bytes: Uint8Array, at: number, end: number): DerValue | undefined {
  if (at + 2 > end) return undefined;
  const tag = bytes[at]!;
  let length = bytes[at + 1]!;
  let from = at + 2;
  if (length >= 0x80) {
    const width = length - 0x80;
    if (width === 0 || width > 3 || from + width > end) return undefined;
    length = 0;
    for (let i = 0; i < width; i++) length = length * 256 + bytes[from++]!;
  }
  const to = from + length;
  return to > end ? undefined : { tag, from, to };
}

/** The values inside a constructed one, as far as they can be read. */
export function derChildren(bytes: Uint8Array, outer: DerValue): DerValue[] {
  const out: DerValue[] = [];
  let at = outer.from;
  while (at < outer.to) {
    const value = readDer(bytes, at, outer.to);
    if (value === undefined) break;
    out.push(value);
    at = value.to;
  }
  return out;
}

/** A small unsigned INTEGER. */
export function derNumber(bytes: Uint8Array, value: DerValue): number {
  let out = 0;
  for (let i = value.from; i < value.to; i++) out = out * 256 + bytes[i]!;
  return out;
}

/** A context-specific constructed tag: `[n]`. */
export function derContext(n: number): number {
  return 0xa0 + n;
}
