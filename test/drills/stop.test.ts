/** QUIT under load: who was let in is answered, tunnels end on their own or at worker_shutdown_timeout. 2 stops, with HOPWAY_LONG=1 20. */
import { describe, expect, test } from "bun:test";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { mainDirectives } from "../harness/many-workers.ts";
import { freePort } from "../harness/ports.ts";
import { until } from "../harness/until.ts";
import { CheckedLoad } from "./checked-load.ts";
import { type EchoBackend, startEchoBackend } from "./echo-backend.ts";
import { RawClient } from "./raw-client.ts";

const LONG = process.env["HOPWAY_LONG"] === "1";
const STOPS = LONG ? 20 : 2;
const WORKERS = 2;
const TUNNELS = 20;
/** So many right answers of each kind before it is told to stop. */
const ANSWERS_BEFORE = 20;

function start(port: number, backend: EchoBackend, { main = "", http = "" }): Promise<Gateway> {
  return startHopway(`${mainDirectives(WORKERS)} ${main}
error_log {prefix}/error.log notice;
events { worker_connections 4096; }
http {
  {temp_paths}
  access_log off;
  ${http}
  server {
    listen 127.0.0.1:${port};
    proxy_http_version 1.1;
    location / { proxy_pass http://127.0.0.1:${backend.port}; }
    location /ws {
      proxy_pass http://127.0.0.1:${backend.port};
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
    }
  }
}
`);
}

async function openTunnels(port: number): Promise<RawClient[]> {
  const tunnels: RawClient[] = [];
  for (let i = 0; i < TUNNELS; i++) {
    const client = await RawClient.connect(port);
    await client.upgrade("/ws");
    tunnels.push(client);
  }
  return tunnels;
}

describe("QUIT under load", () => {
  for (const [name, http] of [
    ["idle connections close at once", ""],
    ["idle connections get time for one more request", "keepalive_min_timeout 3s;"],
  ] as const) {
    test(
      name,
      async () => {
        for (let i = 0; i < STOPS; i++) await quitUnderLoad(http);
      },
      LONG ? 300_000 : 60_000,
    );
  }
});

async function quitUnderLoad(http: string): Promise<void> {
  const port = freePort();
  const backend = startEchoBackend("a");
  const gateway = await start(port, backend, { http });
  const tunnels = await openTunnels(port);
  const load = new CheckedLoad({
    port,
    fresh: 6,
    kept: 6,
    webSockets: 6,
    judge: (text, { body }) => (body === `a ${text}` ? undefined : `"${body}" instead of "a ${text}"`),
  });
  await until("a load", 30_000, () => Object.values(load.right).every((right) => right >= ANSWERS_BEFORE));
  load.refusalsEnd = true;
  process.kill(gateway.pid, "SIGQUIT");
  await load.stopped();
  // Where idle connections close at once, a client may have just begun to send: it sees the end before any answer.
  const crossed = /^closed by the server instead of a head, after 0 bytes/;
  expect(load.failures.filter(({ kind, what }) => http !== "" || kind !== "kept" || !crossed.test(what))).toEqual([]);
  for (const [i, tunnel] of tunnels.entries()) {
    await tunnel.echo(`still there ${i}`);
    tunnel.close();
  }
  expect(await gateway.ended()).toBe(0);
  expect(gateway.errorLog()).not.toMatch(/\[(?:warn|error|crit|alert|emerg)\]/);
  gateway.remove();
  await backend.stop();
}

test("worker_shutdown_timeout cuts what does not end", async () => {
  const port = freePort();
  const backend = startEchoBackend("a");
  const gateway = await start(port, backend, { main: "worker_shutdown_timeout 2s;" });
  const tunnels = await openTunnels(port);
  const beganMs = performance.now();
  process.kill(gateway.pid, "SIGQUIT");
  await Promise.all(tunnels.map((tunnel) => tunnel.echo("still there")));
  expect(await gateway.ended()).toBe(0);
  expect(performance.now() - beganMs).toBeGreaterThan(1950);
  expect(tunnels.filter(({ ended }) => ended === undefined)).toEqual([]);
  gateway.remove();
  await backend.stop();
});
