import { describe, expect, test } from "bun:test";
import { ConfigFault } from "../config/directive.ts";
import type { Request } from "../http/request.ts";
import { constantTemplate } from "../template/template.ts";
import { type CgiParam, compileParams } from "./cgi-params.ts";
import { fakeRequest } from "./load-fixture.ts";
import { parseScgiUrl, parseUwsgiUrl } from "./pass-url.ts";
import { ScgiProtocol } from "./scgi-protocol.ts";
import type { ExchangeTarget, OutgoingRequest } from "./upstream-protocol.ts";
import { UwsgiProtocol } from "./uwsgi-protocol.ts";

const param = (name: string, value: string, skipEmpty = false): CgiParam => ({
  name,
  value: constantTemplate(value),
  skipEmpty,
});
/** A value that is known only when there is a request. */
const late = (name: string, value: string, skipEmpty = false): CgiParam => ({
  name,
  value: { ...constantTemplate(value), constant: undefined, evaluate: () => value },
  skipEmpty,
});

describe("parameters", () => {
  const cases: readonly (readonly [
    why: string,
    params: readonly CgiParam[],
    headers: readonly string[],
    text: string,
  ])[] = [
    ["none", [], [], ""],
    [
      "in their order, twice where they are twice",
      [param("A", "1"), late("V", "2"), param("A", "3")],
      [],
      "A=1 V=2 A=3",
    ],
    ["empty values", [param("A", ""), late("V", "")], [], "A= V="],
    ["if_not_empty", [param("A", "", true), late("V", "", true), param("B", "b", true)], [], "B=b"],
    ["header lines behind them", [param("A", "1")], ["X-Y: z", "accept: */*"], "A=1 HTTP_X_Y=z HTTP_ACCEPT=*/*"],
    ["bytes that are no letters", [], ["x.y!z: 1", "x_y: 2"], "HTTP_X.Y!Z=1 HTTP_X_Y=2"],
    ["lines of one name", [], ["X: 1", "Cookie: a", "x: 2", "COOKIE: b"], "HTTP_X=1, 2 HTTP_COOKIE=a; b"],
    ["in the place of a line", [param("HTTP_X_Y", "new")], ["x-y: old", "X_y: older", "Z: z"], "HTTP_X_Y=new HTTP_Z=z"],
    ["nothing in the place of a line", [param("HTTP_X_Y", "")], ["X-Y: old"], ""],
    ["nothing to send in the place of a line", [late("HTTP_X_Y", "", true)], ["X-Y: old"], ""],
    ["an empty variable in the place of a line", [late("HTTP_X_Y", "")], ["X-Y: old"], "HTTP_X_Y="],
    ["a bare prefix means no line", [param("HTTP_", "x"), param("http_z", "y")], ["Z: z"], "HTTP_=x http_z=y HTTP_Z=z"],
  ];
  for (const [why, params, headers, text] of cases) {
    test(why, () => {
      const build = compileParams(params, true, (name, value) => `${name}=${value} `);
      if (build instanceof ConfigFault) throw new Error(build.message);
      expect(build(fakeRequest(...headers).r).trimEnd()).toBe(text);
    });
  }

  test("many lines are joined as few are", () => {
    const build = compileParams([param("HTTP_X_3", "")], true, (name, value) => `${name}=${value} `);
    if (build instanceof ConfigFault) throw new Error(build.message);
    const lines = Array.from({ length: 60 }, (_, i) => (i % 10 === 0 ? `Cookie: ${i}` : `X-${i % 10}: ${i}`));
    const values = (n: number) => Array.from({ length: 6 }, (_, i) => i * 10 + n);
    const names = [1, 2, 4, 5, 6, 7, 8, 9].map((n) => `HTTP_X_${n}=${values(n).join(", ")} `);
    expect(build(fakeRequest(...lines).r)).toBe(`HTTP_COOKIE=${values(0).join("; ")} ${names.join("")}`);
  });

  test("without header lines", () => {
    const build = compileParams([param("A", "1")], false, (name, value) => `${name}=${value}`);
    if (build instanceof ConfigFault) throw new Error(build.message);
    expect(build(fakeRequest("X: y").r)).toBe("A=1");
  });

  test("a value that could not be compiled is told", () => {
    const fault = new ConfigFault("invalid variable name");
    expect(compileParams([{ name: "A", value: fault, skipEmpty: false }], true, () => "")).toBe(fault);
  });

  test("names of headers nobody has heard of do not pile up", () => {
    const build = compileParams([], true, (name, value) => `${name}=${value}`);
    if (build instanceof ConfigFault) throw new Error(build.message);
    for (let i = 0; i < 5000; i++) expect(build(fakeRequest(`x-${i}: y`).r)).toBe(`HTTP_X_${i}=y`);
  });
});

/** What a protocol makes of a request. */
function made(protocol: UwsgiProtocol | ScgiProtocol | ConfigFault, r: Request, bodyLength: number): string | boolean {
  if (protocol instanceof ConfigFault) throw new Error(protocol.message);
  const request: OutgoingRequest = {
    hostHeader: "",
    bodyLength,
    chunked: false,
    head: "",
    method: r.method,
    uri: "",
    fixedBody: undefined,
  };
  return protocol.makeRequest(r, {} as ExchangeTarget, request) ? request.head : false;
}

describe("uwsgi packets", () => {
  const plain = { modifier1: 0, modifier2: 0, trailer: "" };
  test("lengths have their lower byte first", () => {
    const { r } = fakeRequest("A: b");
    expect(made(UwsgiProtocol.compile(plain, [param("N", "v".repeat(300))], true), r, -1)).toBe(
      `\0\x3c\x01\0\x01\0N\x2c\x01${"v".repeat(300)}\x06\0HTTP_A\x01\0b`,
    );
  });
  test("modifiers, and a text behind the parameters", () => {
    const settings = { modifier1: 5, modifier2: 255, trailer: "tail" };
    expect(made(UwsgiProtocol.compile(settings, [], false), fakeRequest().r, -1)).toBe("\x05\x04\0\xfftail");
  });
  test("65535 bytes fit, one more does not", () => {
    const { fake, r } = fakeRequest();
    const of = (bytes: number) =>
      made(UwsgiProtocol.compile({ ...plain, trailer: "x".repeat(bytes) }, [], true), r, -1);
    expect(of(65_535)).toStartWith("\0\xff\xff\0x");
    expect(of(65_536)).toBe(false);
    expect(fake.logged).toEqual(["uwsgi request is too big: 65536"]);
  });
});

describe("SCGI netstrings", () => {
  test("the length of the body comes first", () => {
    const { r } = fakeRequest("A: b");
    expect(made(ScgiProtocol.compile([param("SCGI", "1")], true), r, 12)).toBe(
      "34:CONTENT_LENGTH\x0012\0SCGI\x001\0HTTP_A\0b\0,",
    );
  });
  test("a zero byte in a value begins no parameter", () => {
    const protocol = ScgiProtocol.compile([late("BODY", "x\0REMOTE_USER\0admin")], false);
    expect(made(protocol, fakeRequest().r, -1)).toBe("42:CONTENT_LENGTH\x000\0BODY\0x REMOTE_USER admin\0,");
  });
  test("no body has length 0", () => {
    expect(made(ScgiProtocol.compile([], false), fakeRequest().r, -1)).toBe("17:CONTENT_LENGTH\x000\0,");
  });
});

describe("addresses", () => {
  const shown = (parsed: ReturnType<typeof parseScgiUrl>): string =>
    "fault" in parsed ? parsed.fault : `${parsed.scheme} ${parsed.host} ${parsed.port} ${parsed.portWritten}`;
  const rows: readonly (readonly [parse: typeof parseScgiUrl, text: string, expected: string])[] = [
    [parseUwsgiUrl, "127.0.0.1:3031", "uwsgi 127.0.0.1 3031 true"],
    [parseUwsgiUrl, "uwsgi://app:1", "uwsgi app 1 true"],
    [parseUwsgiUrl, "UWSGI://app", "uwsgi app 0 false"],
    [parseUwsgiUrl, "unix:/run/u.sock", "uwsgi unix:/run/u.sock 0 false"],
    [parseUwsgiUrl, "uwsgi://unix:/run/u.sock", "uwsgi unix:/run/u.sock 0 false"],
    [parseUwsgiUrl, "[::1]:5", "uwsgi [::1] 5 true"],
    [parseUwsgiUrl, "sUwsgi://app:1", '"uwsgi_pass" to suwsgi:// is not supported by hopway'],
    [parseUwsgiUrl, "http://app:1", 'invalid host in upstream "http://app:1"'],
    [parseUwsgiUrl, "uwsgi://app:1/x", 'invalid host in upstream "app:1/x"'],
    [parseUwsgiUrl, "uwsgi://", 'no host in upstream ""'],
    [parseScgiUrl, "app:4000", "scgi app 4000 true"],
    [parseScgiUrl, "unix:/run/s.sock", "scgi unix:/run/s.sock 0 false"],
    [parseScgiUrl, "scgi://app:4000", 'invalid host in upstream "scgi://app:4000"'],
  ];
  for (const [parse, text, expected] of rows)
    test(`${parse.name} ${text}`, () => expect(shown(parse(text))).toBe(expected));
});
