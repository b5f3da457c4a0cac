/** Line ends in what a client controls must not become lines of what the gateway sends, and the other way round. */
import { describe, expect, test } from "bun:test";
import { exchange } from "../harness/exchange.ts";
import { parseResponses } from "../harness/response-stream.ts";
import { attack, attackTarget, head } from "./target.ts";

const target = attackTarget(
  `
    location = /added { add_header X-Arg $arg_a; add_header X-Field $http_x_field; return 200 "ok"; }
    location = /redirect { return 302 /login?next=$arg_a; }
    location = /text { return 200 "[$arg_a]"; }
    location = /cookie { add_header Set-Cookie "a=$cookie_a"; return 200 "ok"; }
    location /passed { proxy_set_header X-Arg $arg_a; proxy_set_header X-Field $http_x_field; proxy_pass http://{backend}; }
    location /path/added { add_header X-Path $uri; add_trailer X-End $uri; return 200 "ok"; }
    location /path/absolute { return 302 http://x$uri; }
    location /path/relative { return 302 $uri; }
    location /path/short { absolute_redirect off; return 302 $uri; }
    location /path/page { error_page 404 =302 http://x$uri; return 404; }
    location /path/charset { charset $uri; default_type text/plain; return 200 "ok"; }
    location /path/response/redirect { set $path $uri; proxy_redirect / http://x$path; rewrite ^ /redirect break; proxy_pass http://{backend}; }
    location /path/response/cookie { set $path $uri; proxy_cookie_path / $path; rewrite ^ /cookie break; proxy_pass http://{backend}; }
    location /path/passed/field { set $path $uri; proxy_set_header X-Path $path; rewrite ^ /plain break; proxy_pass http://{backend}; }
    location /path/passed/uri { proxy_pass http://{backend}$uri; }
    location ~ ^/path/passed/capture([^?]*)$ { proxy_pass http://{backend}/$1; }
    location /path/passed/method { proxy_method $uri; proxy_pass http://{backend}/plain; }
    location /prefix/ { proxy_pass http://{backend}/; }
    location /response/ { proxy_pass http://{backend}; }
`,
  {
    redirect: { steps: ["HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n"] },
    cookie: { steps: ["HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n"] },
    "split-value": { steps: ["HTTP/1.1 200 OK\r\nX-A: 1\rX-Injected: yes\r\nContent-Length: 2\r\n\r\nok"] },
    "nul-value": { steps: ["HTTP/1.1 200 OK\r\nX-A: 1\0X-Injected: yes\r\nContent-Length: 2\r\n\r\nok"] },
    "two-lengths": { steps: ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 30\r\n\r\nok"] },
    "length-list": { steps: ["HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok"] },
    "bad-length": { steps: ["HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok"] },
    "length-and-chunks": {
      steps: ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
    },
    "two-codings": {
      steps: [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
      ],
    },
    "odd-coding": { steps: ["HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok"] },
    "second-response": {
      steps: [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nX-Injected: yes\r\nContent-Length: 3\r\n\r\nbad",
      ],
    },
    "unasked-101": {
      steps: ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nraw"],
    },
    "no-http": { steps: ["SSH-2.0-OpenSSH_9.2\r\n"] },
    "endless-head": { steps: [`HTTP/1.1 200 OK\r\n${"X-A: 1\r\n".repeat(20_000)}\r\n`] },
    "endless-interim": {
      steps: ["HTTP/1.1 100 Continue\r\n\r\n".repeat(20_000), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"],
    },
    "bad-chunk": { steps: ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n"] },
  },
);

const ENCODED = "a%0d%0aX-Injected:%20yes%0d%0a%0d%0abody";

describe("arguments stay as they were written", () => {
  test.each([
    [`/added?a=${ENCODED}`, `X-Arg: ${ENCODED}`],
    [`/redirect?a=${ENCODED}`, `/login?next=${ENCODED}`],
    [`/text?a=${ENCODED}`, `[${ENCODED}]`],
  ])("%s", async (path, expected) => {
    const { received, statuses } = await attack(target, head(`GET ${path} HTTP/1.1`, "Host: x"));
    expect(statuses.length).toBe(1);
    expect(received).toContain(expected);
    expect(received).not.toMatch(/^X-Injected/im);
  });

  test("on the way to the backend too", async () => {
    const injected = head(`GET /passed?a=${ENCODED} HTTP/1.1`, "Host: x", "X-Field: %0d%0aX-Injected: yes");
    await exchange(target.port, [injected, { waitResponses: 1 }]);
    const [request] = target.backend.take();
    expect(request?.head).toContain(`\r\nX-Arg: ${ENCODED}`);
    expect(request?.head).not.toMatch(/^X-Injected/im);
  });

  test("an escaped line end in a path is escaped again for the backend", async () => {
    const outcome = await attack(target, head("GET /prefix/a%0d%0aX-Injected:%20yes HTTP/1.1", "Host: x"));
    expect(outcome.asked).toEqual(["GET /a%0D%0AX-Injected:%20yes HTTP/1.1"]);
  });

  test("an escaped space and its version do not end the request line", async () => {
    const outcome = await attack(target, head("GET /prefix/a%20HTTP/1.1%0d%0aHost:%20y HTTP/1.1", "Host: x"));
    expect(outcome.asked).toEqual(["GET /a%20HTTP/1.1%0D%0AHost:%20y HTTP/1.1"]);
  });

  test("NUL in a path is refused", async () => {
    expect((await attack(target, head("GET /prefix/a%00b HTTP/1.1", "Host: x"))).statuses).toEqual([400]);
  });
});

describe("what a path holds when it is decoded begins no line", () => {
  const injected = "%0d%0aX-Injected:%20yes";

  test.each([
    ["/path/added", "X-Path: /path/added  X-Injected: yes"],
    ["/path/added", "X-End: /path/added  X-Injected: yes"],
    ["/path/absolute", "Location: http://x/path/absolute%0D%0AX-Injected: yes"],
    ["/path/relative", "/path/relative%0D%0AX-Injected: yes"],
    ["/path/short", "Location: /path/short%0D%0AX-Injected: yes"],
    ["/path/page", "Location: http://x/path/page%0D%0AX-Injected: yes"],
    ["/path/charset", "charset=/path/charset  X-Injected: yes"],
    ["/path/response/redirect", "Location: http://x/path/response/redirect  X-Injected: yes"],
    ["/path/response/cookie", "Path=/path/response/cookie  X-Injected: yes"],
  ])("%s", async (path, expected) => {
    const { received, statuses } = await attack(target, head(`GET ${path}${injected} HTTP/1.1`, "Host: x"));
    expect(statuses.length).toBe(1);
    expect(received).toContain(expected);
    expect(received).not.toMatch(/^X-Injected/im);
  });

  test.each([
    ["/path/passed/field", "X-Path: /path/passed/field  X-Injected: yes"],
    ["/path/passed/uri", "GET /path/passed/uri%0D%0AX-Injected: yes HTTP/1.1"],
    ["/path/passed/capture", "GET /%0D%0AX-Injected: yes HTTP/1.1"],
    ["/path/passed/method", "/path/passed/method%0D%0AX-Injected: yes /plain%0D%0AX-Injected:%20yes HTTP/1.1"],
  ])("%s", async (path, expected) => {
    await exchange(target.port, [head(`GET ${path}${injected} HTTP/1.1`, "Host: x"), { waitResponses: 1 }]);
    await target.backend.settle();
    const [request] = target.backend.take();
    expect(request?.head).toContain(expected);
    expect(request?.head).not.toMatch(/^X-Injected/im);
  });
});

describe("responses of the backend", () => {
  test.each([
    ["nul-value", 502],
    ["two-lengths", 502],
    ["length-list", 502],
    ["bad-length", 502],
    ["length-and-chunks", 502],
    ["two-codings", 502],
    ["odd-coding", 502],
    ["unasked-101", 502],
    ["no-http", 502],
    ["endless-head", 502],
    ["split-value", 502],
  ])("%s is %d, and nothing of it reaches the client", async (name, status) => {
    const { received, statuses } = await attack(target, head(`GET /response/${name} HTTP/1.1`, "Host: x"));
    expect(statuses).toEqual([status]);
    expect(received).not.toContain("X-Injected");
  });

  test("a second response behind the first is dropped, with its connection", async () => {
    const get = (path: string): string => head(`GET /response/${path} HTTP/1.1`, "Host: x");
    const { received } = await exchange(target.port, [
      get("second-response"),
      { waitResponses: 1 },
      get("plain"),
      { waitResponses: 2 },
    ]);
    const responses = parseResponses(received, [], false);
    expect(responses.map(({ status, body }) => [status, body])).toEqual([
      [200, "ok"],
      [200, "backend GET /response/plain HTTP/1.1\n"],
    ]);
    expect(received).not.toContain("X-Injected");
  });

  test("a broken chunk ends the client's connection without a last chunk", async () => {
    const { received, wasOpen } = await attack(target, head("GET /response/bad-chunk HTTP/1.1", "Host: x"));
    expect(received).not.toContain("0\r\n\r\n");
    expect(wasOpen).toBe(false);
  });

  test("interim responses without end cost no memory and are not passed on", async () => {
    const { statuses } = await attack(target, head("GET /response/endless-interim HTTP/1.1", "Host: x"));
    expect(statuses).toEqual([200]);
  });
});
