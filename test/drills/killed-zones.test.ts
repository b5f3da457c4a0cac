/** Limits that four workers share hold whatever becomes of the workers: all are killed at once, four times. */
import { expect, test } from "bun:test";
import { startHopway } from "../harness/gateway.ts";
import { mainDirectives, workerPids } from "../harness/many-workers.ts";
import { freePort } from "../harness/ports.ts";
import { until } from "../harness/until.ts";
import { startEchoBackend } from "./echo-backend.ts";
import { openTunnels, RawClient } from "./raw-client.ts";

const WORKERS = 4;
const ROUNDS = 4;
const ASKED = 40;
const LIMIT_CONN = 5;
const MAX_CONNS = 7;
const BURST = 9;

test("limit_conn, max_conns and limit_req over four workers that are killed", async () => {
  const port = freePort();
  const backend = startEchoBackend("a");
  const upgrade =
    "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
  const gateway = await startHopway(`${mainDirectives(WORKERS)}
error_log {prefix}/error.log;
events {}
http {
  {temp_paths}
  access_log off;
  limit_conn_zone $arg_key zone=connections:64k;
  limit_req_zone $arg_key zone=requests:64k rate=1r/m;
  upstream u { zone u 64k; server 127.0.0.1:${backend.port} max_conns=${MAX_CONNS}; server 127.0.0.1:${backend.port} down; }
  server {
    listen 127.0.0.1:${port};
    location /ws { limit_conn connections ${LIMIT_CONN}; proxy_pass http://127.0.0.1:${backend.port}; ${upgrade} }
    location /up { proxy_pass http://u; ${upgrade} }
    location /requests { limit_req zone=requests burst=${BURST} nodelay; try_files /none =404; }
  }
}
`);
  const allowed = async (): Promise<number> => {
    const one = async (): Promise<number> => {
      const client = await RawClient.connect(port);
      const { status } = await client.ask("/requests?key=1", "Connection: close\r\n");
      client.close();
      return status;
    };
    const statuses = await Promise.all(Array.from({ length: ASKED }, one));
    return statuses.filter((status) => status === 404).length;
  };

  expect(await allowed()).toBe(1 + BURST);
  for (let round = 0; round < ROUNDS; round++) {
    const limited = await openTunnels(port, "/ws?key=2", ASKED);
    const held = await openTunnels(port, "/up", ASKED);
    expect([limited.length, held.length]).toEqual([LIMIT_CONN, MAX_CONNS]);
    const pids = workerPids(gateway);
    expect(pids).toHaveLength(WORKERS);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await until("the end of all tunnels", 10_000, () =>
      [...limited, ...held].every(({ ended }) => ended !== undefined),
    );
    await until("four others", 10_000, () => {
      const now = workerPids(gateway);
      return now.length === WORKERS && !now.some((pid) => pids.includes(pid));
    });
  }
  // What was counted of the requests is nobody's to lose.
  expect(await allowed()).toBe(0);
  expect(await gateway.stop()).toBe(0);
  gateway.remove();
  await backend.stop();
}, 60_000);
