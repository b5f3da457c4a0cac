/** Numbers and names of the groups of a pattern, while it is being translated. */
import { ERROR } from "./regex-errors.ts";
import { RegexFault } from "./regex-fault.ts";

/** Gives each group an id, in the order of opening, besides the number that PCRE gives it. */
export class RegexGroups {
  /** Number of the capture group opened last. */
  last = 0;
  /** The ids that stand for each PCRE group, from group 1 on; several where `(?|` gives one number to many. */
  readonly ids: number[][] = [];
  /** PCRE's group numbers by name. */
  readonly names = new Map<string, number[]>();
  private nextId = 0;
  /** A reference may stand ahead of its group, so all are checked at the end. */
  private readonly references: { readonly target: number | string; readonly offset: number }[] = [];

  /** The id of a group that only the translation needs. */
  extra(): number {
    return this.nextId++;
  }

  /** The id of a new capture group. */
  open(): number {
    const id = this.nextId++;
    const ids = this.ids[this.last++];
    if (ids === undefined) this.ids.push([id]);
    else ids.push(id);
    return id;
  }

  /** Names the group opened last. Throws a RegexFault. */
  name(name: string, duplicatesAllowed: boolean, offset: number): void {
    for (const [other, numbers] of this.names) {
      if (other !== name && numbers.includes(this.last)) throw new RegexFault(ERROR.differentNames, offset);
    }
    const numbers = this.names.get(name);
    if (numbers === undefined) {
      this.names.set(name, [this.last]);
    } else if (!numbers.includes(this.last)) {
      if (!duplicatesAllowed) throw new RegexFault(ERROR.duplicateName, offset);
      numbers.push(this.last);
    }
  }

  /** The mark for a reference to a group by number or name. */
  refer(target: number | string, offset: number): string {
    if (typeof target === "number" && target < 1) throw new RegexFault(ERROR.noSuchGroup, offset);
    this.references.push({ target, offset });
    return typeof target === "number" ? `<R${target}>` : `<N${target}>`;
  }

  /** Throws a RegexFault if a reference has no group. */
  checkReferences(): void {
    for (const { target, offset } of this.references) {
      const known = typeof target === "number" ? target <= this.ids.length : this.names.has(target);
      if (!known) throw new RegexFault(ERROR.noSuchGroup, offset);
    }
  }
}
