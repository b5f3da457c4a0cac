/** PCRE's character classes: `[a-z\d[:punct:]]`. */
import { type ByteSet, bytesWhere, CLASS_ESCAPES, complement, POSIX_CLASSES } from "./character-set.ts";
import { ERROR } from "./regex-errors.ts";
import { readEscapedByte } from "./regex-escape.ts";

/** A member: one byte, which may start a range, or a whole set. */
type Member = { readonly byte: number } | { readonly set: ByteSet };

/** Reads one class. `position` is after its `[` at first, after its `]` in the end. */
export class ClassReader {
  position: number;
  negated = false;
  private readonly pattern: string;
  private readonly skipBlanks: boolean;
  private readonly start: number;
  private inQuotes = false;

  constructor(pattern: string, position: number, skipBlanks: boolean) {
    this.pattern = pattern;
    this.position = position;
    this.start = position;
    this.skipBlanks = skipBlanks;
  }

  /** The members, before negation, or an error message that belongs to `position`. */
  read(): ByteSet | string {
    const { pattern } = this;
    const outside = this.posixOutside();
    if (outside !== undefined) return outside;
    if (pattern.charAt(this.position) === "^") {
      this.negated = true;
      this.position++;
    }
    const members: boolean[] = Array.from(bytesWhere(() => false));
    let first = true;
    for (;;) {
      this.skip();
      if (this.position >= pattern.length) return ERROR.unclosedClass;
      if (pattern.charAt(this.position) === "]" && !first && !this.inQuotes) {
        this.position++;
        return members;
      }
      first = false;
      const member = this.member();
      if (typeof member === "string") return member;
      const last = this.rangeEnd(member);
      if (typeof last === "string") return last;
      if ("set" in member) {
        for (const [byte, is] of member.set.entries()) if (is) members[byte] = true;
      } else {
        for (let byte = member.byte; byte <= (last ?? member.byte); byte++) members[byte] = true;
      }
    }
  }

  /** `[:alpha:]` that is no part of a class is a mistake that PCRE names. */
  private posixOutside(): string | undefined {
    const named = /^([:.=])[^\]\\]*?\1\]/.exec(this.pattern.slice(this.start));
    if (named === null) return undefined;
    this.position = this.start - 1;
    return named[1] === ":" ? ERROR.posixOutsideClass : ERROR.posixCollating;
  }

  private skip(): void {
    for (;;) {
      const rest = this.pattern.slice(this.position, this.position + 2);
      if (rest === "\\E") {
        this.inQuotes = false;
        this.position += 2;
      } else if (rest === "\\Q" && !this.inQuotes) {
        this.inQuotes = true;
        this.position += 2;
      } else if (this.skipBlanks && !this.inQuotes && /^[ \t]/.test(rest)) {
        this.position++;
      } else {
        return;
      }
    }
  }

  private member(): Member | string {
    const { pattern } = this;
    const ch = pattern.charAt(this.position);
    if (!this.inQuotes) {
      if (ch === "[") {
        const posix = /^\[([:.=])(\^?)([^\]\\]*?)\1\]/.exec(pattern.slice(this.position));
        if (posix !== null) return this.posixClass(posix);
      }
      if (ch === "\\") return this.escape();
    }
    this.position++;
    return { byte: ch.charCodeAt(0) };
  }

  private posixClass([all = "", kind, negation, name = ""]: RegExpExecArray): Member | string {
    const set = POSIX_CLASSES.get(name);
    if (kind !== ":" || set === undefined) {
      if (kind === ":") this.position += 2;
      return kind === ":" ? ERROR.unknownPosixClass : ERROR.posixCollating;
    }
    this.position += all.length;
    return { set: negation === "^" ? complement(set) : set };
  }

  private escape(): Member | string {
    const at = this.position + 1;
    const ch = this.pattern.charAt(at);
    if (ch === "") {
      this.position = at;
      return ERROR.backslashAtEnd;
    }
    const set = CLASS_ESCAPES.get(ch);
    if (set !== undefined) {
      this.position = at + 1;
      return { set };
    }
    if (ch === "b") {
      this.position = at + 1;
      return { byte: 8 };
    }
    if ("BRX".includes(ch)) {
      this.position = at;
      return ERROR.escapeInClass;
    }
    if (ch === "N") {
      this.position = at + 1;
      return "\\N is not supported in a class";
    }
    if (ch === "p" || ch === "P") {
      this.position = at + 1;
      return `\\${ch} is not supported by hopway`;
    }
    const escaped = readEscapedByte(this.pattern, at);
    this.position = escaped.end;
    return escaped.reason ?? { byte: escaped.byte };
  }

  /** The last byte of the range that starts with `member`; undefined if it starts none. */
  private rangeEnd(member: Member): number | string | undefined {
    const { pattern } = this;
    if (this.inQuotes) return undefined;
    const before = this.position;
    this.skip();
    const hyphen = this.position;
    if (this.inQuotes || pattern.charAt(hyphen) !== "-") {
      this.position = before;
      this.inQuotes = false;
      return undefined;
    }
    this.position = hyphen + 1;
    this.skip();
    if (pattern.charAt(this.position) === "]" && !this.inQuotes) {
      this.position = before;
      return undefined;
    }
    if (this.position >= pattern.length) return ERROR.unclosedClass;
    if ("set" in member) {
      this.position = hyphen;
      return ERROR.badRange;
    }
    const lastStart = this.position;
    const last = this.member();
    if (typeof last === "string") return last;
    if ("set" in last) {
      if (pattern.charAt(lastStart) === "[") this.position = lastStart + 1;
      return ERROR.badRange;
    }
    if (last.byte >= member.byte) return last.byte;
    this.position--;
    return ERROR.rangeOutOfOrder;
  }
}
