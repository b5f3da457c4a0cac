/** Reads what a gateway counts, as a scraper does, and strictly. */
import { expect } from "bun:test";
import { RawClient } from "../drills/raw-client.ts";
import { until } from "../harness/until.ts";
import { type Family, parseExposition } from "./exposition-parser.ts";

export const LIMIT_MS = 15_000;

/** The text, and what is in it. */
export interface Scrape {
  readonly text: string;
  readonly families: ReadonlyMap<string, Family>;
  /** A sample as it stands in the text; 0 where there is none. */
  value(sample: string): number;
}

export async function scrape(port: number, path = "/metrics", accept = "text/plain"): Promise<Scrape> {
  const client = await RawClient.connect(port);
  const { status, headers, body } = await client.ask(path, `Accept: ${accept}\r\nConnection: close\r\n`);
  client.close();
  expect(status).toBe(200);
  const openMetrics = headers.get("content-type")?.startsWith("application/openmetrics-text") === true;
  const families = parseExposition(body, openMetrics);
  const all = new Map([...families.values()].flatMap(({ samples }) => [...samples]));
  return { text: body, families, value: (sample) => all.get(sample) ?? 0 };
}

/** Scrapes until it says these values: what a client has done may not have been counted yet when the client knows of it. */
export async function counted(port: number, wanted: Readonly<Record<string, number>>): Promise<Scrape> {
  let last = await scrape(port);
  const look = (): Record<string, number> =>
    Object.fromEntries(Object.keys(wanted).map((sample) => [sample, last.value(sample)]));
  await until("counters", LIMIT_MS, async () => {
    if (Bun.deepEquals(look(), wanted)) return true;
    last = await scrape(port);
    return false;
  }).catch(() => expect(look()).toEqual({ ...wanted }));
  return last;
}

/** The counters that have fallen from one scrape to a later one; there must be none. */
export function fallen(before: Scrape, after: Scrape): string[] {
  const out: string[] = [];
  for (const [name, { type, samples }] of before.families) {
    if (type === "gauge") continue;
    for (const [sample, value] of samples) {
      // What is told of single processes ends with them.
      if (name.startsWith("hopway_worker_")) continue;
      if (after.value(sample) < value) out.push(`${sample}: ${value}, then ${after.value(sample)}`);
    }
  }
  return out;
}
