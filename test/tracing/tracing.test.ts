/** otel_*: spans reach a collector, traces reach upstreams, and a collector that is away costs nothing. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Server } from "bun";
import { makeCertificate } from "../harness/certificates.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { until } from "../harness/until.ts";
import { type Collector, startCollector } from "./collector.ts";

const LIMIT_MS = 30_000;
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";
const SAMPLED = `00-${TRACE}-${PARENT}-01`;
const FORM = /^00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])$/;

const port = freePort();
let collector: Collector;
let backend: Server<undefined>;
let gateway: Gateway;

/** What the backend is sent. */
interface Seen {
  readonly traceparent?: string;
  readonly tracestate?: string;
}

function config(http: string, server: string, listen: number): string {
  return `{main}
error_log {prefix}/error.log info;
events { }
http {
  {temp_paths}
  access_log off;
  ${http}
  server {
    listen 127.0.0.1:${listen};
    ${server}
  }
}
`;
}

function get(path: string, headers: Record<string, string> = {}, at = port): Promise<Response> {
  return fetch(`http://127.0.0.1:${at}${path}`, { headers, redirect: "manual" });
}

/** What the backend saw of a request. */
async function seen(path: string, headers: Record<string, string> = {}): Promise<Seen> {
  return (await (await get(path, headers)).json()) as Seen;
}

beforeAll(async () => {
  collector = startCollector();
  backend = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request, server) {
      if (server.upgrade(request)) return undefined;
      const [traceparent, tracestate] = ["traceparent", "tracestate"].map((name) => request.headers.get(name));
      const told = { traceparent: traceparent ?? undefined, tracestate: tracestate ?? undefined };
      return Response.json(told, { headers: { "X-Seen": traceparent ?? "" } });
    },
    websocket: { message: (socket, text) => void socket.send(text) },
  });
  const pass = `proxy_pass http://127.0.0.1:${backend.port};`;
  gateway = await startHopway(
    config(
      `otel_exporter { endpoint 127.0.0.1:${collector.port}; interval 20ms; header X-Key secret; }
      otel_service_name caf\xc3\xa9; otel_resource_attr deployment.environment test;
      map $arg_id $never { default off; x on; }
      otel_span_attr level http;`,
      `otel_trace on;
      location /ignore { ${pass} }
      location /extract { otel_trace_context extract; ${pass} }
      location /inject { otel_trace_context inject; ${pass} }
      location /propagate { otel_trace_context propagate; otel_span_name "to $uri"; otel_span_attr case $arg_case; ${pass} }
      location /off { otel_trace off; otel_trace_context propagate; ${pass} }
      location /asked { otel_trace $arg_trace; ${pass} }
      location /guarded { otel_trace_context propagate; auth_request /guard; auth_request_set $told $upstream_http_x_seen;
        add_header X-Told $told; ${pass} }
      location /guard { internal; ${pass} }
      location /never { otel_trace $never; ${pass} }
      location /by_parent { otel_trace $otel_parent_sampled; otel_trace_context extract; ${pass} }
      location /ids { otel_trace_context extract; return 200 "$otel_trace_id $otel_span_id $otel_parent_id $otel_parent_sampled"; }
      location /wrong { return 500; error_page 500 /page; }
      location /page { otel_trace off; otel_trace_context inject; ${pass} }
      location /ws { websocket on; otel_trace_context propagate; ${pass} }
      location /plain-ws { otel_trace_context propagate; proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection upgrade; ${pass} }`,
      port,
    ),
  );
});

afterAll(async () => {
  await gateway?.stop();
  gateway?.remove();
  collector?.stop();
  await backend?.stop(true);
});

test("a span tells of its request, its service and its collector's key", async () => {
  const before = Date.now();
  await get("/inject?a=1", { "User-Agent": "caf\u00e9" });
  const span = await collector.find(({ attributes }) => attributes["http.target"] === "/inject?a=1");
  expect(span).toMatchObject({
    name: "/inject",
    kind: 2,
    scope: "hopway",
    status: { code: 0 },
    resource: { "service.name": "caf\u00e9", "deployment.environment": "test" },
    attributes: {
      "http.method": "GET",
      "http.route": "/inject",
      "http.scheme": "http",
      "http.flavor": "1.1",
      "http.status_code": 200,
      "net.host.name": "127.0.0.1",
      "net.host.port": port,
      "net.sock.peer.addr": "127.0.0.1",
      level: "http",
    },
  });
  const [start, end] = [span.startTimeUnixNano, span.endTimeUnixNano].map((nano) => Number(BigInt(nano) / 1_000_000n));
  expect(start).toBeGreaterThanOrEqual(before - 1000);
  expect(end).toBeGreaterThanOrEqual(start ?? 0);
  expect(span.parentSpanId).toBeUndefined();
  const [request] = collector.requests;
  expect([request?.path, request?.headers.get("x-key")]).toEqual(["/v1/traces", "secret"]);
});

test("ignore: what the client sent goes to the upstream as it is, and the span begins a trace", async () => {
  expect(await seen("/ignore?b", { traceparent: SAMPLED })).toEqual({ traceparent: SAMPLED });
  const span = await collector.find(({ attributes }) => attributes["http.target"] === "/ignore?b");
  expect(span.traceId).not.toBe(TRACE);
});

test("extract: the span is the client's child, the upstream sees what the client sent", async () => {
  expect(await seen("/extract?b", { traceparent: SAMPLED })).toEqual({ traceparent: SAMPLED });
  const span = await collector.find(({ attributes }) => attributes["http.target"] === "/extract?b");
  expect(span).toMatchObject({ traceId: TRACE, parentSpanId: PARENT });
});

test("inject: the upstream is told of the span, which begins a trace", async () => {
  const { traceparent = "", tracestate } = await seen("/inject?b", { traceparent: SAMPLED, tracestate: "a=b" });
  const span = await collector.find(({ attributes }) => attributes["http.target"] === "/inject?b");
  expect(span.traceId).not.toBe(TRACE);
  expect(FORM.exec(traceparent)?.slice(1)).toEqual([span.traceId, span.spanId, "01"]);
  expect(tracestate).toBeUndefined();
});

test("propagate: the upstream is told of the span, which is the client's child", async () => {
  const { traceparent = "", tracestate } = await seen("/propagate?case=one", {
    traceparent: SAMPLED,
    tracestate: "a=b,c=d",
  });
  const span = await collector.find(({ attributes }) => attributes["http.target"] === "/propagate?case=one");
  expect(span).toMatchObject({ traceId: TRACE, parentSpanId: PARENT, traceState: "a=b,c=d", name: "to /propagate" });
  expect(span.attributes).toMatchObject({ case: "one" });
  // As nginx: a level's own attributes take the place of the outer level's.
  expect(span.attributes["level"]).toBeUndefined();
  expect(FORM.exec(traceparent)?.slice(1)).toEqual([TRACE, span.spanId, "01"]);
  expect(tracestate).toBe("a=b,c=d");
});

test("propagate: a bad traceparent begins a trace, and its tracestate is not passed on", async () => {
  for (const bad of [`00-${"0".repeat(32)}-${PARENT}-01`, `${SAMPLED}, ${SAMPLED}`, "x"]) {
    const { traceparent = "", tracestate } = await seen("/propagate", { traceparent: bad, tracestate: "a=b" });
    expect(FORM.test(traceparent)).toBe(true);
    expect(traceparent).not.toContain(TRACE);
    expect(tracestate).toBeUndefined();
  }
});

test("without a span the trace still goes on, not sampled", async () => {
  const { traceparent = "" } = await seen("/off", { traceparent: SAMPLED });
  expect(FORM.exec(traceparent)).toMatchObject({ 1: TRACE, 3: "00" });
});

test("variables name the span, its trace and its parent", async () => {
  const [trace, id, parent, sampled] = (await (await get("/ids?v", { traceparent: SAMPLED })).text()).split(" ");
  const span = await collector.find(({ attributes }) => attributes["http.target"] === "/ids?v");
  expect([trace, id, parent, sampled]).toEqual([TRACE, span.spanId, PARENT, "1"]);
  expect(span).toMatchObject({ traceId: TRACE, parentSpanId: PARENT });
});

test("who is asked by auth_request is told of the same span, and has none of its own", async () => {
  const answer = await get("/guarded", { traceparent: SAMPLED });
  const { traceparent = "" } = (await answer.json()) as Seen;
  const span = await collector.find(({ attributes }) => attributes["http.target"] === "/guarded");
  expect([traceparent, answer.headers.get("x-told")]).toEqual(Array(2).fill(`00-${TRACE}-${span.spanId}-01`));
  expect(collector.spans.filter(({ traceId, name }) => traceId === TRACE && name.startsWith("/guard"))).toHaveLength(1);
});

test("otel_trace decides by its text; an internal redirect does not decide again", async () => {
  const targets = [
    "/asked?trace=0",
    "/asked?trace=off",
    "/never",
    "/by_parent?no",
    "/off",
    "/asked?trace=1",
    "/asked?trace=on",
    "/by_parent?yes",
    "/wrong",
  ];
  for (const target of targets) {
    await get(target, { traceparent: target === "/by_parent?yes" ? SAMPLED : SAMPLED.replace(/01$/, "00") });
  }
  const last = await collector.find(({ attributes }) => attributes["http.target"] === "/wrong");
  expect(last).toMatchObject({ status: { code: 2 }, attributes: { "http.status_code": 500, "http.route": "/page" } });
  const arrived = collector.spans.map(({ attributes }) => attributes["http.target"]);
  expect(targets.filter((target) => arrived.includes(target))).toEqual(targets.slice(5));
});

for (const [path, watched] of [
  ["/ws", true],
  ["/plain-ws", false],
] as const) {
  test(`a tunnel's span ends with it: ${path}`, async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: { traceparent: SAMPLED } });
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    for (const text of ["one", "three"]) {
      const answer = new Promise((resolve) => socket.addEventListener("message", resolve, { once: true }));
      socket.send(text);
      await answer;
    }
    // What ended before it has arrived; the tunnel's has not.
    await get(`/ignore?before${path}`);
    await collector.find(({ attributes }) => attributes["http.target"] === `/ignore?before${path}`);
    expect(collector.spans.some(({ name }) => name === path)).toBe(false);
    socket.close(4001, "enough");
    const span = await collector.find(({ name }) => name === path);
    expect(span).toMatchObject({ traceId: TRACE, parentSpanId: PARENT, attributes: { "http.status_code": 101 } });
    const { attributes } = span;
    const names = ["messages_in", "messages_out", "bytes_in", "bytes_out", "close_code", "close_by"];
    expect(names.map((name) => attributes[`websocket.${name}`])).toEqual(
      watched ? [2, 2, 8, 8, 4001, "client"] : names.map(() => undefined),
    );
  });
}

test("a reload sends spans to another collector; what ends before the process does still arrives", async () => {
  const [first, second] = [startCollector(), startCollector()];
  const at = freePort();
  const text = ({ port }: Collector): string =>
    config(
      // Nothing leaves before its time but at the end.
      `otel_exporter { endpoint http://127.0.0.1:${port}/to/here; interval 1h; } otel_trace on;`,
      `location / { return 200; } location /where { otel_trace off; return 200 :${port}/; }`,
      at,
    );
  const own = await startHopway(text(first));
  await get("/first", {}, at);
  const path = join(own.prefix, "nginx.conf");
  const main = (await Bun.file(path).text()).replaceAll(`:${first.port}/`, `:${second.port}/`);
  writeFileSync(path, main);
  process.kill(own.pid, "SIGHUP");
  while ((await (await get("/where", {}, at)).text()) !== `:${second.port}/`) await Bun.sleep(5);
  await get("/second", {}, at);
  expect([first.spans.length, second.spans.length]).toEqual([0, 0]);
  expect(await own.stop("SIGQUIT")).toBe(0);
  const targets = (collector: Collector): unknown[] =>
    collector.spans.map(({ attributes }) => attributes["http.target"]);
  expect([targets(first), targets(second)]).toEqual([["/first"], ["/second"]]);
  expect(second.requests[0]?.path).toBe("/to/here");
  for (const { stop } of [own, first, second]) await stop();
  own.remove();
}, 60_000);

test("a collector that does not answer takes a bounded number of spans, and no request waits", async () => {
  let answer = (): void => {};
  const slow = startCollector({ answer: new Promise((resolve) => (answer = resolve)) });
  const at = freePort();
  const own = await startHopway(
    config(
      `otel_exporter { endpoint 127.0.0.1:${slow.port}; interval 20ms; batch_size 2; batch_count 3; } otel_trace on;`,
      "location / { return 200; }",
      at,
    ),
  );
  await get("/0", {}, at);
  await get("/1", {}, at);
  await slow.find(() => true);
  for (let i = 2; i < 30; i++) expect((await get(`/${i}`, {}, at)).status).toBe(200);
  expect(own.errorLog().match(/OTel export failure: spans come faster than they leave; spans lost: 1 /g)).toHaveLength(
    1,
  );
  answer();
  expect(await own.stop("SIGQUIT")).toBe(0);
  expect(slow.spans.length).toBeLessThan(10);
  for (const { count } of slow.requests) expect(count).toBeLessThanOrEqual(2);
  slow.stop();
  own.remove();
});

test("what the configuration does not say of the exporter is not taken from the environment", async () => {
  const own = startCollector();
  const at = freePort();
  const text = config(
    `otel_exporter { endpoint 127.0.0.1:${own.port}; interval 20ms; } otel_trace on;`,
    "location / { return 200; }",
    at,
  );
  const variables = "env OTEL_EXPORTER_OTLP_HEADERS=x-key=other; env OTEL_EXPORTER_OTLP_COMPRESSION=gzip;";
  const started = await startHopway(text.replace("{main}", `{main} ${variables}`));
  await get("/", {}, at);
  await own.find(() => true);
  const headers = own.requests[0]?.headers;
  expect([headers?.get("x-key"), headers?.get("content-encoding")]).toEqual([null, null]);
  expect(await started.stop()).toBe(0);
  started.remove();
  own.stop();
});

test("spans are counted, those that left and those that were lost", async () => {
  const [taker, at] = [startCollector(), freePort()];
  const text = (endpoint: number): string =>
    config(
      `otel_exporter { endpoint 127.0.0.1:${endpoint}; interval 20ms; batch_size 2; batch_count 1; }`,
      `location / { otel_trace on; return 200 :${endpoint}/; } location /metrics { hopway_metrics; }`,
      at,
    );
  const own = await startHopway(text(taker.port));
  const counted = async (): Promise<string[]> =>
    [...(await (await get("/metrics", {}, at)).text()).matchAll(/^hopway_otel_spans_total.*$/gm)].map(([line]) => line);
  expect(await counted()).toEqual([]);
  await get("/", {}, at);
  const both = (sent: number, lost: number): string[] => [
    `hopway_otel_spans_total{result="sent"} ${sent}`,
    `hopway_otel_spans_total{result="lost"} ${lost}`,
  ];
  await until("the span to have left", LIMIT_MS, async () => Bun.deepEquals(await counted(), both(1, 0)));
  // Nobody listens there, so the library tries again for seconds: two spans wait, one more is too many.
  const path = join(own.prefix, "nginx.conf");
  const away = freePort();
  writeFileSync(path, (await Bun.file(path).text()).replaceAll(`:${taker.port}`, `:${away}`));
  process.kill(own.pid, "SIGHUP");
  await until("the reload", LIMIT_MS, async () => (await (await get("/", {}, at)).text()) === `:${away}/`);
  for (let i = 0; i < 10; i++) await get("/", {}, at);
  await until("a span to be lost", LIMIT_MS, async () => /"lost"\} [1-9]/.test((await counted()).join()));
  expect(await own.stop()).toBe(0);
  own.remove();
  taker.stop();
});

test("a collector that is away costs two lines in the log, not one for each span", async () => {
  const at = freePort();
  const own = await startHopway(
    config(
      `otel_exporter { endpoint 127.0.0.1:${freePort()}; interval 20ms; batch_size 2; } otel_trace on;`,
      "location / { return 200; }",
      at,
    ),
  );
  for (let i = 0; i < 30; i++) expect((await get(`/${i}`, {}, at)).status).toBe(200);
  // After TERM the master kills a worker that takes a second to end, and half of it goes to the last spans.
  expect(await own.stop("SIGQUIT")).toBe(0);
  expect(own.errorLog()).not.toContain("unexpected exception");
  const lost = [...own.errorLog().matchAll(/OTel export failure: .*; spans lost: (\d+) /g)].map(([, n]) => Number(n));
  // One when no more may wait, one at the end: for a minute nothing is said of batches that are given up in between.
  expect(lost).toHaveLength(2);
  expect(lost[0]! + lost[1]!).toBe(30);
  own.remove();
});

test("over TLS, spans go to a collector whose certificate is trusted, and to no other", async () => {
  const folder = makeTempDir();
  const files = makeCertificate(folder, "collector", { names: ["127.0.0.1"] });
  const tls = { key: readFileSync(files.key, "latin1"), cert: readFileSync(files.certificate, "latin1") };
  const [trusted, other] = [startCollector({ tls }), startCollector({ tls })];
  const [at, elsewhere] = [freePort(), freePort()];
  const text = ({ port }: Collector, more: string, listen: number): string =>
    config(
      `otel_exporter { endpoint https://127.0.0.1:${port}; interval 20ms; ${more} } otel_trace on;`,
      "location / { return 200; }",
      listen,
    );
  const good = await startHopway(text(trusted, `trusted_certificate ${files.certificate};`, at));
  const bad = await startHopway(text(other, "", elsewhere));
  await get("/safe", {}, at);
  await get("/unsafe", {}, elsewhere);
  expect(await trusted.find(() => true)).toMatchObject({ attributes: { "http.target": "/safe" } });
  await bad.stop("SIGQUIT");
  expect(other.spans).toEqual([]);
  expect(bad.errorLog()).toMatch(/OTel export failure: .*; spans lost: 1 /);
  await good.stop();
  for (const { remove } of [good, bad]) remove();
  for (const { stop } of [trusted, other]) stop();
  removeTempDir(folder);
});
