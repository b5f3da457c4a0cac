/**
 * Reloads in a row under constant load: nothing is refused, reset, failed or misrouted, tunnels from before the first
 * echo after the last, no process comes or goes, memory stays. 6 reloads, with HOPWAY_LONG=1 100.
 */
import { expect, test } from "bun:test";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { mainDirectives, residentMemory, rewriteConfig, workerPids } from "../harness/many-workers.ts";
import { freePort } from "../harness/ports.ts";
import { until } from "../harness/until.ts";
import { CheckedLoad } from "./checked-load.ts";
import { startEchoBackend } from "./echo-backend.ts";
import { ClientFailure, RawClient } from "./raw-client.ts";

const LONG = process.env["HOPWAY_LONG"] === "1";
const RELOADS = LONG ? 100 : 6;
const WORKERS = 2;
const TUNNELS = LONG ? 200 : 40;
/** Until every worker serves by the new configuration. */
const RELOAD_LIMIT_MS = 20_000;
/**
 * What may be added to the memory of master and workers together. Garbage of 60 MB each comes and goes; over 330 reloads
 * nothing stayed.
 */
const ALLOWED_BYTES = 96 * 1024 * 1024;
/** Reloads after which memory is looked at first: what is compiled and cached once is there by then. */
const WARM_RELOADS = Math.min(20, RELOADS / 2);
/** Of so many reloads the least memory of each process counts. */
const WINDOW = Math.ceil((RELOADS - WARM_RELOADS) / 3);

const port = freePort();
/** Listened on by the odd generations only. */
const oddPort = freePort();

function config(generation: number, backends: readonly { readonly port: number }[], reuseport: string): string {
  const odd = generation % 2 === 1;
  const [a, b, c] = backends.map((backend) => `127.0.0.1:${backend.port}`);
  // Upstream u has the same backends in every generation, in the odd ones written in another way.
  return `${mainDirectives(WORKERS)}
error_log {prefix}/error.log notice;
events { worker_connections 4096; }
http {
  {temp_paths}
  access_log off;
  limit_conn_zone $binary_remote_addr zone=addresses:1m;
  upstream u { server ${a}; server ${a} backup; ${odd ? "keepalive 8;" : ""} }
  upstream other_${generation} { zone other 64k; server ${b}; server ${c} backup; }
  map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
  server {
    listen 127.0.0.1:${port} ${reuseport};
    keepalive_requests 1000000;
    add_header X-Generation ${generation};
    add_header X-Worker $pid;
    proxy_http_version 1.1;
    location /echo/ { proxy_pass http://u; }
    location /ws {
      limit_conn addresses 4000;
      proxy_pass http://u;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    }
    location /other/ { proxy_pass http://other_${generation}; }
    location /generation { return 200 ${generation}; }
  }
  ${odd ? `server { listen 127.0.0.1:${oddPort}; location / { return 200 odd; } }` : ""}
}
`;
}

/** The least that each process had, added up. */
function least(resident: readonly (readonly number[])[]): number {
  const processes = resident[0] ?? [];
  return processes.reduce((sum, _, i) => sum + Math.min(...resident.map((all) => all[i] ?? 0)), 0);
}

/** The generations and workers that answer now, from new connections. */
async function answering(): Promise<{ worker: string; generation: number }> {
  const client = await RawClient.connect(port);
  const { headers, body } = await client.ask("/generation", "Connection: close\r\n");
  client.close();
  return { worker: headers.get("x-worker") ?? "", generation: Number(body) };
}

async function inForce(gateway: Gateway, generation: number): Promise<void> {
  const changed = new Set<string>();
  const workers = workerPids(gateway).map(String);
  await until(`generation ${generation} in ${workers}`, RELOAD_LIMIT_MS, async () => {
    const now = await answering();
    if (now.generation === generation) changed.add(now.worker);
    return workers.every((worker) => changed.has(worker));
  });
}

for (const reuseport of ["", "reuseport"]) {
  test(
    `${RELOADS} reloads ${reuseport}`,
    async () => {
      const backends = [startEchoBackend("a"), startEchoBackend("b"), startEchoBackend("c")];
      const gateway = await startHopway(config(0, backends, reuseport));
      const processes = (): string => [gateway.pid, ...workerPids(gateway)].join();
      await inForce(gateway, 0);
      const before = processes();
      const tunnels: RawClient[] = [];
      for (let i = 0; i < TUNNELS; i++) {
        const client = await RawClient.connect(port);
        await client.upgrade("/ws");
        await client.echo(`before ${i}`);
        tunnels.push(client);
      }

      /** All workers have at least this one; none has a later one than `newest`. */
      let oldest = 0;
      let newest = 0;
      const load = new CheckedLoad({
        port,
        fresh: 4,
        kept: 4,
        webSockets: 4,
        judge: (text, { headers, body }) => {
          const generation = Number(headers.get("x-generation"));
          if (body !== `a ${text}`) return `"${body}" instead of "a ${text}"`;
          // One that began before a reload ended may be answered by the configuration before it.
          return generation >= oldest - 1 && generation <= newest ? undefined : `generation ${generation} at ${newest}`;
        },
      });
      const resident: number[][] = [];
      for (let generation = 1; generation <= RELOADS; generation++) {
        rewriteConfig(gateway, config(generation, backends, reuseport));
        newest = generation;
        process.kill(gateway.pid, "SIGHUP");
        await inForce(gateway, generation);
        oldest = generation;
        const other = await RawClient.connect(port);
        expect((await other.ask("/other/1", "Connection: close\r\n")).body).toStartWith("b ");
        other.close();
        if (generation % 2 === 1) {
          const odd = await RawClient.connect(oddPort);
          expect((await odd.ask("/", "Connection: close\r\n")).body).toBe("odd");
          odd.close();
        } else {
          await until("the end of the odd port", RELOAD_LIMIT_MS, () =>
            RawClient.connect(oddPort).then(
              (client) => {
                client.close();
                return false;
              },
              (error) => error instanceof ClientFailure,
            ),
          );
        }
        resident.push(residentMemory(gateway));
      }
      await load.stop();

      expect(load.failures).toEqual([]);
      for (const right of Object.values(load.right)) expect(right).toBeGreaterThan(RELOADS);
      for (const [i, tunnel] of tunnels.entries()) {
        expect(tunnel.ended).toBeUndefined();
        await tunnel.echo(`after ${i}`);
        tunnel.close();
      }
      expect(processes()).toBe(before);
      const grown = least(resident.slice(-WINDOW)) - least(resident.slice(WARM_RELOADS, WARM_RELOADS + WINDOW));
      console.log(`${JSON.stringify(load.right)} right answers, memory grew by ${Math.round(grown / 1024)} KiB`);
      expect(grown).toBeLessThan(ALLOWED_BYTES);
      expect(gateway.errorLog()).not.toMatch(/\[(?:warn|error|crit|alert|emerg)\]/);
      expect(await gateway.stop()).toBe(0);
      gateway.remove();
      for (const backend of backends) await backend.stop();
    },
    LONG ? 600_000 : 60_000,
  );
}
