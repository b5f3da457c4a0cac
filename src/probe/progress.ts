/** What is being waited for, in one line of a terminal that the report takes the place of. */

const CLEAR_LINE = "\r\u001b[K";

export interface Progress {
  show(step: string): void;
  clear(): void;
}

/** Shows on a terminal, and nowhere else. */
export function progressOn(stream: { readonly isTTY?: boolean; write(text: string): unknown }): Progress {
  if (stream.isTTY !== true) return { show: () => {}, clear: () => {} };
  return {
    show: (step) => stream.write(`${CLEAR_LINE}... ${step}`),
    clear: () => stream.write(CLEAR_LINE),
  };
}
