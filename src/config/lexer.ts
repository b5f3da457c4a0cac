/** Turns the text of a configuration file into words, by the rules of nginx's ngx_conf_read_token. */

/** nginx reads its files through a buffer of this size; a word that does not fit into it is refused. */
const WORD_LIMIT = 4096;
/** How much of a word that is too long is shown. */
const SHOWN_OF_LONG_WORD = 10;

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const DOUBLE_QUOTE = 34;
const SHARP = 35;
const DOLLAR = 36;
const SINGLE_QUOTE = 39;
const CLOSE_PAREN = 41;
const SEMICOLON = 59;
const BACKSLASH = 92;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/**
 * What ended a run of words: `;`, `{`, a `}` that stands alone, the end of the text, or an error whose message is in
 * `Lexer.fault`.
 */
export type Ending = "simple" | "block" | "close" | "end" | "fault";

/** Reads one text. `next` fills `words`, `line` and `startLine`, as nginx fills `cf->args` and `conf_file->line`. */
export class Lexer {
  /** The words before the last `;` or `{`, unquoted and unescaped. A new array each time. */
  words: string[] = [];
  /** Line reached, from 1; the one that errors name. */
  line = 1;
  /** Line on which the first of `words` starts. */
  startLine = 1;
  /** Position in the text at which the first of `words`, with its quote, starts. */
  startOffset = 0;
  /** The message, without its position, after `next` returned "fault". */
  fault = "";
  private readonly text: string;
  /** False for the text of `-g`, which is in memory as a whole and has its own message for an early end. */
  private readonly isFile: boolean;
  /** Position in the text behind what was read. */
  private position = 0;

  constructor(text: string, isFile: boolean) {
    this.text = text;
    this.isFile = isFile;
  }

  /** Position in the text behind the `;`, `{` or `}` that was read last. */
  get endOffset(): number {
    return this.position;
  }

  /** Reads up to the next `;`, `{`, `}` or the end. After "end" or "fault" there is nothing more to read. */
  next(): Ending {
    const { text } = this;
    const words: string[] = [];
    this.words = words;
    let quote = 0;
    let betweenWords = true;
    let afterQuote = false;
    let inComment = false;
    let afterBackslash = false;
    let afterDollar = false;
    let start = this.position;
    let wordLine = this.line;

    for (;;) {
      if (this.position >= text.length) {
        if (words.length === 0 && betweenWords) return "end";
        return this.fail(
          this.isFile ? 'unexpected end of file, expecting ";" or "}"' : 'unexpected end of parameter, expecting ";"',
        );
      }
      if (this.isFile && this.position - start === WORD_LIMIT) {
        this.line = wordLine;
        return this.fail(
          quote === 0
            ? `too long parameter "${text.slice(start, start + SHOWN_OF_LONG_WORD)}..." started`
            : `too long parameter, probably missing terminating "${String.fromCharCode(quote)}" character`,
        );
      }

      const ch = text.charCodeAt(this.position++);
      if (ch === LF) {
        this.line++;
        inComment = false;
      }
      if (inComment) continue;
      if (afterBackslash) {
        afterBackslash = false;
        continue;
      }
      const isSpace = ch === SPACE || ch === TAB || ch === CR || ch === LF;

      if (afterQuote) {
        if (isSpace) {
          betweenWords = true;
          afterQuote = false;
          continue;
        }
        if (ch === SEMICOLON) return "simple";
        if (ch === OPEN_BRACE) return "block";
        // nginx lets `if ($x = "a")` close its parenthesis right after the quote.
        if (ch !== CLOSE_PAREN) return this.fail(`unexpected "${String.fromCharCode(ch)}"`);
        betweenWords = true;
        afterQuote = false;
      }

      if (betweenWords) {
        start = this.position - 1;
        wordLine = this.line;
        if (isSpace) continue;
        switch (ch) {
          case SEMICOLON:
          case OPEN_BRACE:
            if (words.length === 0) return this.fail(`unexpected "${String.fromCharCode(ch)}"`);
            return ch === OPEN_BRACE ? "block" : "simple";
          case CLOSE_BRACE:
            if (words.length !== 0) return this.fail('unexpected "}"');
            return "close";
          case SHARP:
            inComment = true;
            continue;
          case DOUBLE_QUOTE:
          case SINGLE_QUOTE:
            start++;
            quote = ch;
            break;
          case BACKSLASH:
            afterBackslash = true;
            break;
          case DOLLAR:
            afterDollar = true;
            break;
        }
        betweenWords = false;
        if (words.length === 0) {
          this.startLine = wordLine;
          this.startOffset = this.position - 1;
        }
        continue;
      }

      if (ch === OPEN_BRACE && afterDollar) continue;
      afterDollar = false;
      if (ch === BACKSLASH) {
        afterBackslash = true;
        continue;
      }
      if (ch === DOLLAR) {
        afterDollar = true;
        continue;
      }
      if (quote !== 0) {
        if (ch !== quote) continue;
        quote = 0;
        afterQuote = true;
        words.push(withoutEscapes(text.slice(start, this.position - 1)));
        continue;
      }
      if (!isSpace && ch !== SEMICOLON && ch !== OPEN_BRACE) continue;
      betweenWords = true;
      words.push(withoutEscapes(text.slice(start, this.position - 1)));
      if (ch === SEMICOLON) return "simple";
      if (ch === OPEN_BRACE) return "block";
    }
  }

  private fail(message: string): Ending {
    this.fault = message;
    return "fault";
  }
}

/** `\"`, `\'` and `\\` lose their backslash, `\t`, `\r` and `\n` become the control character; any other backslash stays. */
function withoutEscapes(word: string): string {
  if (!word.includes("\\")) return word;
  let out = "";
  for (let i = 0; i < word.length; i++) {
    const ch = word.charAt(i);
    if (ch !== "\\") {
      out += ch;
      continue;
    }
    const next = word.charAt(i + 1);
    const replacement = ESCAPES.get(next);
    if (replacement === undefined) {
      out += ch;
    } else {
      out += replacement;
      i++;
    }
  }
  return out;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["'", "'"],
  ["\\", "\\"],
  ["t", "\t"],
  ["r", "\r"],
  ["n", "\n"],
]);
