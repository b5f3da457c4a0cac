/** `examples/monitoring`: its configuration runs, and its alerts ask for numbers that there are. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type EchoBackend, startEchoBackend } from "../drills/echo-backend.ts";
import { RawClient } from "../drills/raw-client.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { until } from "../harness/until.ts";
import { LIMIT_MS, scrape } from "./scrape.ts";

const FOLDER = resolve(import.meta.dir, "../../examples/monitoring");
const example = (name: string): string => readFileSync(join(FOLDER, name), "utf8");

const port = freePort();
const statusPort = freePort();
const deadPort = freePort();
let backend: EchoBackend;
let gateway: Gateway;

beforeAll(async () => {
  backend = startEchoBackend("backend");
  const ports: Readonly<Record<string, number>> = {
    "8080": port,
    "8081": statusPort,
    "3000": backend.port,
    "3001": deadPort,
  };
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const text = example("nginx.conf")
    .replace(
      /^( *(?:listen|server) (?:127\.0\.0\.1:)?)(\d+);/gm,
      (_, start: string, port: string) => `${start}${ports[port]};`,
    )
    .replace("listen ", "listen 127.0.0.1:")
    .replace("worker_processes auto;", "worker_processes 2; daemon off;");
  gateway = await startHopway(user + text);
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  await backend.stop();
});

test("the page, the API and the metrics answer", async () => {
  const get = (path: string) => fetch(`http://127.0.0.1:${statusPort}${path}`);
  expect(await (await get("/")).text()).toContain("<title>hopway</title>");
  expect(await (await get("/api")).json()).toMatchObject({ write: true, peers: [{}, {}] });
  expect((await scrape(statusPort)).value("hopway_workers")).toBe(2);
});

test("every number that the alerts ask for is there, with their labels", async () => {
  // Of what is only told when it has happened, make it happen: a refusal, and a tunnel that ends without Close.
  const refused = await RawClient.connect(port);
  await refused.ask("/ws/", "Connection: close\r\n");
  const tunnel = await RawClient.connect(port);
  await tunnel.upgrade("/ws/");
  tunnel.close();
  const asked = [...example("alerts.yml").matchAll(/(hopway_[a-z_]+)(?:\{([a-z]+)=)?/g)];
  expect(asked.length).toBeGreaterThan(4);
  await until("all of them", LIMIT_MS, async () => {
    const { text } = await scrape(statusPort);
    return asked.every(([, name = "", label]) => text.includes(`${name}${label === undefined ? "" : "{"}`));
  });
  refused.close();
});
