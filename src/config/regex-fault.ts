/** Why a pattern does not compile, and where. Thrown by the readers of patterns; `RegexTranslator.translate` returns it. */
export class RegexFault {
  readonly reason: string;
  /** Index into the pattern, as PCRE's error offset: where reading stopped. */
  readonly offset: number;
  constructor(reason: string, offset: number) {
    this.reason = reason;
    this.offset = offset;
  }
}
