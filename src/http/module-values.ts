/** What modules keep for a request, by Module.id. A list of pairs, as of all modules few keep anything. */
export class ModuleValues {
  /** Each value behind its id. */
  private readonly pairs: unknown[] = [];

  /** Undefined where the module keeps nothing. */
  get(id: number): unknown {
    const { pairs } = this;
    for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === id) return pairs[i + 1];
    return undefined;
  }

  set(id: number, value: unknown): void {
    const { pairs } = this;
    let at = 0;
    while (at < pairs.length && pairs[at] !== id) at += 2;
    pairs[at] = id;
    pairs[at + 1] = value;
  }
}
