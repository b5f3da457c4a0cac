/** Starts a gateway on a configuration of test/seeds as a person would have written it, with ports and paths moved. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Gateway, startHopway } from "./gateway.ts";
import { freePort } from "./ports.ts";

const SEEDS = join(import.meta.dir, "../seeds");

/** A gateway on a seed's configuration. */
export interface Seed {
  readonly gateway: Gateway;
  /** Where its one server listens on 127.0.0.1. */
  readonly port: number;
}

/**
 * Starts `start` on `test/seeds/<name>.conf`. Its `listen` moves to a free port of 127.0.0.1, `backends` gives the ports
 * in place of those that the file writes for its upstreams, logs and the pid file go to the gateway's prefix,
 * `/etc/nginx/` is test/seeds and `/var/www/html` is `root`.
 */
export async function startSeed(
  name: string,
  backends: Readonly<Record<number, number>>,
  root = "{prefix}",
  start: (configText: string) => Promise<Gateway> = startHopway,
): Promise<Seed> {
  const port = freePort();
  let text = readFileSync(join(SEEDS, `${name}.conf`), "latin1")
    .replace(/(:)(\d+)\b/g, (whole, colon: string, written: string) =>
      backends[Number(written)] === undefined ? whole : `${colon}${backends[Number(written)]}`,
    )
    .replace(/\blisten(\s+)\d+\b/g, `listen$1127.0.0.1:${port}`)
    .replaceAll("/etc/nginx/", `${SEEDS}/`)
    .replaceAll("/var/www/html", root)
    .replace(/\/var\/log\/nginx\/|\/var\/run\/|\/run\//g, "{prefix}/");
  // Started by root, workers would become "nobody" and could not read what the test wrote.
  if (process.getuid?.() === 0) text = `user root;\n${text}`;
  return { gateway: await start(`daemon off;\n${text}`), port };
}

/** Waits until the access log holds `count` lines and returns them; fewer when that takes too long. */
export async function loggedLines(gateway: Gateway, count: number): Promise<string[]> {
  const LIMIT_MS = 30_000;
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const lines = gateway.accessLog().split("\n").filter(Boolean);
    if (lines.length >= count || Date.now() > deadline) return lines;
    await Bun.sleep(5);
  }
}
