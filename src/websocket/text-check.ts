/**
 * UTF-8 of masked text, checked as it passes (RFC 6455, 8.1; RFC 3629). Hot where `websocket_validate` is on: four bytes of
 * ASCII are one comparison.
 */

const ASCII_ONLY = 0x80808080;

export class TextCheck {
  /** Continuation bytes that the character begun still needs. */
  private needed = 0;
  /** Bounds of the next continuation byte: they exclude overlong forms, surrogates, and what is above U+10FFFF. */
  private low = 0x80;
  private high = 0xbf;

  /** Nothing is left over of a character: a message may end here. */
  get complete(): boolean {
    return this.needed === 0;
  }

  reset(): void {
    this.needed = 0;
    this.low = 0x80;
    this.high = 0xbf;
  }

  /**
   * Checks buffer[from..to); `position` is the place of buffer[from] in its frame's payload, `maskKey` the frame's key,
   * first byte highest; 0 where it is not masked. False for what can't be UTF-8.
   */
  check(buffer: Uint8Array, from: number, to: number, maskKey: number, position: number): boolean {
    const turn = (position & 3) * 8;
    const key = turn === 0 ? maskKey : (maskKey << turn) | (maskKey >>> (32 - turn));
    const k0 = key >>> 24;
    const k1 = (key >>> 16) & 0xff;
    const k2 = (key >>> 8) & 0xff;
    const k3 = key & 0xff;
    let at = from;
    while (at < to) {
      if (this.needed === 0) {
        while (at + 4 <= to && ((at - from) & 3) === 0) {
          const four =
            ((buffer[at]! ^ k0) << 24) |
            ((buffer[at + 1]! ^ k1) << 16) |
            ((buffer[at + 2]! ^ k2) << 8) |
            (buffer[at + 3]! ^ k3);
          if ((four & ASCII_ONLY) !== 0) break;
          at += 4;
        }
        if (at >= to) return true;
      }
      const place = (at - from) & 3;
      if (!this.step(buffer[at]! ^ (place === 0 ? k0 : place === 1 ? k1 : place === 2 ? k2 : k3))) return false;
      at++;
    }
    return true;
  }

  private step(byte: number): boolean {
    if (this.needed > 0) {
      if (byte < this.low || byte > this.high) return false;
      this.low = 0x80;
      this.high = 0xbf;
      this.needed--;
      return true;
    }
    if (byte < 0x80) return true;
    if (byte < 0xc2 || byte > 0xf4) return false;
    if (byte < 0xe0) this.needed = 1;
    else if (byte < 0xf0) {
      this.needed = 2;
      if (byte === 0xe0) this.low = 0xa0;
      else if (byte === 0xed) this.high = 0x9f;
    } else {
      this.needed = 3;
      if (byte === 0xf0) this.low = 0x90;
      else if (byte === 0xf4) this.high = 0x8f;
    }
    return true;
  }
}
