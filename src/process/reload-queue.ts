/** Reloads run one after another. One more at most waits for the one that is under way: it will read what is there by then. */
export class ReloadQueue {
  private readonly reload: () => Promise<void>;
  private readonly onFault: (error: unknown) => void;
  private last: Promise<void> = Promise.resolve();
  private waits = false;

  /** `onFault`: an exception in a reload is a bug; what runs goes on, and so do later reloads. */
  constructor(reload: () => Promise<void>, onFault: (error: unknown) => void) {
    this.reload = reload;
    this.onFault = onFault;
  }

  /** Reloads as soon as may be. */
  add(): void {
    if (this.waits) return;
    this.waits = true;
    const turn = (): Promise<void> => {
      this.waits = false;
      return this.reload();
    };
    this.last = this.last.then(turn).catch(this.onFault);
  }
}
