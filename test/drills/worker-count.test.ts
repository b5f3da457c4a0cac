/**
 * `worker_processes` goes up and down under load, each worker with a socket of its own: nobody is refused, reset or left
 * waiting, tunnels from before the first reload echo after the last. 4 reloads, with HOPWAY_LONG=1 40.
 */
import { expect, test } from "bun:test";
import { startHopway } from "../harness/gateway.ts";
import { mainDirectives, rewriteConfig, workerPids } from "../harness/many-workers.ts";
import { freePort } from "../harness/ports.ts";
import { until } from "../harness/until.ts";
import { CheckedLoad } from "./checked-load.ts";
import { startEchoBackend } from "./echo-backend.ts";
import { RawClient } from "./raw-client.ts";

const LONG = process.env["HOPWAY_LONG"] === "1";
const RELOADS = LONG ? 40 : 4;
const COUNTS = [4, 2] as const;
const TUNNELS = 24;
/** New connections spread over all sockets: so many of them meet every worker. */
const ANSWERS = 20;
/**
 * The longest time in which no new connection gets its answer: a start of workers takes the processors, and other tests
 * may want them too. Who waits in the queue of a worker that is gone waits for ever.
 */
const GAP_MS = LONG ? 1000 : 10_000;

test(`${RELOADS} reloads with 2 and 4 workers, reuseport`, async () => {
  const port = freePort();
  const backend = startEchoBackend("a");
  const config = (workers: number): string => `${mainDirectives(workers)}
error_log {prefix}/error.log notice;
events { worker_connections 4096; }
http {
  {temp_paths}
  access_log off;
  server {
    listen 127.0.0.1:${port} reuseport;
    keepalive_requests 1000000;
    # A worker that goes lets those that it knows ask once more.
    keepalive_min_timeout 10s;
    add_header X-Worker $pid always;
    add_header X-Count ${workers};
    proxy_http_version 1.1;
    location /echo/ { proxy_pass http://127.0.0.1:${backend.port}; }
    location /ws {
      proxy_pass http://127.0.0.1:${backend.port};
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
    }
  }
}
`;
  const gateway = await startHopway(config(4));
  const tunnels: RawClient[] = [];
  /** Idle between two requests while workers come and go. */
  const kept: { readonly client: RawClient; readonly worker: number }[] = [];
  for (let i = 0; i < TUNNELS; i++) {
    const tunnel = await RawClient.connect(port);
    await tunnel.upgrade("/ws");
    tunnels.push(tunnel);
    const client = await RawClient.connect(port);
    await client.ask("/echo/kept");
    kept.push({ client, worker: client.worker });
  }
  const first = workerPids(gateway);
  const load = new CheckedLoad({
    port,
    fresh: 4,
    kept: 4,
    webSockets: 4,
    judge: (text, { body }) => (body === `a ${text}` ? undefined : `"${body}" instead of "a ${text}"`),
  });
  for (let reload = 1; reload <= RELOADS; reload++) {
    const workers = COUNTS[reload % 2] ?? 0;
    rewriteConfig(gateway, config(workers));
    process.kill(gateway.pid, "SIGHUP");
    let answers = 0;
    await until(`answers by the configuration of ${workers} workers only`, 20_000, async () => {
      const client = await RawClient.connect(port);
      const { headers } = await client.ask("/echo/who", "Connection: close\r\n");
      client.close();
      answers = headers.get("x-count") === String(workers) ? answers + 1 : 0;
      return answers === ANSWERS;
    });
    // Those that stay have not let go of anybody.
    const stayed = kept.filter(({ worker }) => first.indexOf(worker) < 2);
    await Promise.all(stayed.map(({ client }) => client.ask("/echo/still")));
    expect(stayed.filter(({ client, worker }) => client.worker !== worker)).toEqual([]);
  }
  await load.stop();
  console.log(`${JSON.stringify(load.right)} right answers, longest gap ${Math.round(load.longestGapMs)} ms`);
  expect(load.failures).toEqual([]);
  expect(load.longestGapMs).toBeLessThan(GAP_MS);
  for (const [i, tunnel] of tunnels.entries()) {
    await tunnel.echo(`after ${i}`);
    tunnel.close();
  }
  for (const { client } of kept) client.close();
  expect(workerPids(gateway).slice(0, 2)).toEqual(first.slice(0, 2));
  expect(gateway.errorLog()).not.toMatch(/\[(?:warn|error|crit|alert|emerg)\]/);
  expect(await gateway.stop()).toBe(0);
  gateway.remove();
  await backend.stop();
}, 120_000);
