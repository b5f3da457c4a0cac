/** limit_conn and limit_req through a whole process: tunnels, delays, clients that leave, reloads. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Server } from "bun";
import { exchange } from "../harness/exchange.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { until } from "../harness/until.ts";

const LIMIT_MS = 30_000;

const port = freePort();
let backend: Server<undefined>;
let gateway: Gateway;

beforeAll(async () => {
  backend = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request, server) {
      return server.upgrade(request) ? undefined : new Response("plain\n");
    },
    websocket: {
      message(socket, text) {
        if (text === "end") socket.close(1000);
        else socket.send(text);
      },
    },
  });
  gateway = await startHopway(`{main}
error_log {prefix}/error.log info;
events { }
http {
  {temp_paths}
  log_format case '$status $uri $limit_req_status $limit_conn_status';
  access_log {prefix}/access.log case;
  limit_conn_zone $arg_k zone=tunnels:64k;
  limit_req_zone $arg_k zone=slow:64k rate=1r/m;
  limit_req_zone $arg_k zone=fast:64k rate=2r/s;
  server {
    listen 127.0.0.1:${port};
    location /ws { limit_conn tunnels 2; proxy_pass http://127.0.0.1:${backend.port};
      proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }
    location /slow { limit_req zone=slow; try_files /none =404; }
    location /waits { limit_req zone=slow burst=2; limit_conn tunnels 1; try_files /none =404; }
    location /fast { limit_req zone=fast burst=2; try_files /none =404; }
    # more
  }
}
`);
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  await backend.stop(true);
});

async function status(target: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}${target}`);
  await response.arrayBuffer();
  return response.status;
}

function openTunnel(target: string): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${target}`);
    socket.onopen = () => resolve(socket);
    socket.onerror = () => reject(new Error("refused"));
  });
}

/** Changes the configuration file and has it read again. */
function reload(change: (text: string) => string): void {
  const path = join(gateway.prefix, "nginx.conf");
  writeFileSync(path, change(readFileSync(path, "latin1")), "latin1");
  process.kill(gateway.pid, "SIGHUP");
}

/** Reloads with a new location, and waits until it is served. */
async function reloadAndWait(name: string): Promise<void> {
  reload((text) => text.replace("# more", `location /${name} { return 200; } # more`));
  await until(`the reload with ${name}`, LIMIT_MS, async () => (await status(`/${name}`)) === 200);
}

test("a WebSocket counts as one for as long as it is open, whoever ends it", async () => {
  const first = await openTunnel("/ws?k=a");
  const second = await openTunnel("/ws?k=a");
  expect(await status("/ws?k=a")).toBe(503);
  expect(await status("/ws?k=other")).toBe(200);
  await expect(openTunnel("/ws?k=a")).rejects.toThrow("refused");
  first.close();
  await until("the first is counted out", LIMIT_MS, async () => (await status("/ws?k=a")) === 200);
  const third = await openTunnel("/ws?k=a");
  expect(await status("/ws?k=a")).toBe(503);
  second.send("end");
  await until("the second is counted out", LIMIT_MS, async () => (await status("/ws?k=a")) === 200);
  third.terminate();
  await until("the third is counted out", LIMIT_MS, () => gateway.accessLog().match(/^101 /gm)?.length === 3);
  const [fourth, fifth] = [await openTunnel("/ws?k=a"), await openTunnel("/ws?k=a")];
  expect(await status("/ws?k=a")).toBe(503);
  for (const socket of [fourth, fifth]) socket.terminate();
});

test("delayed requests are answered in their turn", async () => {
  const get = "GET /fast?k=b HTTP/1.1\r\nHost: x\r\n\r\n";
  const { received } = await exchange(port, [get + get, { waitResponses: 2 }], [], LIMIT_MS);
  expect(received.match(/^HTTP\/1\.1 404/gm)?.length).toBe(2);
  await gateway.quiet();
  expect(gateway.errorLog()).toMatch(/\[warn\] \d+#\d+: \*\d+ delaying request, excess: \d\.\d{3}, by zone "fast"/);
});

test("a client that leaves while it is delayed costs nothing", async () => {
  const around = { quiet: gateway.quiet, upstreamGot: () => true };
  for (const leave of [{ reset: true }, { halfClose: true }] as const) {
    const get = `GET /waits?k=c${Object.keys(leave)[0]} HTTP/1.1\r\nHost: x\r\n\r\n`;
    await exchange(port, [get, { waitResponses: 1 }, get, { quiet: true }, leave], [], LIMIT_MS, around);
  }
  await until("both are logged", LIMIT_MS, () => gateway.accessLog().match(/^499 \/waits/gm)?.length === 2);
  await gateway.quiet();
  expect(gateway.errorLog()).toContain("client prematurely closed connection");
});

test("zones go on over reloads: rates, and tunnels of the configuration before", async () => {
  expect([await status("/slow?k=d"), await status("/slow?k=d")]).toEqual([404, 503]);
  const tunnels = [await openTunnel("/ws?k=d"), await openTunnel("/ws?k=d")];
  await reloadAndWait("again");
  expect(await status("/slow?k=d")).toBe(503);
  expect(await status("/ws?k=d")).toBe(503);
  tunnels[0]!.close();
  await until("a tunnel is counted out", LIMIT_MS, async () => (await status("/ws?k=d")) === 200);
  tunnels[1]!.close();
});

test("a zone cannot go on with another key: the reload is refused", async () => {
  reload((text) =>
    text.replace("$arg_k zone=slow", "$arg_j zone=slow").replace("# more", "location /bad { return 200; } # more"),
  );
  const fault = 'limit_req "slow" uses the "$arg_j" key while previously it used the "$arg_k" key';
  await until(
    "the fault is logged",
    LIMIT_MS,
    () => gateway.errorLog().includes(`[emerg] `) && gateway.errorLog().includes(fault),
  );
  expect(await status("/bad")).toBe(404);
  expect(await status("/slow?k=d")).toBe(503);
  reload((text) => text.replace("$arg_j zone=slow", "$arg_k zone=slow"));
  await until("the next is taken", LIMIT_MS, async () => (await status("/bad")) === 200);
});

test("another size begins anew", async () => {
  expect([await status("/slow?k=e"), await status("/slow?k=e")]).toEqual([404, 503]);
  reload((text) =>
    text.replace("zone=slow:64k", "zone=slow:128k").replace("# more", "location /larger { return 200; } # more"),
  );
  await until("the reload", LIMIT_MS, async () => (await status("/larger")) === 200);
  expect([await status("/slow?k=e"), await status("/slow?k=e")]).toEqual([404, 503]);
});
