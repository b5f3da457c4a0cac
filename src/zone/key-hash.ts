/** HalfSipHash-1-3: clients choose the keys of zones, and must not be able to choose keys that fall into one bucket. */

/** Unsigned 32 bits over the bytes of `key` (one per char), with a secret of two words. Hot: no allocation. */
export function keyHash(key: string, secret0: number, secret1: number): number {
  let v0 = secret0;
  let v1 = secret1;
  let v2 = 0x6c796765 ^ secret0;
  let v3 = 0x74656462 ^ secret1;
  const length = key.length;
  const whole = length & ~3;
  // One round more for the last bytes and the length, three to finish.
  const rounds = (whole >> 2) + 4;
  let word = 0;
  for (let round = 0, i = 0; round < rounds; round++, i += 4) {
    if (i < whole) {
      word =
        key.charCodeAt(i) |
        (key.charCodeAt(i + 1) << 8) |
        (key.charCodeAt(i + 2) << 16) |
        (key.charCodeAt(i + 3) << 24);
    } else if (i === whole) {
      word = length << 24;
      for (let rest = whole; rest < length; rest++) word |= key.charCodeAt(rest) << (8 * (rest - whole));
    } else {
      word = 0;
      if (i === whole + 4) v2 ^= 0xff;
    }
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  return (v1 ^ v3) >>> 0;
}
