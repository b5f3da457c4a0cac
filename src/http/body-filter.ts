/** A body filter stands between whoever makes a response's body and its framing (nginx's top_body_filter chain). */

/** Changes the body of one response. It works at once and holds bounded memory, so a slow client pauses its producer. */
export interface BodyFilter {
  /** Takes bytes, which it does not keep; returns those that are to be sent now. */
  write(chunk: Buffer): readonly Buffer[];
  /** What it still holds of the bytes so far is to be sent now: their reader waits for them. */
  flush(): readonly Buffer[];
  /** The body is complete; returns the rest. */
  end(): readonly Buffer[];
  /** The request is over, however it ended. May be called twice. */
  release(): void;
}
