/**
 * A random worker is killed every second under load: only its connections are lost, the service goes on, and what it held
 * in shared zones is free. 4 kills, with HOPWAY_LONG=1 60.
 */
import { expect, test } from "bun:test";
import { startHopway } from "../harness/gateway.ts";
import { mainDirectives, workerPids } from "../harness/many-workers.ts";
import { freePort } from "../harness/ports.ts";
import { until } from "../harness/until.ts";
import { CheckedLoad } from "./checked-load.ts";
import { startEchoBackend } from "./echo-backend.ts";
import { openTunnels } from "./raw-client.ts";

const LONG = process.env["HOPWAY_LONG"] === "1";
const KILLS = LONG ? 60 : 4;
const PAUSE_MS = 1000;
const WORKERS = 4;
const CLIENTS = 4;
const TUNNELS = 40;
/** Connections that the limited location allows. */
const ALLOWED = 7;
/**
 * The longest time without any answer. A second on a machine that has nothing else to do; beside other tests only what
 * takes no end is wrong.
 */
const GAP_MS = LONG ? 1000 : 15_000;
/** A worker is replaced in this time. */
const REPLACED_MS = LONG ? 1000 : 15_000;

for (const reuseport of ["", "reuseport"]) {
  test(
    `${KILLS} kills ${reuseport}`,
    async () => {
      const port = freePort();
      const backend = startEchoBackend("a");
      const upgrade =
        "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
      const gateway = await startHopway(`${mainDirectives(WORKERS)}
error_log {prefix}/error.log notice;
events { worker_connections 4096; }
http {
  {temp_paths}
  access_log off;
  limit_conn_zone $server_port zone=all:1m;
  # As many keys as requests: entries come and go all the time.
  limit_req_zone $request_uri zone=rates:32k rate=10000r/s;
  upstream u { zone u 64k; server 127.0.0.1:${backend.port} max_conns=4000; server 127.0.0.1:${backend.port} down; }
  upstream few { zone few 64k; server 127.0.0.1:${backend.port} max_conns=${ALLOWED}; }
  server {
    listen 127.0.0.1:${port} ${reuseport};
    keepalive_requests 1000000;
    add_header X-Worker $pid always;
    limit_conn all 4000;
    limit_req zone=rates burst=10000 nodelay;
    location /echo/ { proxy_pass http://u; }
    location /ws { proxy_pass http://u; ${upgrade} }
    location /limited { limit_conn all ${ALLOWED}; proxy_pass http://u; ${upgrade} }
    location /few { proxy_pass http://few; ${upgrade} }
  }
}
`);
      const allAnswer = (): Promise<void> =>
        until("an answer of every worker", 20_000, async () => {
          const clients = await openTunnels(port, "/ws", WORKERS * 4);
          for (const client of clients) client.close();
          return new Set(clients.map(({ worker }) => worker)).size === WORKERS;
        });
      await allAnswer();
      const load = new CheckedLoad({
        port,
        fresh: CLIENTS,
        kept: CLIENTS,
        webSockets: CLIENTS,
        judge: (text, { body }) => (body === `a ${text}` ? undefined : `"${body}" instead of "a ${text}"`),
      });
      let tunnels = await openTunnels(port, "/ws", TUNNELS);
      const kills: { readonly atMs: number; readonly goneMs: number; readonly pid: number }[] = [];
      let slowestReplacementMs = 0;
      for (let i = 0; i < KILLS; i++) {
        const pids = workerPids(gateway);
        const pid = pids[Math.floor(Math.random() * pids.length)] ?? 0;
        const atMs = performance.now();
        process.kill(pid, "SIGKILL");
        await until("the end of the worker", 20_000, () => !workerPids(gateway).includes(pid));
        kills.push({ atMs, goneMs: performance.now(), pid });
        await until("another worker", 20_000, () => {
          const now = workerPids(gateway);
          return now.length === WORKERS && !now.includes(pid);
        });
        slowestReplacementMs = Math.max(slowestReplacementMs, performance.now() - atMs);
        await Bun.sleep(Math.max(0, PAUSE_MS - (performance.now() - atMs)));
        const lost = tunnels.filter(({ worker }) => worker === pid);
        await until("the end of its tunnels", 20_000, () => lost.every(({ ended }) => ended !== undefined));
        tunnels = tunnels.filter(({ worker }) => worker !== pid);
        await Promise.all(tunnels.map((tunnel) => tunnel.echo(`kill ${i}`)));
        tunnels.push(...(await openTunnels(port, "/ws", lost.length)));
      }
      await load.stop();
      for (const tunnel of tunnels) tunnel.close();

      console.log(
        `${JSON.stringify(load.right)} right answers, ${load.failures.length} lost, longest gap ` +
          `${Math.round(load.longestGapMs)} ms, slowest replacement ${Math.round(slowestReplacementMs)} ms`,
      );
      // Lost is what the killed worker had, and what it may have had: connections that began before it was gone.
      const unexplained = load.failures.filter(({ beganMs, atMs, worker, what }) => {
        if (/^(?:connect:|no answer)/.test(what)) return true;
        return !kills.some(
          (kill) => kill.atMs <= atMs && (worker === 0 ? beganMs <= kill.goneMs : worker === kill.pid),
        );
      });
      expect(unexplained).toEqual([]);
      expect(load.failures.length).toBeLessThanOrEqual(KILLS * CLIENTS * 3);
      expect(load.longestGapMs).toBeLessThan(GAP_MS);
      expect(slowestReplacementMs).toBeLessThan(REPLACED_MS);

      // None of them is busy with itself.
      await allAnswer();
      // The zones: whatever the killed ones held would be missing here.
      for (const path of ["/limited", "/few"]) {
        await until(`the return of all that was held of ${path}`, 10_000, async () => {
          const got = await openTunnels(port, path, ALLOWED * 2);
          for (const tunnel of got) tunnel.close();
          expect(got.length).toBeLessThanOrEqual(ALLOWED);
          return got.length === ALLOWED;
        });
      }
      expect(await gateway.stop()).toBe(0);
      gateway.remove();
      await backend.stop();
    },
    LONG ? 600_000 : 60_000,
  );
}
