/**
 * What modules keep for a request, by Module.id. A chain, as of all modules few keep anything: the first value takes one
 * object.
 */
export class ModuleValues {
  private readonly id: number;
  private value: unknown;
  private next: ModuleValues | undefined = undefined;

  /** With a first value. */
  constructor(id: number, value: unknown) {
    this.id = id;
    this.value = value;
  }

  /** Undefined where the module keeps nothing. */
  get(id: number): unknown {
    return this.find(id)?.value;
  }

  set(id: number, value: unknown): void {
    const found = this.find(id);
    if (found !== undefined) {
      found.value = value;
      return;
    }
    const added = new ModuleValues(id, value);
    added.next = this.next;
    this.next = added;
  }

  private find(id: number): ModuleValues | undefined {
    let at: ModuleValues | undefined = this;
    while (at !== undefined && at.id !== id) at = at.next;
    return at;
  }
}
