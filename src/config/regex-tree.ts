/**
 * Reads the JavaScript source that the translator writes (regex-translator.ts) into a tree, for what JavaScript's own
 * engine does not tell or do: how long a pattern may take, and matching with a bound. Not all of JavaScript's language.
 */

/** A part of a pattern. Sets are of bytes: 1 for members. */
export type RegexNode =
  | { readonly kind: "set"; readonly set: Uint8Array }
  | { readonly kind: "sequence"; readonly items: readonly RegexNode[] }
  | { readonly kind: "choice"; readonly options: readonly RegexNode[] }
  | { readonly kind: "group"; readonly index: number; readonly body: RegexNode }
  | {
      readonly kind: "repeat";
      readonly body: RegexNode;
      readonly least: number;
      readonly most: number;
      readonly greedy: boolean;
      /** Groups inside the body: [first, last + 1). */
      readonly groups: readonly [number, number];
    }
  | { readonly kind: "look"; readonly behind: boolean; readonly negative: boolean; readonly body: RegexNode }
  | { readonly kind: "reference"; readonly index: number; readonly caseless: boolean }
  | { readonly kind: "start" | "end" | "boundary" | "no-boundary" };

/** A whole pattern. */
export interface RegexTree {
  readonly root: RegexNode;
  readonly groupCount: number;
  /** Group numbers by name. */
  readonly names: ReadonlyMap<string, number>;
}

const BYTES = 256;
const CONTROL: ReadonlyMap<string, number> = new Map([
  ["n", 10],
  ["r", 13],
  ["f", 12],
  ["t", 9],
  ["v", 11],
]);

/** Word bytes, as `\w` and `\b` have them. */
export const WORD_SET = setWhere((byte) => /\w/.test(String.fromCharCode(byte)));

function setWhere(test: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: BYTES }, (_, byte) => (test(byte) ? 1 : 0));
}

function onlyByte(byte: number): RegexNode {
  return { kind: "set", set: setWhere((other) => other === byte) };
}

/** The tree of a source; undefined where it holds something that is not known here. */
export function parseRegex(source: string): RegexTree | undefined {
  const reader = new TreeReader(source);
  const root = reader.choice(false);
  if (root === undefined || !reader.atEnd) return undefined;
  return { root, groupCount: reader.groupCount, names: reader.names };
}

class TreeReader {
  groupCount = 0;
  readonly names = new Map<string, number>();
  private readonly source: string;
  private at = 0;

  constructor(source: string) {
    this.source = source;
  }

  get atEnd(): boolean {
    return this.at === this.source.length;
  }

  choice(caseless: boolean): RegexNode | undefined {
    const options: RegexNode[] = [];
    do {
      const items: RegexNode[] = [];
      while (!this.atEnd && !this.ahead("|") && !this.ahead(")")) {
        const item = this.item(caseless);
        if (item === undefined) return undefined;
        items.push(item);
      }
      options.push(items.length === 1 ? items[0]! : { kind: "sequence", items });
    } while (this.take("|"));
    return options.length === 1 ? options[0]! : { kind: "choice", options };
  }

  private item(caseless: boolean): RegexNode | undefined {
    const first = this.groupCount + 1;
    const body = this.atom(caseless);
    if (body === undefined) return undefined;
    const repeat = this.match(/(?:([*+?])|\{(\d+)(,?)(\d*)\})(\??)/y);
    if (repeat === undefined) return body;
    const [, sign, from, comma, to, lazy] = repeat;
    const least = sign === undefined ? Number(from) : sign === "+" ? 1 : 0;
    const last = comma === "" ? least : to === "" ? Number.POSITIVE_INFINITY : Number(to);
    const most = sign === undefined ? last : sign === "?" ? 1 : Number.POSITIVE_INFINITY;
    return { kind: "repeat", body, least, most, greedy: lazy === "", groups: [first, this.groupCount + 1] };
  }

  private atom(caseless: boolean): RegexNode | undefined {
    if (this.take("^")) return { kind: "start" };
    if (this.take("$")) return { kind: "end" };
    if (this.take("[")) return this.set();
    if (this.take("\\")) return this.escape(caseless);
    if (this.take("(")) return this.group(caseless);
    const plain = this.match(/\w/y);
    return plain === undefined ? undefined : onlyByte(plain[0].charCodeAt(0));
  }

  private group(caseless: boolean): RegexNode | undefined {
    const look = this.match(/\?(<?)([=!])/y);
    if (look !== undefined) {
      const body = this.closed(caseless);
      return body && { kind: "look", behind: look[1] !== "", negative: look[2] === "!", body };
    }
    const plain = this.match(/\?(i?):/y);
    if (plain !== undefined) return this.closed(caseless || plain[1] === "i");
    const index = ++this.groupCount;
    const name = this.match(/\?<(\w+)>/y)?.[1];
    if (name !== undefined) this.names.set(name, index);
    if (this.ahead("?")) return undefined;
    const body = this.closed(caseless);
    return body && { kind: "group", index, body };
  }

  private closed(caseless: boolean): RegexNode | undefined {
    const body = this.choice(caseless);
    return this.take(")") ? body : undefined;
  }

  private escape(caseless: boolean): RegexNode | undefined {
    if (this.take("b")) return { kind: "boundary" };
    if (this.take("B")) return { kind: "no-boundary" };
    if (this.take("w")) return { kind: "set", set: WORD_SET };
    const index = this.match(/[1-9]\d*/y)?.[0];
    if (index !== undefined) return { kind: "reference", index: Number(index), caseless };
    const byte = this.escapedByte();
    return byte === undefined ? undefined : onlyByte(byte);
  }

  private escapedByte(): number | undefined {
    const hex = this.match(/x([0-9a-f]{2})/y)?.[1];
    if (hex !== undefined) return Number.parseInt(hex, 16);
    const letter = this.match(/[nrftv]/y)?.[0];
    return letter === undefined ? undefined : CONTROL.get(letter);
  }

  private set(): RegexNode | undefined {
    const negated = this.take("^");
    const set = new Uint8Array(BYTES);
    while (!this.take("]")) {
      const first = this.setByte();
      const last = this.take("-") ? this.setByte() : first;
      if (first === undefined || last === undefined) return undefined;
      set.fill(1, first, last + 1);
    }
    return { kind: "set", set: negated ? set.map((member) => 1 - member) : set };
  }

  private setByte(): number | undefined {
    if (this.take("\\")) return this.escapedByte();
    return this.match(/\w/y)?.[0].charCodeAt(0);
  }

  private ahead(text: string): boolean {
    return this.source.startsWith(text, this.at);
  }

  private take(text: string): boolean {
    if (!this.ahead(text)) return false;
    this.at += text.length;
    return true;
  }

  private match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.source);
    if (match === null) return undefined;
    this.at += match[0].length;
    return match;
  }
}
