/** Text of others on a terminal: what servers and configurations say must not move the cursor or change the screen. */

/** Without control characters. */
export function printable(text: string): string {
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, escaped);
}

/** As `printable`, for text with one char for each byte, in which UTF-8 has bytes from 0x80 on. */
export function printableBytes(text: string): string {
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, escaped);
}

function escaped(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
