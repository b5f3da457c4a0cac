/**
 * Whether the `listen` lines of one address agree on its protocols. The socket is one, so what one line asks for holds for
 * all; a warning tells of lines that contradict each other, while leaving the parameters out after the first is usual
 * (ngx_http_add_addresses since nginx 1.25.1).
 */
export class ListenProtocols {
  /** One bit for each protocol that a line so far has asked for. */
  private merged: number;
  /** What the lines after the first had to say. */
  private stated: number | undefined = undefined;
  private changed = false;

  constructor(first: number) {
    this.merged = first;
  }

  /**
   * Takes in another line with its bits; true where it deserves the warning. `set` says that it has socket options,
   * `setBefore` that a line before it had some.
   */
  redefinedBy(bits: number, set: boolean, setBefore: boolean): boolean {
    const before = this.merged;
    const contradicts = this.stated !== undefined && bits !== this.stated;
    this.merged |= bits;
    if (this.merged !== before) {
      const warns = (setBefore && !set) || this.changed || this.merged !== bits;
      this.stated = before;
      this.changed = true;
      return warns;
    }
    this.stated = bits;
    if (this.merged === bits) return (set && this.changed) || contradicts;
    this.changed = true;
    return set || contradicts;
  }
}
