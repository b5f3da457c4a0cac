/** Waiting for what happens, by looking again and again. */

/** A look costs little, and nobody waits long for what has happened. */
const LOOK_INTERVAL_MS = 5;

/** Resolves when `look` is true; rejects after `limitMs`, naming what it waited for. */
export async function until(what: string, limitMs: number, look: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`);
    await Bun.sleep(LOOK_INTERVAL_MS);
  }
}
