/** How this program is started again: as a worker, in the background, as a new binary. */

/** The command that runs this program, for its arguments to follow. */
export function runtimeCommand(): string[] {
  return [process.execPath, ...process.execArgv, Bun.main];
}

/** What ps shows for a master, as nginx's. */
export function masterTitle(args: readonly string[]): string {
  return `hopway: master process hopway ${args.join(" ")}`.trimEnd();
}
