/**
 * Line ends in values that clients can write, as `%0D%0A` in a path that `$uri` shows decoded: one that went into a head
 * would begin a line of the client's choice (CWE-113). nginx lets it.
 */

const BREAKS = /[\0\r\n]/g;

const LF = 10;
const CR = 13;

/** Hot: looking at each char costs less than three calls of `includes`. */
function broken(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c <= CR && (c === CR || c === LF || c === 0)) return true;
  }
  return false;
}

/** A field value in one line: CR, LF and NUL become spaces (RFC 9110, 5.5). Hot: plain values come back as they are. */
export function oneLineValue(value: string): string {
  return broken(value) ? value.replace(BREAKS, " ") : value;
}

/** The same for what is a URI, where they are escaped. */
export function oneLineUri(uri: string): string {
  return broken(uri) ? uri.replace(BREAKS, escaped) : uri;
}

function escaped(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}
