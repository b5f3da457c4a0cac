import { describe, expect, test } from "bun:test";
import { fakeRequest, headerList, linesOf, loadSettings } from "./load-fixture.ts";
import {
  compileResponseHeaders,
  mergeResponseHeaders,
  newResponseHeaderSettings,
  PROXY_HABITS,
} from "./response-header-rules.ts";
import {
  copyRedirectHeaders,
  copyResponseHeaders,
  ResponseEffects,
  readEffects,
  trailerLines,
} from "./response-headers.ts";

async function policyOf(config: string) {
  const { settings, faults } = await loadSettings(config);
  expect(faults).toEqual([]);
  return { ...settings, responseHeaderRules: compileResponseHeaders(settings, PROXY_HABITS) };
}

const UPSTREAM = [
  "Server: own",
  "Date: today",
  "X-A: 1",
  "Content-Type: text/html; charset=x",
  "Content-Length: 5",
  "Connection: close",
  "Keep-Alive: 5",
  "Transfer-Encoding: chunked",
  "Upgrade: h2c",
  "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT",
  "ETag: e",
  "Vary: *",
  "Location: /there",
  "x-a: 2",
  "X-Pad: p",
  "X-Accel-Expires: 5",
  "X-Accel-Charset: koi8-r",
];

const COMMON = "ETag: e|Vary: *|Location: /there";
const LAST_MODIFIED = "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT";

describe("which lines go where", () => {
  const cases: readonly (readonly [why: string, config: string, list: string])[] = [
    ["defaults", "", `X-A: 1|Upgrade: h2c|${LAST_MODIFIED}|${COMMON}|x-a: 2`],
    ["hidden by name, in any case", "proxy_hide_header x-A; proxy_hide_header UPGRADE;", `${LAST_MODIFIED}|${COMMON}`],
    [
      "passed by name",
      "proxy_pass_header server; proxy_pass_header Date; proxy_pass_header X-Pad;",
      `Server: own|Date: today|X-A: 1|Upgrade: h2c|${LAST_MODIFIED}|${COMMON}|x-a: 2|X-Pad: p`,
    ],
    [
      "passing wins over hiding",
      "proxy_hide_header X-A; proxy_pass_header X-A;",
      `X-A: 1|Upgrade: h2c|${LAST_MODIFIED}|${COMMON}|x-a: 2`,
    ],
    [
      "framing is never passed",
      "proxy_pass_header Connection; proxy_pass_header Content-Length;",
      `X-A: 1|Upgrade: h2c|${LAST_MODIFIED}|${COMMON}|x-a: 2`,
    ],
    ["ignoring is not hiding", "proxy_ignore_headers Vary;", `X-A: 1|Upgrade: h2c|${LAST_MODIFIED}|${COMMON}|x-a: 2`],
  ];
  for (const [why, config, list] of cases) {
    test(why, async () => {
      const { fake, r } = fakeRequest();
      copyResponseHeaders(r, headerList(...UPSTREAM), await policyOf(config));
      expect(linesOf(fake.out.list).join("|")).toBe(list);
      expect(fake.out.contentType).toBe("text/html; charset=x");
      expect(fake.out.lastModifiedSeconds).toBe(-1);
    });
  }

  const types: readonly (readonly [type: string, charset: string | undefined])[] = [
    ["text/html", undefined],
    ["text/html; charset=utf-8", "utf-8"],
    ['text/html; x=y;  Charset="utf-8"', "utf-8"],
    ["text/html; x=charset=no", undefined],
  ];
  for (const [type, charset] of types) {
    test(`Content-Type ${type}`, async () => {
      const { fake, r } = fakeRequest();
      copyResponseHeaders(r, headerList(`Content-Type: ${type}`), await policyOf(""));
      expect([fake.out.contentTypeText, fake.out.charset]).toEqual([type, charset]);
    });
  }

  test("a passed Server that is not there is not made up", async () => {
    const { fake, r } = fakeRequest();
    copyResponseHeaders(r, headerList("A: 1"), await policyOf("proxy_pass_header Server;"));
    expect([fake.out.server, fake.out.date]).toEqual(["", undefined]);
    expect(linesOf(fake.out.list)).toEqual(["A: 1"]);
  });

  test("a second line of what may come once is ignored", async () => {
    const { fake, r } = fakeRequest();
    copyResponseHeaders(
      r,
      headerList("ETag: 1", "Content-Type: a/b", "etag: 2", "Content-Type: c/d"),
      await policyOf(""),
    );
    expect(linesOf(fake.out.list)).toEqual(["ETag: 1"]);
    expect(fake.out.contentType).toBe("a/b");
    expect(fake.logged).toEqual([
      'upstream sent duplicate header line: "etag: 2", previous value: "ETag: 1", ignored',
      'upstream sent duplicate header line: "Content-Type: c/d", previous value: "Content-Type: a/b", ignored',
    ]);
  });

  test("redirects and cookies are rewritten", async () => {
    const { fake, r } = fakeRequest();
    const policy = await policyOf("proxy_redirect http://b/ /p/; proxy_cookie_path /x /y;");
    const lines = headerList("Refresh: 5; URL=http://b/r", "Set-Cookie: a=b; path=/x/1", "Location: http://b/l");
    copyResponseHeaders(r, lines, policy);
    expect(linesOf(fake.out.list)).toEqual(["Refresh: 5; URL=/p/r", "Set-Cookie: a=b; path=/y/1"]);
    expect(fake.out.location).toBe("/p/l");
  });

  test("a rewritten path keeps its place where absolute_redirect is off", async () => {
    const { fake, r } = fakeRequest();
    fake.absoluteRedirect = false;
    copyResponseHeaders(r, headerList("location: http://b/l", "A: 1"), await policyOf("proxy_redirect http://b/ /p/;"));
    expect(linesOf(fake.out.list)).toEqual(["location: /p/l", "A: 1"]);
    expect(fake.out.location).toBeUndefined();
  });

  test("what outlives X-Accel-Redirect", async () => {
    const { fake, r } = fakeRequest();
    const lines = headerList(
      ...UPSTREAM,
      "Set-Cookie: a=b",
      "Cache-Control: x",
      "Expires: 0",
      "Content-Disposition: d",
    );
    copyRedirectHeaders(r, lines, await policyOf("proxy_hide_header Set-Cookie;"));
    expect(linesOf(fake.out.list)).toEqual([
      "Set-Cookie: a=b",
      "Cache-Control: x",
      "Expires: 0",
      "Content-Disposition: d",
    ]);
    expect(fake.out.contentType).toBe("text/html; charset=x");
  });
});

test("trailers, without what is hidden", async () => {
  const { responseHeaderRules } = await policyOf("proxy_pass_trailers on; proxy_hide_header X-T;");
  expect(trailerLines(headerList("X-S: 1", "x-t: 2", "Server: s"), responseHeaderRules)).toBe("X-S: 1\r\n");
  expect(trailerLines(undefined, responseHeaderRules)).toBe("");
});

describe("inheritance", () => {
  test("each list for itself", async () => {
    const outer = (await loadSettings("proxy_hide_header A; proxy_pass_header B;")).settings;
    const own = { ...newResponseHeaderSettings(), hideHeaders: ["C"] };
    mergeResponseHeaders(own, outer);
    expect([own.hideHeaders, own.passHeaders]).toEqual([["C"], ["B"]]);
  });
});

describe("effects", () => {
  const cases: readonly (readonly [
    why: string,
    config: string,
    lines: string[],
    expected: Partial<ResponseEffects>,
  ])[] = [
    ["none", "", ["A: 1", "Connection: keep-alive"], {}],
    ["close", "", ["Connection: X, Close"], { connectionClose: true }],
    ["redirect", "", ["X-Accel-Redirect: /x", "X-Accel-Redirect: /y"], { redirect: "/x" }],
    ["redirect ignored", "proxy_ignore_headers X-Accel-Redirect;", ["X-Accel-Redirect: /x"], {}],
    ["buffering off", "", ["X-Accel-Buffering: No"], { buffering: false }],
    ["buffering on", "", ["X-Accel-Buffering: yes"], { buffering: true }],
    ["buffering unknown", "", ["X-Accel-Buffering: nope"], {}],
  ];
  for (const [why, config, lines, expected] of cases) {
    test(why, async () => {
      const effects = new ResponseEffects();
      const { r } = fakeRequest();
      readEffects(r, headerList(...lines), (await policyOf(config)).responseHeaderRules, effects);
      expect(effects).toEqual(Object.assign(new ResponseEffects(), expected));
    });
  }

  const rates: readonly (readonly [value: string, config: string, expected: number | undefined])[] = [
    ["1000", "", 1000],
    ["0", "", 0],
    ["1k", "", undefined],
    ["1000", "proxy_ignore_headers X-Accel-Limit-Rate;", undefined],
  ];
  for (const [value, config, expected] of rates) {
    test(`limit rate ${value} ${config}`, async () => {
      const { fake, r } = fakeRequest();
      const { responseHeaderRules } = await policyOf(config);
      readEffects(r, headerList(`X-Accel-Limit-Rate: ${value}`), responseHeaderRules, new ResponseEffects());
      expect(fake.limitRate).toBe(expected);
    });
  }
});
