/** File names as the system takes them: strings here hold one char per byte, `node:fs` would write them as UTF-8. */

/** A path for `node:fs`. As for C's strings, the name ends at the first NUL. */
export function diskPath(path: string): string | Buffer {
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i);
    if (c === 0) return diskPath(path.slice(0, i));
    if (c > 0x7f) {
      const end = path.indexOf("\0", i);
      return Buffer.from(end < 0 ? path : path.slice(0, end), "latin1");
    }
  }
  return path;
}
