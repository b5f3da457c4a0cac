/** Runs hopway or nginx as a command, and waits for what it brings about. */
import { resolve } from "node:path";

export const HOPWAY = process.env["HOPWAY_BIN"] ?? resolve(import.meta.dir, "../../bin/hopway");

/** Generous: the machine may be busy. */
const LIMIT_MS = 40_000;
const POLL_MS = 10;

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export async function run(command: string, args: readonly string[], cwd: string): Promise<Outcome> {
  const child = Bun.spawn({ cmd: [command, ...args], cwd, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

/** Resolves to the first value that `look` gives which is not undefined or false; rejects when that takes too long. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = Date.now() + LIMIT_MS;
  while (Date.now() < deadline) {
    const value = await look();
    if (value !== undefined && value !== false) return value;
    await Bun.sleep(POLL_MS);
  }
  throw new Error(`waited in vain: ${what}`);
}

/** Whether a process of that number runs; one that has ended and is not yet waited for does not. */
export async function runs(pid: number): Promise<boolean> {
  const stat = Bun.file(`/proc/${pid}/stat`);
  try {
    const text = await stat.text();
    return text.slice(text.lastIndexOf(")") + 2, text.lastIndexOf(")") + 3) !== "Z";
  } catch {
    return false;
  }
}

/** The numbers of a process's children. */
export async function children(pid: number): Promise<number[]> {
  try {
    const text = await Bun.file(`/proc/${pid}/task/${pid}/children`).text();
    return text.trim().split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** The body of a GET, or undefined when nobody answers. */
export async function get(port: number, path = "/"): Promise<string | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" } });
    return await response.text();
  } catch {
    return undefined;
  }
}
