/** Gateways with several workers: configurations that change, worker processes. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Gateway } from "./gateway.ts";
import { childrenOf } from "./quiet.ts";
import { residentBytes } from "./worker-memory.ts";

/** As `{main}` of the harness, with that many workers. */
export function mainDirectives(workers: number): string {
  const user = process.getuid?.() === 0 ? "user root;" : "";
  return `${user} daemon off; pid {prefix}/nginx.pid; worker_processes ${workers};`;
}

/** Replaces the configuration of a running gateway; `text` as the harness takes it, without `{main}`. */
export function rewriteConfig({ prefix }: Gateway, text: string): void {
  const paths = `client_body_temp_path ${prefix}/temp/client_body; proxy_temp_path ${prefix}/temp/proxy;`;
  const path = join(prefix, "nginx.conf");
  writeFileSync(`${path}.new`, text.replaceAll("{temp_paths}", paths).replaceAll("{prefix}", prefix), "latin1");
  // A reload that is under way must not read half of it.
  renameSync(`${path}.new`, path);
}

/** The pids of the workers, in the order of their starts. */
export function workerPids({ pid }: Gateway): number[] {
  return childrenOf(pid).filter((child) => title(child).includes("worker process"));
}

/** Resident memory of the master and of each worker, in bytes. */
export function residentMemory(gateway: Gateway): number[] {
  return [gateway.pid, ...workerPids(gateway)].map(residentBytes);
}

function title(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return "";
  }
}
