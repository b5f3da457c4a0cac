/** Reads a PCRE pattern and writes the source of a JavaScript regular expression that matches the same (pcre2pattern(3)). */
import {
  type ByteSet,
  byteSource,
  bytesOf,
  CLASS_ESCAPES,
  caselessSet,
  complement,
  setSource,
} from "./character-set.ts";
import { ClassReader } from "./regex-class.ts";
import { ERROR, UNSUPPORTED } from "./regex-errors.ts";
import { readEscapedByte } from "./regex-escape.ts";
import { RegexFault } from "./regex-fault.ts";
import { RegexGroups } from "./regex-groups.ts";
import { initialOptions, type RegexOptions, readOptions } from "./regex-options.ts";
import { readGroupName, readReference } from "./regex-reference.ts";
import { readRepeat } from "./regex-repeat.ts";
import {
  ALPHABETIC_GROUPS,
  ANY_BYTE,
  ASSERTION_ESCAPES,
  ATOM_ESCAPES,
  END_OR_FINAL_NEWLINE,
  LINE_END,
  LINE_START,
  NOT_NEWLINE,
  START,
  START_IN_GROUP,
  WORD_BOUNDS,
} from "./regex-sources.ts";

/** A translated pattern whose groups are marks: `<G7>` opens the group with id 7. */
export interface Translation {
  /**
   * JavaScript source in which `<Gid>` stands after the parenthesis of a group, `<Aid>` for what that group matched,
   * `<Rn>` for PCRE's group n and `<Nname>` for a named group.
   */
  readonly source: string;
  /** The ids that stand for each PCRE group, from group 1 on; several where `(?|` gives one number to many. */
  readonly groups: readonly (readonly number[])[];
  /** PCRE's group numbers by name. */
  readonly names: ReadonlyMap<string, readonly number[]>;
}

/** Translated source and whether JavaScript needs a group around it before a quantifier. */
interface Atom {
  readonly source: string;
  readonly wrap: boolean;
}

/** PCRE's own limit of nested parentheses. */
const MAX_NESTING = 250;
/** What may stand between an item and its quantifier, besides comments. */
const IGNORED = /(?:\\Q)?\\E/y;
const IGNORED_EXTENDED = /(?:\\Q)?\\E|[\t\n\v\f\r ]+|#[^\n]*\n?/y;
/** Settings at the start of a pattern that have no meaning for bytes. */
const LEADING_VERBS = /^(?:\(\*(?:UTF8?|UCP|NO_JIT|NO_START_OPT|NO_AUTO_POSSESS|NOTEMPTY|LF|BSR_UNICODE)\))+/;

/** Translates one pattern. `translate` may be called once. */
export class RegexTranslator {
  private readonly pattern: string;
  private position = 0;
  private options: RegexOptions;
  private readonly groups = new RegexGroups();
  private depth = 0;
  private lookbehinds = 0;

  constructor(pattern: string, caseless: boolean) {
    this.pattern = pattern;
    this.options = initialOptions(caseless);
  }

  translate(): Translation | RegexFault {
    try {
      this.position = LEADING_VERBS.exec(this.pattern)?.[0].length ?? 0;
      const source = this.alternatives();
      if (this.position < this.pattern.length) this.fault(ERROR.unmatchedClose, this.position);
      this.groups.checkReferences();
      return { source, groups: this.groups.ids, names: this.groups.names };
    } catch (error) {
      if (error instanceof RegexFault) return error;
      throw error;
    }
  }

  /** Reads up to the end of the group or the pattern. */
  private alternatives(): string {
    let out = "";
    for (;;) {
      const item = this.item();
      if (item !== undefined) {
        out += item;
        continue;
      }
      if (this.peek() !== "|") return out;
      this.position++;
      out += "|";
    }
  }

  /** As `alternatives`, in `(?|`: each one counts its groups from the same number. */
  private resettingAlternatives(): string {
    const first = this.groups.last;
    let highest = first;
    let out = "";
    for (;;) {
      const item = this.item();
      if (item !== undefined) {
        out += item;
        continue;
      }
      highest = Math.max(highest, this.groups.last);
      if (this.peek() !== "|") break;
      this.position++;
      this.groups.last = first;
      out += "|";
    }
    this.groups.last = highest;
    return out;
  }

  /** One item with its quantifier; undefined in front of `|`, `)` and the end. Empty for comments and options. */
  private item(): string | undefined {
    const { pattern } = this;
    const ch = this.peek();
    if (ch === "" || ch === "|" || ch === ")") return undefined;
    if (this.skipIgnored()) return "";
    if (pattern.startsWith("\\Q", this.position)) return this.quoted();
    this.position++;
    switch (ch) {
      case "^":
        return this.options.multiLine ? LINE_START : this.start();
      case "$":
        return this.options.multiLine ? LINE_END : END_OR_FINAL_NEWLINE;
      case ".":
        return this.quantified(this.options.dotAll ? ANY_BYTE : NOT_NEWLINE, false);
      case "[":
        return this.quantified(this.characterClass(), false);
      case "\\":
        return this.escape();
      case "(":
        return this.group();
      case "*":
      case "+":
      case "?":
        return this.fault(ERROR.nothingToRepeat, this.position - 1);
      case "{": {
        const repeat = readRepeat(pattern, this.position - 1);
        if (repeat !== undefined) return this.fault(ERROR.nothingToRepeat, repeat.end - 1);
        return this.quantified(this.literal(ch.charCodeAt(0)), false);
      }
      default:
        return this.quantified(this.literal(ch.charCodeAt(0)), false);
    }
  }

  private start(): string {
    return this.depth === 0 ? START : START_IN_GROUP;
  }

  private literal(byte: number): string {
    if (!this.options.caseless) return byteSource(byte);
    return setSource(caselessSet(bytesOf(String.fromCharCode(byte))));
  }

  private set(set: ByteSet): string {
    return setSource(this.options.caseless ? caselessSet(set) : set);
  }

  /** `\Q...\E`: a quantifier after it takes the last character. */
  private quoted(): string {
    const end = this.pattern.indexOf("\\E", this.position + 2);
    const text = this.pattern.slice(this.position + 2, end < 0 ? this.pattern.length : end);
    this.position = end < 0 ? this.pattern.length : end + 2;
    const parts = Array.from(text, (ch) => this.literal(ch.charCodeAt(0)));
    const last = parts.pop();
    return last === undefined ? "" : parts.join("") + this.quantified(last, false);
  }

  private characterClass(): string {
    for (const [word, source] of WORD_BOUNDS) {
      if (this.pattern.startsWith(word, this.position)) {
        this.position += word.length;
        return source;
      }
    }
    const reader = new ClassReader(this.pattern, this.position, this.options.extendedMore);
    const set = reader.read();
    if (typeof set === "string") return this.fault(set, reader.position);
    this.position = reader.position;
    const folded = this.options.caseless ? caselessSet(set) : set;
    return setSource(reader.negated ? complement(folded) : folded);
  }

  private escape(): string {
    const ch = this.peek();
    if (ch === "") this.fault(ERROR.backslashAtEnd, this.position);
    const reference = readReference(this.pattern, this.position, this.groups.last);
    if (reference !== undefined) {
      this.position = reference.end;
      return this.quantified(this.reference(reference.target, reference.offset), false);
    }
    const set = CLASS_ESCAPES.get(ch);
    if (set !== undefined) {
      this.position++;
      return this.quantified(this.set(set), false);
    }
    // Matching always begins at the start of the subject, so \G is \A.
    if (ch === "A" || ch === "G") {
      this.position++;
      return this.start();
    }
    const assertion = ASSERTION_ESCAPES.get(ch);
    if (assertion !== undefined) {
      this.position++;
      return assertion;
    }
    if (this.pattern.startsWith("N{", this.position)) {
      const unicode = this.pattern.startsWith("N{U+", this.position);
      this.fault(unicode ? ERROR.unicodeOnly : ERROR.unsupportedEscape, this.position + 1);
    }
    const atom = ATOM_ESCAPES.get(ch);
    if (atom !== undefined) {
      this.position++;
      return this.quantified(atom, false);
    }
    if (ch === "K" || ch === "X" || ch === "p" || ch === "P") {
      this.fault(`\\${ch} is not supported by hopway`, this.position + 1);
    }
    const escaped = readEscapedByte(this.pattern, this.position);
    this.position = escaped.end;
    if (escaped.reason !== undefined) return this.fault(escaped.reason, escaped.end);
    return this.quantified(this.literal(escaped.byte), false);
  }

  private reference(target: number | string, offset: number): string {
    const mark = this.groups.refer(target, offset);
    return this.options.caseless ? `(?i:${mark})` : mark;
  }

  private group(): string {
    if (++this.depth > MAX_NESTING) this.fault(ERROR.tooDeep, this.position);
    const outerOptions = { ...this.options };
    const atom = this.groupBody(this.position);
    this.depth--;
    if (atom === undefined) return "";
    this.options = outerOptions;
    return this.quantified(atom.source, atom.wrap);
  }

  private groupBody(open: number): Atom | undefined {
    const rest = this.pattern.slice(open);
    if (/^\*[A-Za-z:]/.test(rest)) return this.verb(rest);
    if (!rest.startsWith("?")) {
      return this.options.noAutoCapture ? this.closed("(?:", "alternatives") : this.capture(undefined);
    }
    const name = /^\?(?:P?<(?![=!])|')/.exec(rest);
    if (name !== null) {
      return this.capture(this.groupName(open + name[0].length, name[0].endsWith("'") ? "'" : ">"));
    }
    const assertion = /^\?(=|!|<=|<!)/.exec(rest)?.[1];
    if (assertion !== undefined) {
      this.position += 1 + assertion.length;
      return this.assertion(assertion);
    }
    if (rest.startsWith("?P=")) {
      const nameStart = open + 3;
      return { source: this.reference(this.groupName(nameStart, ")"), nameStart), wrap: false };
    }
    if (/^\?P[^>]/.test(rest)) this.fault(ERROR.unknownAfterP, open + 2);
    switch (rest.charAt(1)) {
      case ":":
        this.position += 2;
        return this.closed("(?:", "alternatives");
      case "|":
        this.position += 2;
        return this.closed("(?:", "resettingAlternatives");
      case ">":
        this.position += 2;
        return this.atomicGroup();
      case "(":
        return this.fault(UNSUPPORTED.conditional, open + 2);
      case "C":
        return this.fault(UNSUPPORTED.callout, open + 2);
    }
    if (/^\?(?:R|&|P>|[+-]?[0-9])/.test(rest)) return this.fault(UNSUPPORTED.recursion, open + 2);
    const { end, opensGroup } = readOptions(this.pattern, open + 1, this.options);
    this.position = end;
    return opensGroup ? this.closed("(?:", "alternatives") : undefined;
  }

  private verb(rest: string): Atom {
    const word = /^\*(\w+):/.exec(rest)?.[1];
    const kind = word === undefined ? undefined : ALPHABETIC_GROUPS.get(word);
    if (word === undefined || kind === undefined) {
      const letters = /^\*([a-z]\w*)/.exec(rest)?.[0];
      if (letters !== undefined) this.fault(ERROR.unknownAssertion, this.position + letters.length);
      return this.fault(UNSUPPORTED.verb, this.position + 1);
    }
    this.position += word.length + 2;
    return kind === ">" ? this.atomicGroup() : this.assertion(kind);
  }

  private assertion(kind: string): Atom {
    const behind = kind.startsWith("<");
    if (behind) this.lookbehinds++;
    const source = this.closed(`(?${kind}`, "alternatives", true);
    if (behind) this.lookbehinds--;
    return source;
  }

  private groupName(start: number, terminator: string): string {
    const name = readGroupName(this.pattern, start, terminator);
    this.position = start + name.length + 1;
    return name;
  }

  private capture(name: string | undefined): Atom {
    const id = this.groups.open();
    if (name !== undefined) this.groups.name(name, this.options.duplicateNames, this.position);
    return this.closed(`(<G${id}>`, "alternatives");
  }

  private atomicGroup(): Atom {
    return { source: this.atomic(this.inside("alternatives")), wrap: true };
  }

  /** What matched once is not given back: a lookahead does not backtrack, and a reference to its group repeats the match. */
  private atomic(source: string): string {
    if (this.lookbehinds > 0) this.fault(UNSUPPORTED.atomicBehind, this.position);
    const id = this.groups.extra();
    return `(?=(<G${id}>${source}))<A${id}>`;
  }

  private closed(open: string, how: "alternatives" | "resettingAlternatives", wrap = false): Atom {
    return { source: `${open}${this.inside(how)})`, wrap };
  }

  private inside(how: "alternatives" | "resettingAlternatives"): string {
    const source = this[how]();
    if (this.peek() !== ")") this.fault(ERROR.unclosed, this.position);
    this.position++;
    return source;
  }

  /** Adds the quantifier that follows, if any. `wrap` for what JavaScript does not repeat as it stands. */
  private quantified(source: string, wrap: boolean): string {
    while (this.skipIgnored());
    const quantifier = this.quantifier();
    if (quantifier === undefined) return source;
    const atom = wrap ? `(?:${source})` : source;
    const mode = this.peek();
    if (mode === "+") {
      this.position++;
      return this.atomic(quantifier === "?" ? `(?:${source}|)` : atom + quantifier);
    }
    const lazy = (mode === "?") !== this.options.ungreedy;
    if (mode === "?") this.position++;
    if (quantifier === "?" && source.startsWith("(")) {
      // JavaScript would refuse an empty match of the group and look for a longer one.
      return lazy ? `(?:|${source})` : `(?:${source}|)`;
    }
    return atom + quantifier + (lazy ? "?" : "");
  }

  private quantifier(): string | undefined {
    const ch = this.peek();
    if (ch === "*" || ch === "+" || ch === "?") {
      this.position++;
      return ch;
    }
    const repeat = readRepeat(this.pattern, this.position);
    if (repeat !== undefined) this.position = repeat.end;
    return repeat?.source;
  }

  /** Skips what may stand between an item and its quantifier: a comment, an empty quotation, blanks under `(?x)`. */
  private skipIgnored(): boolean {
    const { pattern, position } = this;
    if (pattern.startsWith("(?#", position)) {
      const end = pattern.indexOf(")", position);
      if (end < 0) this.fault(ERROR.missingCommentClose, pattern.length);
      this.position = end + 1;
    } else {
      const ignored = this.options.extended ? IGNORED_EXTENDED : IGNORED;
      ignored.lastIndex = position;
      this.position += ignored.exec(pattern)?.[0].length ?? 0;
    }
    return this.position > position;
  }

  private peek(): string {
    return this.pattern.charAt(this.position);
  }

  private fault(reason: string, offset: number): never {
    throw new RegexFault(reason, offset);
  }
}
