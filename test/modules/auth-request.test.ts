/** auth_request through a whole process: kept connections, limits, WebSockets, clients that leave, large answers. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { Server } from "bun";
import { type ClientStep, exchange, HALF_CLOSE, RESET, WAIT_END } from "../harness/exchange.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { loggedLines } from "../harness/seed.ts";

const port = freePort();
let gateway: Gateway;
let backend: Server<undefined>;
let guard: Server<undefined>;
let lines = 0;
/** Ports from which the guard was asked, one for each question. */
const askedFrom: number[] = [];
/** What the guard's next answers wait for. */
let gate: Promise<void> = Promise.resolve();

beforeAll(async () => {
  backend = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, server) =>
      server.upgrade(request) ? undefined : new Response(`for ${request.headers.get("x-user")}\n`),
    websocket: { message: (socket, text) => void socket.send(text) },
  });
  guard = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request, server) {
      askedFrom.push(server.requestIP(request)?.port ?? 0);
      await gate;
      const url = new URL(request.url);
      if (url.pathname.endsWith("/endless")) return new Response(new ReadableStream({ pull: (c) => c.enqueue("x") }));
      if (request.headers.get("cookie") !== "session=good") return new Response("who?\n", { status: 401 });
      return new Response("fine\n", { headers: { "X-User": "joe" } });
    },
  });
  const ask = `internal; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://guard`;
  const pass = `proxy_set_header X-User $user; proxy_pass http://127.0.0.1:${backend.port}`;
  gateway = await startHopway(`{main}
error_log {prefix}/error.log info;
events { }
http {
  {temp_paths}
  log_format case '$status $uri';
  access_log {prefix}/access.log case;
  limit_conn_zone $server_port zone=conns:64k;
  limit_req_zone $server_port zone=slow:64k rate=1r/m;
  upstream guard { server 127.0.0.1:${guard.port}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    auth_request_set $user $upstream_http_x_user;
    location / { auth_request /guard; ${pass}; }
    location = /guard { ${ask}; }
    location /endless { auth_request /guard/endless; ${pass}; }
    location = /guard/endless { ${ask}; }
    location /limited { limit_conn conns 1; auth_request /guard/limited; ${pass}; }
    location = /guard/limited { limit_conn conns 1; ${ask}; }
    location /rated { limit_req zone=slow; auth_request /guard/rated; ${pass}; }
    location = /guard/rated { limit_req zone=slow; ${ask}; }
    location /stays { auth_request /guard/stays; ${pass}; }
    location = /guard/stays { proxy_ignore_client_abort on; ${ask}; }
    location /ws { websocket on; auth_request /guard/ws; ${pass}; }
    location = /guard/ws { websocket on; ${ask}; }
  }
}
`);
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  await backend.stop(true);
  await guard.stop(true);
});

beforeEach(() => {
  askedFrom.length = 0;
});

const GOOD = { cookie: "session=good" };

async function ask(path: string, headers: Readonly<Record<string, string>> = GOOD): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  const answer = `${response.status} ${(await response.text()).split("\n")[0]}`;
  expect((await loggedLines(gateway, ++lines)).at(-1)).toBe(`${response.status} ${path}`);
  return answer;
}

/** The guard answers nobody until `meanwhile` is over. */
async function whileAsked(meanwhile: () => Promise<void>): Promise<void> {
  let open = (): void => {};
  gate = new Promise((resolve) => {
    open = resolve;
  });
  await meanwhile();
  open();
  gate = Promise.resolve();
}

test("the guard's connection is kept, whatever it answers", async () => {
  for (let i = 0; i < 6; i++) {
    expect(await ask("/page", i % 2 === 0 ? GOOD : {})).toStartWith(i % 2 === 0 ? "200 for joe" : "401 <html>");
  }
  expect(askedFrom.length).toBe(6);
  expect(new Set(askedFrom).size).toBe(1);
});

test("of an endless answer only the head is read", async () => {
  expect(await ask("/endless")).toBe("200 for null");
});

test("question and request count as one at limits", async () => {
  for (let i = 0; i < 3; i++) expect(await ask("/limited")).toBe("200 for joe");
  let first: Promise<string> | undefined;
  await whileAsked(async () => {
    const before = askedFrom.length;
    first = ask("/limited");
    while (askedFrom.length === before) await Bun.sleep(2);
    const other = await fetch(`http://127.0.0.1:${port}/limited`, { headers: GOOD });
    expect(other.status).toBe(503);
    await other.text();
    lines++;
  });
  expect(await first).toBe("200 for joe");
  expect(await ask("/limited")).toBe("200 for joe");
  expect(await ask("/rated")).toBe("200 for joe");
  expect(await ask("/rated")).toStartWith("503");
});

test("a WebSocket is opened when the guard agrees, and not before", async () => {
  const url = `ws://127.0.0.1:${port}/ws`;
  const refused = new WebSocket(url);
  await new Promise((resolve) => refused.addEventListener("error", resolve));
  lines++;
  const socket = new WebSocket(url, { headers: GOOD });
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  const echo = new Promise<MessageEvent>((resolve) => socket.addEventListener("message", resolve));
  socket.send("hello");
  expect((await echo).data).toBe("hello");
  socket.close();
  expect((await loggedLines(gateway, ++lines)).slice(-2)).toEqual(["401 /ws", "101 /ws"]);
});

/** Sends a request, and leaves when the guard has been asked about it. */
async function leave(path: string, ...steps: readonly ClientStep[]): Promise<void> {
  await exchange(
    port,
    [`GET ${path} HTTP/1.1\r\nHost: test\r\nCookie: session=good\r\n\r\n`, { waitUpstream: "a question" }, ...steps],
    [],
    undefined,
    { quiet: () => gateway.quiet(), upstreamGot: () => askedFrom.length > 0 },
  );
  await gateway.quiet();
}

for (const [how, step] of [
  ["closes", HALF_CLOSE],
  ["resets", RESET],
] as const) {
  test(`a client that ${how} while the guard is asked ends both`, async () => {
    const end = how === "closes" ? [WAIT_END] : [];
    await whileAsked(async () => {
      await leave("/page", step, ...end);
      expect((await loggedLines(gateway, ++lines)).at(-1)).toBe("499 /page");
    });
  });

  test(`proxy_ignore_client_abort: a client that ${how} while the guard is asked leaves nothing behind`, async () => {
    await whileAsked(() => leave("/stays", step));
    expect((await loggedLines(gateway, ++lines)).at(-1)).toBe(how === "closes" ? "200 /stays" : "499 /stays");
    expect(await ask("/page")).toBe("200 for joe");
  });
}
