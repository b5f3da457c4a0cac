/** `daemon on`: the work goes on in a process of its own session; the one that was started ends when that serves. */
import { inheritance, type OpenSocket } from "./open-sockets.ts";
import { masterTitle, runtimeCommand } from "./relaunch.ts";

/** Tells the new process that it is the one in the background. */
const MARK = "HOPWAY_DAEMON";

/** Whether this process is the one in the background. Takes the mark away. */
export function inBackground(): boolean {
  const marked = process.env[MARK] !== undefined;
  delete process.env[MARK];
  return marked;
}

/** Starts this command again in the background with the sockets; resolves to the exit code of this process. */
export function goToBackground(sockets: readonly OpenSocket[], args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = Bun.spawn<"ignore", "ignore", "inherit">({
      cmd: [...runtimeCommand(), ...args],
      argv0: masterTitle(args),
      env: { ...process.env, ...inheritance(sockets.length), [MARK]: "1" },
      stdio: ["ignore", "ignore", "inherit", ...sockets.map(({ fd }) => fd)],
      detached: true,
      serialization: "advanced",
      ipc: () => {
        child.disconnect();
        child.unref();
        resolve(0);
      },
      onExit: (_child, code) => resolve(code === null || code === 0 ? 1 : code),
    });
  });
}

/** In the background: tells the process that was started that it may end. */
export function announceUp(): void {
  process.send?.("up");
  process.disconnect?.();
}
