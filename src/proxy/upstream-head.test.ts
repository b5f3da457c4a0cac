import { describe, expect, test } from "bun:test";
import { fuzzSeed, seededRandom } from "../http/fuzz-input.ts";
import { fakeRequest, loadSettings } from "./load-fixture.ts";
import { newRequestHeaderSettings } from "./request-headers.ts";
import { compileRequestHeaders } from "./upstream-head.ts";

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

describe("heads made one after another", () => {
  test("are those that each request would have got alone", async () => {
    const random = seededRandom(fuzzSeed());
    const pick = <T>(from: readonly T[]): T => from[random(from.length)]!;
    const configs = ["", "proxy_set_header X-B $http_x_b; proxy_set_header Host $http_host;"];
    for (const config of [...configs, "proxy_pass_request_headers off;"]) {
      const { settings } = await loadSettings(config);
      const make = compileRequestHeaders(settings);
      for (let i = 0; i < 2000; i++) {
        const fields = [
          "Host: a",
          "Host: b",
          "X-B: 1",
          "X-B: 2",
          "x-b: 2",
          "Accept: */*",
          `Cookie: ${"c".repeat(5000)}`,
        ];
        const { r } = fakeRequest(...Array.from({ length: random(4) }, () => pick(fields)));
        const upstream = { hostHeader: pick(["b", "c"]), bodyLength: pick([-1, 0, 7]), chunked: pick([true, false]) };
        const [method, uri] = [pick(["GET", "POST"]), pick(["/", "/u", "/%0A"])];
        expect(make(r, method, uri, upstream)).toBe(compileRequestHeaders(settings)(r, method, uri, upstream));
      }
    }
  });

  test("nothing of a request whose head could not be made shows in the next one", () => {
    let fails = false;
    const settings = newRequestHeaderSettings();
    const evaluate = (): string => {
      if (fails) throw new Error("cannot be evaluated");
      return "2";
    };
    let first = "alice";
    settings.setHeaders = [
      { name: "User", value: { source: "$u", constant: undefined, evaluate: () => first } },
      { name: "Other", value: { source: "$o", constant: undefined, evaluate } },
    ];
    const make = compileRequestHeaders(settings);
    const { r } = fakeRequest();
    expect(make(r, "GET", "/", NO_BODY)).toContain("User: alice\r\n");
    first = "bob";
    fails = true;
    expect(() => make(r, "GET", "/", NO_BODY)).toThrow("cannot be evaluated");
    fails = false;
    expect(make(r, "GET", "/", NO_BODY)).toContain("User: bob\r\n");
  });
});
