/** What current nginx does in proxying and the nginx 1.22 that differential tests run against does not. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { get, post } from "../differential/case.ts";
import { exchange } from "../harness/exchange.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { plainAnswer, RecordingBackend } from "../harness/recording-backend.ts";

const backend = new RecordingBackend("backend", {
  trailers: {
    steps: [
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" +
        "3\r\nabc\r\n0\r\nX-Sum: 6\r\nX-Secret: s\r\nServer: own\r\n\r\n",
    ],
  },
  length: { steps: [plainAnswer("abc")] },
  twice: { steps: [plainAnswer("abc", "X-A: 1", "x-a: 2", "ETag: one", "ETag: two", "Expires: 0", "Expires: 1")] },
  continue: { steps: ["HTTP/1.1 100 Continue\r\n\r\n", plainAnswer("abc")] },
  "many-early": {
    steps: [
      "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\nX-A: early\r\n\r\nHTTP/1.1 1",
      { pauseMs: 5 },
      "99 Odd\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
      { pauseMs: 5 },
      plainAnswer("abc"),
    ],
  },
  "only-early": { steps: ["HTTP/1.1 103 Early Hints\r\n\r\n", { fin: true }] },
  "early-upgrade": {
    steps: [
      "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
      { echo: true },
    ],
  },
  early: { steps: ["HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n", plainAnswer("abc")] },
  "bad-length": { steps: ["HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n"] },
});
const port = freePort();

let gateway: Gateway;

beforeAll(async () => {
  gateway = await startHopway(`{main}
error_log {prefix}/error.log warn;
events {}
http {
  {temp_paths}
  log_format trailers "$upstream_trailer_x_sum|$upstream_trailer_none";
  access_log {prefix}/access.log trailers;
  upstream two { server 127.0.0.1:${backend.port} max_fails=0; server 127.0.0.1:${backend.port} max_fails=0; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://127.0.0.1:${backend.port}/; add_header X-Seen "$upstream_http_x_a"; }
    location /upgrade/ { proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_pass http://127.0.0.1:${backend.port}/; }
    location /unbuffered/ { proxy_buffering off; proxy_pass_trailers on; proxy_pass http://127.0.0.1:${backend.port}/; }
    location /old/ { proxy_http_version 1.0; proxy_pass http://127.0.0.1:${backend.port}/; }
    location /pass/ { proxy_pass_trailers on; proxy_hide_header X-Secret; proxy_pass http://127.0.0.1:${backend.port}/; }
    location /added/ { proxy_pass_trailers on; add_trailer X-Mine "$upstream_status"; proxy_pass http://127.0.0.1:${backend.port}/; }
    location /invalid/ { proxy_next_upstream invalid_header; proxy_pass http://two/; }
  }
}`);
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  backend.stop();
});

async function ask(request: string): Promise<{ readonly response: string; readonly sent: readonly string[] }> {
  const { received } = await exchange(port, [request, { waitResponses: 1 }]);
  await backend.settle();
  const sent = backend
    .take()
    .map(({ head, body }) => `${head.replaceAll("\r\n", "|")}${body === "" ? "" : `||${body}`}`);
  return { response: received, sent };
}

describe("the request", () => {
  const host = `Host: 127.0.0.1:${backend.port}`;
  const cases: readonly (readonly [why: string, request: string, sent: string])[] = [
    ["1.1 and no Connection", get("/length", "Connection: x"), `GET /length HTTP/1.1|${host}`],
    ["1.0 closes", get("/old/length"), `GET /length HTTP/1.0|${host}|Connection: close`],
    ["a body", post("/length", "abc"), `POST /length HTTP/1.1|${host}|Content-Length: 3||abc`],
  ];
  for (const [why, request, sent] of cases) {
    test(why, async () => expect((await ask(request)).sent).toEqual([sent]));
  }
});

describe("the response", () => {
  test("trailers are dropped", async () => {
    const { response } = await ask(get("/trailers"));
    expect(response).toEndWith("\r\n3\r\nabc\r\n0\r\n\r\n");
  });

  test("trailers are passed where they are to be", async () => {
    const { response } = await ask(get("/pass/trailers"));
    expect(response).toContain("Trailer: X-Sum\r\n");
    expect(response).toEndWith("\r\n3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n");
  });

  test("the proxy's own follow", async () => {
    const { response } = await ask(get("/added/trailers"));
    expect(response).toEndWith("\r\n0\r\nX-Sum: 6\r\nX-Secret: s\r\nX-Mine: 200\r\n\r\n");
  });

  test("a response with a length becomes chunked for trailers", async () => {
    const { response } = await ask(get("/pass/length"));
    expect(response).not.toContain("Content-Length");
    expect(response).toEndWith("\r\n3\r\nabc\r\n0\r\n\r\n");
  });

  test("HTTP/1.0 clients get none", async () => {
    const { response } = await ask("GET /pass/trailers HTTP/1.0\r\n\r\n");
    expect(response).toEndWith("\r\n\r\nabc");
  });

  test("lines of one name are joined in variables", async () => {
    const { response } = await ask(get("/twice"));
    expect(response).toContain("X-Seen: 1, 2\r\n");
  });

  test("of lines that may come once the first counts", async () => {
    const { response } = await ask(get("/twice"));
    expect(response.match(/^(?:ETag|Expires): .*$/gm)).toEqual(["ETag: one", "Expires: 0"]);
    await gateway.quiet();
    expect(gateway.errorLog()).toContain(
      'upstream sent duplicate header line: "ETag: two", previous value: "ETag: one", ignored',
    );
  });

  test("the answer comes after 103", async () => {
    const { response } = await ask(get("/early"));
    expect(response).toContain("HTTP/1.1 200 OK\r\n");
    expect(response).toEndWith("abc");
  });

  test("the answer comes after 100", async () => {
    const { response } = await ask(get("/continue"));
    expect(response).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(response).toEndWith("abc");
  });

  test("the answer comes after many 1xx in pieces, and none of their fields", async () => {
    const { response } = await ask(get("/many-early"));
    expect(response).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(response).not.toContain("Link");
    expect(response).not.toContain("early");
    expect(response).toEndWith("\r\n\r\nabc");
  });

  test("a 1xx alone is no answer", async () => {
    const { response } = await ask(get("/only-early"));
    expect(response).toStartWith("HTTP/1.1 502 ");
    await gateway.quiet();
    expect(gateway.errorLog()).toContain(
      "upstream prematurely closed connection while reading response header from upstream",
    );
  });

  test("a 101 may come after a 103", async () => {
    const upgrade = get("/upgrade/early-upgrade", "Connection: upgrade", "Upgrade: x");
    const steps = [upgrade, { waitFor: "\r\n\r\n" }, "echo;", { waitFor: "echo;" }];
    const { received } = await exchange(port, steps);
    expect(received).toStartWith("HTTP/1.1 101 Switching Protocols\r\n");
    expect(received).toEndWith("\r\n\r\necho;");
    backend.take();
  });

  test("trailers are passed as they come, too", async () => {
    const { response } = await ask(get("/unbuffered/trailers"));
    expect(response).toEndWith("\r\n3\r\nabc\r\n0\r\nX-Sum: 6\r\nX-Secret: s\r\n\r\n");
  });

  test("the connection is kept after trailers, on both sides", async () => {
    const both = get("/pass/trailers") + get("/pass/trailers");
    const { received } = await exchange(port, [both, { waitResponses: 2 }]);
    expect(received.match(/X-Sum: 6/g)).toHaveLength(2);
    expect(received).not.toContain("Connection: close");
    backend.take();
  });

  test("an invalid length goes to the next peer, then is a 502", async () => {
    const { response, sent } = await ask(get("/invalid/bad-length"));
    expect(response).toStartWith("HTTP/1.1 502 ");
    expect(sent).toHaveLength(2);
  });
});

test("trailers in variables, where they are passed", async () => {
  await ask(get("/pass/trailers?logged"));
  await gateway.stop();
  expect(gateway.accessLog()).toContain("6|-\n");
});
