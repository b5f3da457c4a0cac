/** `hopway_metrics`: the numbers are those of the traffic, over workers, reloads and kills, and readers can read them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type EchoBackend, startEchoBackend } from "../drills/echo-backend.ts";
import { RawClient } from "../drills/raw-client.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { mainDirectives, rewriteConfig, workerPids } from "../harness/many-workers.ts";
import { freePort } from "../harness/ports.ts";
import { until } from "../harness/until.ts";
import { counted, fallen, LIMIT_MS, scrape } from "./scrape.ts";

const WORKERS = 3;
const MASKED_CLOSE_4001 = "\x88\x82\0\0\0\0\x0f\xa1";

const port = freePort();
const deadPort = freePort();
let echo: EchoBackend;
let gateway: Gateway;

/** `more`: locations beside the usual ones. */
function configuration(more = ""): string {
  return `${mainDirectives(WORKERS)}
error_log {prefix}/error.log info;
events {}
http {
  {temp_paths}
  access_log off;
  limit_req_zone $arg_key zone=keys:64k rate=1000r/s;
  upstream app { server 127.0.0.1:${echo.port}; server 127.0.0.1:${deadPort} backup; }
  server {
    listen 127.0.0.1:${port};
    server_name example.com;
    location /metrics { hopway_metrics; }
    location /ws { websocket auto; proxy_pass http://app; }
    location /pinged { websocket auto; websocket_ping_interval 50ms; proxy_pass http://app; }
    location /echo/ { proxy_pass http://app; }
    location /dead { proxy_pass http://127.0.0.1:${deadPort}; }
    location /by-name { set $u 127.0.0.1:${echo.port}; proxy_pass http://$u; }
    location = /exact { return 204; }
    location ~ "^/odd\\\\.\\"x\\"$" { return 301 /; }
    location /gr\xfc\xdfe { return 404; }
    location /keys { limit_req zone=keys; proxy_pass http://app; }
    ${more}
  }
  server { listen 127.0.0.1:${port}; server_name .other.example; return 403; }
}
`;
}

beforeAll(async () => {
  echo = startEchoBackend("echo");
  gateway = await startHopway(configuration());
});

afterAll(async () => {
  expect(await gateway.stop()).toBe(0);
  gateway.remove();
  await echo.stop();
});

async function get(path: string, fields = ""): Promise<number> {
  const client = await RawClient.connect(port);
  const { status } = await client.ask(path, `Connection: close\r\n${fields}`);
  client.close();
  return status;
}

const place = (location: string): string => `server="example.com",location="${location}"`;
const way = `${place("/ws")},upstream="app",peer="127.0.0.1:`;

test("requests by status, wherever they were answered", async () => {
  expect(await Promise.all(Array.from({ length: 9 }, (_, i) => get(`/echo/${i}`)))).toEqual(Array(9).fill(200));
  expect(await get("/exact")).toBe(204);
  expect(await get('/odd."x"')).toBe(301);
  expect(await get("/gr%FC%DFe")).toBe(404);
  expect(await get("/dead")).toBe(502);
  expect(await get("/nothing")).toBe(404);
  expect(await get("/by-name/x")).toBe(200);
  const other = await RawClient.connect(port);
  other.send("GET / HTTP/1.1\r\nHost: a.other.example\r\n\r\n");
  const requests = (labels: string): string => `hopway_http_requests_total{${labels}}`;
  await counted(port, {
    [requests(`${place("/echo/")},status="2xx"`)]: 9,
    [requests(`${place("= /exact")},status="2xx"`)]: 1,
    [requests(`${place('~ ^/odd\\\\.\\"x\\"$')},status="3xx"`)]: 1,
    // Bytes that are no UTF-8 are replaced.
    [requests(`${place("/gr\xef\xbf\xbd\xef\xbf\xbde")},status="4xx"`)]: 1,
    [requests(`${place("/dead")},status="5xx"`)]: 1,
    [requests(`${place("(none)")},status="4xx"`)]: 1,
    [requests('server="other.example",location="(none)",status="4xx"')]: 1,
    [`hopway_upstream_responses_total{upstream="app",peer="127.0.0.1:${echo.port}",status="2xx"}`]: 9,
    [`hopway_upstream_responses_total{upstream="*",peer="*",status="2xx"}`]: 1,
    [`hopway_upstream_failures_total{upstream="127.0.0.1:${deadPort}",peer="127.0.0.1:${deadPort}",reason="connect"}`]: 1,
    [`hopway_upstream_header_seconds_count{upstream="app",peer="127.0.0.1:${echo.port}"}`]: 9,
    [`hopway_upstream_response_seconds_count{upstream="app",peer="127.0.0.1:${echo.port}"}`]: 9,
    [`hopway_upstream_active{upstream="app",peer="127.0.0.1:${echo.port}"}`]: 0,
  });
  other.close();
});

test("tunnels, messages and Close frames, over all workers", async () => {
  const clients = await Promise.all(Array.from({ length: 12 }, () => RawClient.connect(port)));
  await Promise.all(clients.map((client) => client.upgrade("/ws")));
  for (const client of clients) {
    await client.echo("x".repeat(64));
    await client.echo("x".repeat(65));
    await client.echo("");
  }
  const sizes = (direction: string, rest: string): string =>
    `hopway_websocket_message_size_bytes${rest.replace("{", `{${place("/ws")},direction="${direction}",`).replace(",}", "}")}`;
  await counted(port, {
    [`hopway_tunnels_open{${way}${echo.port}"}`]: 12,
    [`hopway_tunnels_opened_total{${way}${echo.port}"}`]: 12,
    [`hopway_websocket_handshakes_total{${place("/ws")},result="accepted"}`]: 12,
    [`hopway_upstream_active{upstream="app",peer="127.0.0.1:${echo.port}"}`]: 12,
    ...Object.fromEntries(
      ["in", "out"].flatMap((direction) => [
        [`hopway_websocket_messages_total{${place("/ws")},direction="${direction}"}`, 36],
        [`hopway_websocket_message_bytes_total{${place("/ws")},direction="${direction}"}`, 12 * 129],
        [sizes(direction, '_bucket{le="64.0"}'), 24],
        [sizes(direction, '_bucket{le="256.0"}'), 36],
        [sizes(direction, "_count{}"), 36],
      ]),
    ),
  });
  for (const client of clients.slice(0, 5)) client.send(MASKED_CLOSE_4001);
  for (const client of clients.slice(5)) client.close();
  const closes = (code: string): string => `hopway_websocket_closes_total{${place("/ws")},by="client",code="${code}"}`;
  await counted(port, {
    [`hopway_tunnels_open{${way}${echo.port}"}`]: 0,
    [`hopway_tunnels_opened_total{${way}${echo.port}"}`]: 12,
    [`hopway_upstream_active{upstream="app",peer="127.0.0.1:${echo.port}"}`]: 0,
    [closes("4xxx")]: 5,
    [closes("1006")]: 7,
    [`hopway_tunnel_duration_seconds_count{${place("/ws")}}`]: 12,
  });
});

test("pings and their round trips", async () => {
  const client = await RawClient.connect(port);
  await client.upgrade("/pinged");
  const of = (name: string, side: string): string => `hopway_websocket_${name}{${place("/pinged")},side="${side}"}`;
  await until("pings of both sides, answered by the backend", LIMIT_MS, async () => {
    const { value } = await scrape(port);
    const answered = value(of("ping_round_trip_seconds_count", "upstream")) > 0;
    return answered && value(of("pings_total", "client")) > 0 && value(of("pings_total", "upstream")) > 0;
  });
  client.close();
});

test("the processes", async () => {
  const { families, value } = await scrape(port);
  expect(value("hopway_workers")).toBe(WORKERS);
  const resident = [...(families.get("hopway_worker_resident_memory_bytes")?.samples ?? [])];
  expect(resident).toHaveLength(WORKERS);
  for (const [, bytes] of resident) expect(bytes).toBeGreaterThan(1_000_000);
  expect(families.get("hopway_worker_cpu_seconds_total")?.samples.size).toBe(WORKERS);
  expect(value('hopway_worker_event_loop_lag_seconds_count{worker="0"}')).toBeGreaterThan(0);
  expect(value('hopway_zone_size_bytes{zone="keys",module="http_limit_req"}')).toBe(65_536);
  expect(value("hopway_start_time_seconds")).toBeGreaterThan(1_700_000_000);
});

test("zones fill", async () => {
  for (const key of ["a", "b", "c"]) expect(await get(`/keys?key=${key}`)).toBe(200);
  await counted(port, { 'hopway_zone_entries{zone="keys",module="http_limit_req"}': 3 });
});

test("whatever clients send, there are no more series", async () => {
  const samplesOf = async (): Promise<string[]> => {
    const { families } = await scrape(port);
    return [...families.values()].flatMap(({ samples }) => [...samples.keys()]);
  };
  await get("/nothing");
  const before = await samplesOf();
  for (let i = 0; i < 50; i++) {
    await get(
      `/nothing/${i}?${i}`,
      `X-${i}: ${i}\r\nUser-Agent: ${i}\r\nOrigin: http://${i}.example\r\nUpgrade: p${i}\r\n`,
    );
  }
  expect(await samplesOf()).toEqual(before);
});

test("other methods, HEAD, OpenMetrics", async () => {
  const url = `http://127.0.0.1:${port}/metrics`;
  expect((await fetch(url, { method: "POST", body: "x" })).status).toBe(405);
  const head = await fetch(url, { method: "HEAD" });
  expect([head.status, head.headers.get("content-type")]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
  expect((await scrape(port, "/metrics", "application/openmetrics-text")).text).toEndWith("# EOF\n");
});

describe.skipIf(Bun.which("promtool") === null && process.env["HOPWAY_PROMTOOL"] === undefined)("Prometheus", () => {
  test("promtool finds nothing wrong", async () => {
    const { text } = await scrape(port);
    const child = Bun.spawn([process.env["HOPWAY_PROMTOOL"] ?? "promtool", "check", "metrics"], {
      stdin: Buffer.from(text, "latin1"),
      stdout: "pipe",
      stderr: "pipe",
    });
    const said = (await new Response(child.stdout).text()) + (await new Response(child.stderr).text());
    expect({ code: await child.exited, said }).toEqual({ code: 0, said: "" });
  });
});

test("a reload goes on counting; tunnels of before stay open", async () => {
  const client = await RawClient.connect(port);
  await client.upgrade("/ws");
  const open = `hopway_tunnels_open{${way}${echo.port}"}`;
  const before = await counted(port, { [open]: 1 });
  // Rows move in the configuration: what has another place in it keeps its numbers.
  rewriteConfig(gateway, configuration('location /first { return 200 "first\\n"; }'));
  process.kill(gateway.pid, "SIGHUP");
  await until("the reload", LIMIT_MS, async () => (await get("/first")) === 200);
  await counted(port, { 'hopway_reloads_total{result="ok"}': 1, 'hopway_reloads_total{result="failed"}': 0 });
  const after = await scrape(port);
  expect(fallen(before, after)).toEqual([]);
  expect(after.value(open)).toBe(1);
  await client.echo("still there");
  client.close();
  await counted(port, { [open]: 0 });

  rewriteConfig(gateway, "nonsense");
  process.kill(gateway.pid, "SIGHUP");
  await counted(port, { 'hopway_reloads_total{result="ok"}': 1, 'hopway_reloads_total{result="failed"}': 1 });
  expect(fallen(after, await scrape(port))).toEqual([]);
});

test("tunnels of a location that reloads have taken away are shown until they end", async () => {
  const goes = "location /goes { websocket auto; proxy_pass http://app; }";
  const reload = async (more: string, path: string): Promise<void> => {
    rewriteConfig(gateway, configuration(`${more} location = ${path} { return 200; }`));
    process.kill(gateway.pid, "SIGHUP");
    await until("the reload in all workers", LIMIT_MS, async () => {
      for (let i = 0; i < 4 * WORKERS; i++) if ((await get(path)) !== 200) return false;
      return true;
    });
  };
  await reload(goes, "/second");
  const client = await RawClient.connect(port);
  await client.upgrade("/goes");
  await client.echo("there");
  const labels = 'server="example.com",location="/goes"';
  const open = `hopway_tunnels_open{${labels},upstream="app",peer="127.0.0.1:${echo.port}"}`;
  const messages = `hopway_websocket_messages_total{${labels},direction="in"}`;
  await counted(port, { [open]: 1, [messages]: 1 });
  for (const path of ["/third", "/fourth", "/fifth"]) {
    await reload("", path);
    await client.echo("still there");
    await counted(port, { [open]: 1 });
  }
  await counted(port, { [messages]: 4 });
  client.close();
  await until("the end of its rows", LIMIT_MS, async () => !(await scrape(port)).text.includes("/goes"));
}, 60_000);

test("no counter falls while workers are killed, and nothing stays open", async () => {
  const clients: RawClient[] = [];
  let before = await scrape(port);
  const first = before;
  for (let round = 1; round <= 4; round++) {
    const pids = workerPids(gateway);
    for (let i = 0; i < 9; i++) {
      const client = await RawClient.connect(port);
      await client.upgrade("/ws");
      await client.echo("hello");
      clients.push(client);
    }
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await until("other workers that answer", LIMIT_MS, async () => {
      const now = workerPids(gateway);
      if (now.length !== WORKERS || now.some((pid) => pids.includes(pid))) return false;
      const after = await scrape(port).catch(() => undefined);
      if (after === undefined) return false;
      expect(fallen(before, after)).toEqual([]);
      before = after;
      return true;
    });
  }
  const opened = `hopway_tunnels_opened_total{${way}${echo.port}"}`;
  await counted(port, {
    [`hopway_tunnels_open{${way}${echo.port}"}`]: 0,
    [`hopway_upstream_active{upstream="app",peer="127.0.0.1:${echo.port}"}`]: 0,
    [opened]: first.value(opened) + 36,
    hopway_workers_died_total: 4 * WORKERS,
    'hopway_connections{state="waiting"}': 0,
    'hopway_connections{state="writing"}': 1,
  });
  for (const client of clients) client.close();
}, 60_000);
