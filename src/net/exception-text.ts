/** A caught exception for the error log, in one line: what it says, then the frames of its stack. */
export function exceptionText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return (error.stack ?? error.message).replace(/\s*\n\s*/g, " | ");
}
