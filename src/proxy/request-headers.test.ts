import { describe, expect, test } from "bun:test";
import { fakeRequest, loadSettings } from "./load-fixture.ts";
import { compileRequestHeaders, mergeRequestHeaders, newRequestHeaderSettings } from "./request-headers.ts";

const NO_BODY = { hostHeader: "backend", bodyLength: -1, chunked: false };
const CLIENT = [
  "User-Agent: t",
  "Host: test",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "TE: trailers",
  "Keep-Alive: 5",
  "Expect: 100-continue",
  "Content-Length: 9",
  "Transfer-Encoding: chunked",
  "X-A: 1",
  "x-a: 2",
];

describe("head", () => {
  const cases: readonly (readonly [why: string, config: string, upstream: typeof NO_BODY, lines: string])[] = [
    ["defaults", "", NO_BODY, "GET /u HTTP/1.1|Host: backend|User-Agent: t|X-A: 1|x-a: 2"],
    [
      "1.0 closes",
      "proxy_http_version 1.0;",
      NO_BODY,
      "GET /u HTTP/1.0|Host: backend|Connection: close|User-Agent: t|X-A: 1|x-a: 2",
    ],
    [
      "set lines come first",
      "proxy_set_header X-B b;",
      NO_BODY,
      "GET /u HTTP/1.1|X-B: b|Host: backend|User-Agent: t|X-A: 1|x-a: 2",
    ],
    [
      "a set line replaces the client's",
      "proxy_set_header x-a new;",
      NO_BODY,
      "GET /u HTTP/1.1|x-a: new|Host: backend|User-Agent: t",
    ],
    [
      "an empty value removes",
      'proxy_set_header X-A ""; proxy_set_header Host "";',
      NO_BODY,
      "GET /u HTTP/1.1|User-Agent: t",
    ],
    [
      "a variable that is empty removes",
      "proxy_set_header X-A $http_none;",
      NO_BODY,
      "GET /u HTTP/1.1|Host: backend|User-Agent: t",
    ],
    [
      "the three upgrade lines",
      "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_set_header Host $http_host;",
      NO_BODY,
      "GET /u HTTP/1.1|Upgrade: websocket|Connection: upgrade|Host: test|User-Agent: t|X-A: 1|x-a: 2",
    ],
    [
      "length",
      "",
      { hostHeader: "backend", bodyLength: 0, chunked: false },
      "GET /u HTTP/1.1|Host: backend|Content-Length: 0|User-Agent: t|X-A: 1|x-a: 2",
    ],
    [
      "chunked",
      "",
      { hostHeader: "backend", bodyLength: -1, chunked: true },
      "GET /u HTTP/1.1|Host: backend|Transfer-Encoding: chunked|User-Agent: t|X-A: 1|x-a: 2",
    ],
    ["no client headers", "proxy_pass_request_headers off;", NO_BODY, "GET /u HTTP/1.1|Host: backend"],
    [
      "the same name twice",
      "proxy_set_header A 1; proxy_set_header A 2;",
      NO_BODY,
      "GET /u HTTP/1.1|A: 1|A: 2|Host: backend|User-Agent: t|X-A: 1|x-a: 2",
    ],
  ];
  for (const [why, config, upstream, lines] of cases) {
    test(why, async () => {
      const { settings, faults } = await loadSettings(config);
      expect(faults).toEqual([]);
      const { r } = fakeRequest(...CLIENT);
      expect(compileRequestHeaders(settings)(r, "GET", "/u", upstream)).toBe(
        `${lines.replaceAll("|", "\r\n")}\r\n\r\n`,
      );
    });
  }
});

describe("inheritance", () => {
  test("own lines replace all of the outer level's", async () => {
    const outer = (await loadSettings("proxy_set_header A 1;")).settings;
    const own = (await loadSettings("proxy_set_header B 2;")).settings;
    const silent = newRequestHeaderSettings();
    mergeRequestHeaders(own, outer);
    mergeRequestHeaders(silent, outer);
    expect(own.setHeaders?.map(({ name }) => name)).toEqual(["B"]);
    expect(silent.setHeaders?.map(({ name }) => name)).toEqual(["A"]);
  });
});

describe("errors", () => {
  const cases: readonly (readonly [config: string, fault: string])[] = [
    ["proxy_set_header A;", 'invalid number of arguments in "proxy_set_header" directive'],
    ['proxy_set_header A "$";', "invalid variable name"],
    ["proxy_http_version 3;", 'invalid value "3"'],
    [
      "proxy_pass_request_headers yes;",
      'invalid value "yes" in "proxy_pass_request_headers" directive, it must be "on" or "off"',
    ],
    ["proxy_set_body a; proxy_set_body b;", '"proxy_set_body" directive is duplicate'],
  ];
  for (const [config, fault] of cases) {
    test(config, async () => {
      expect((await loadSettings(config)).faults).toEqual([fault]);
    });
  }
});
