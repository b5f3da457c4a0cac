/** Who may say where a client comes from, and how much of it: PROXY protocol headers and forwarded addresses of strangers. */
import { describe, expect, test } from "bun:test";
import { type ClientStep, exchange, HALF_CLOSE, NEXT_PACKET, RESET, WAIT_END } from "../harness/exchange.ts";
import { freePort } from "../harness/ports.ts";
import { parseResponses } from "../harness/response-stream.ts";
import { attackTarget, head } from "./target.ts";

/** Trusts the PROXY protocol of 127.0.0.1. */
const trusting = freePort();
/** Takes the PROXY protocol, trusts nobody's address. */
const doubting = freePort();

const SHOW = 'return 200 "$remote_addr $proxy_add_x_forwarded_for";';
const target = attackTarget(
  `
    listen 127.0.0.1:${trusting} proxy_protocol;
    client_header_timeout 1s;
    set_real_ip_from 127.0.0.1;
    real_ip_header proxy_protocol;
    location / { ${SHOW} }
    location /admin { allow 10.0.0.1; deny all; try_files /none =204; }
`,
  {},
  `
  server {
    listen 127.0.0.1:${doubting} proxy_protocol;
    set_real_ip_from 192.0.2.0/24;
    real_ip_header X-Forwarded-For;
    real_ip_recursive on;
    location / { ${SHOW} }
    location /admin { allow 10.0.0.1; deny all; try_files /none =204; }
  }
`,
);

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const FROM_ADMIN = "PROXY TCP4 10.0.0.1 10.0.0.2 1000 80\r\n";
const LIMIT_MS = 30_000;

async function tryTo(port: number, ...steps: readonly ClientStep[]) {
  const { received, end, timedOut } = await exchange(port, steps, [], LIMIT_MS);
  if (timedOut !== undefined) throw new Error(`${timedOut} did not happen; received ${JSON.stringify(received)}`);
  return {
    end,
    responses: parseResponses(received, [], true).map(({ status, body }) => `${status} ${body.split("\r")[0]}`),
  };
}

function ask(uri: string, ...fields: readonly string[]): string {
  return head(`GET ${uri} HTTP/1.1`, "Host: x", ...fields);
}

describe("not trusted", () => {
  const FORBIDDEN = "403 <html>";
  const spoofs: readonly (readonly [name: string, port: () => number, sent: string, answer: string])[] = [
    ["a field", () => target.port, ask("/", "X-Forwarded-For: 10.0.0.1"), "200 127.0.0.1 10.0.0.1, 127.0.0.1"],
    [
      "a field instead of the header",
      () => trusting,
      FROM_ADMIN.replace("0.1 ", "0.7 ") + ask("/admin", "X-Real-IP: 10.0.0.1"),
      FORBIDDEN,
    ],
    ["no header at all", () => target.port, ask("/admin", "X-Real-IP: 10.0.0.1"), FORBIDDEN],
    ["a header by somebody else", () => doubting, FROM_ADMIN + ask("/"), "200 127.0.0.1 127.0.0.1"],
    ["a header by somebody else, for access", () => doubting, FROM_ADMIN + ask("/admin"), FORBIDDEN],
    ["a field by somebody else", () => doubting, FROM_ADMIN + ask("/admin", "X-Forwarded-For: 10.0.0.1"), FORBIDDEN],
    ["a header where none is wanted", () => target.port, FROM_ADMIN + ask("/admin"), "400 <html>"],
    ["trusted", () => trusting, FROM_ADMIN + ask("/"), "200 10.0.0.1 10.0.0.1"],
  ];
  for (const [name, port, sent, answer] of spoofs) {
    test(name, async () => {
      const { responses } = await tryTo(port(), sent, { waitResponses: 1 });
      expect(responses).toEqual([answer]);
    });
  }

  test("a second header is a bad request", async () => {
    const { responses } = await tryTo(
      trusting,
      FROM_ADMIN.replace("0.1 ", "0.7 ") + FROM_ADMIN + ask("/admin"),
      WAIT_END,
    );
    expect(responses).toEqual(["400 <html>"]);
    await target.gateway.quiet();
    expect(target.gateway.errorLog()).toContain(
      "client sent invalid request while reading client request line, client: 127",
    );
  });

  test("a field means nothing where the header is asked", async () => {
    const { responses } = await tryTo(trusting, `${FROM_ADMIN}${ask("/")}${ask("/", "X-Forwarded-For: 6.6.6.6")}`, {
      waitResponses: 2,
    });
    expect(responses).toEqual(["200 10.0.0.1 10.0.0.1", "200 10.0.0.1 6.6.6.6, 10.0.0.1"]);
  });
});

describe("too much, too little", () => {
  const closed: readonly (readonly [name: string, steps: readonly ClientStep[], logged: RegExp | undefined])[] = [
    ["a line without an end", [`PROXY UNKNOWN ${"a".repeat(100_000)}`], /broken header: "PROXY UNKNOWN a{1000}/],
    [
      "a line without an end, in pieces",
      Array.from({ length: 40 }, () => "PROXY UNKNOWN ".padEnd(200, "b")),
      /broken header: "PROXY UNKNOWN b{10}/,
    ],
    ["64 KiB of version 2", [`${SIGNATURE}\x21\x11\xff\xff`], /header is too large while reading PROXY protocol/],
    ["a length that is not kept", [`${SIGNATURE}\x21\x11\0\x0c123`, HALF_CLOSE], /header is too large while/],
    ["a length that is too short", [`${SIGNATURE}\x21\x21\0\x0c${"x".repeat(12)}`], undefined],
    ["half a line", ["PROXY TCP4 10.0", HALF_CLOSE], /broken header: "PROXY TCP4 10.0" while reading PROXY protocol/],
    ["half a signature", [SIGNATURE.slice(0, 5), HALF_CLOSE], /broken header: "" while reading PROXY protocol/],
    ["nothing", [HALF_CLOSE], /client closed connection while reading PROXY protocol/],
    ["TLS", ["\x16\x03\x01\x02\0\x01"], /broken header: "\\x16\\x03\\x01/],
    [
      "a request",
      [ask("/admin")],
      /broken header: "GET \/admin HTTP\/1.1" while reading PROXY protocol, client: 127.0.0.1, server: 127.0.0.1:\d+\n/,
    ],
    ["silence", [], /client timed out \(110: Connection timed out\) while reading PROXY protocol/],
    ["silence after a part", ["PROXY "], /client timed out \(110: Connection timed out\) while reading PROXY protocol/],
  ];
  for (const [name, steps, logged] of closed) {
    test(name, async () => {
      const before = target.gateway.errorLog().length;
      const { responses, end } = await tryTo(trusting, ...steps, WAIT_END);
      expect(responses).toEqual([]);
      expect(end).not.toBe("open");
      await target.gateway.quiet();
      if (logged !== undefined) expect(target.gateway.errorLog().slice(before)).toMatch(logged);
    });
  }

  test("a header that drips in does not get more time", async () => {
    const drip = Array.from(FROM_ADMIN, (char) => [char, { pauseMs: 60 }] as const).flat();
    const startedMs = performance.now();
    const { responses } = await tryTo(trusting, ...drip, ask("/"), WAIT_END);
    expect(responses).toEqual([]);
    // All of the drip takes more than two seconds.
    expect(performance.now() - startedMs).toBeGreaterThan(900);
  });

  test("a client that breaks off with a reset", async () => {
    await tryTo(trusting, "PROXY TC", RESET);
    const { responses } = await tryTo(trusting, FROM_ADMIN + ask("/"), { waitResponses: 1 });
    expect(responses).toEqual(["200 10.0.0.1 10.0.0.1"]);
  });

  test("a header in pieces is one header", async () => {
    const pieces = ["PROXY TC", "P4 10.0.0.1 10.0.0.2 1000 80\r", `\n${ask("/").slice(0, 5)}`, ask("/").slice(5)];
    const { responses } = await tryTo(trusting, ...pieces.flatMap((piece) => [piece, NEXT_PACKET]), {
      waitResponses: 1,
    });
    expect(responses).toEqual(["200 10.0.0.1 10.0.0.1"]);
  });

  test("two hundred half headers at once do not keep others out", async () => {
    const half = Array.from({ length: 200 }, () =>
      tryTo(trusting, `${SIGNATURE}\x21\x11\x0f\xf0${"x".repeat(1000)}`, WAIT_END),
    );
    const { responses } = await tryTo(trusting, FROM_ADMIN + ask("/"), { waitResponses: 1 });
    expect(responses).toEqual(["200 10.0.0.1 10.0.0.1"]);
    const ends = await Promise.all(half);
    expect(ends.every(({ end }) => end !== "open")).toBe(true);
  });
});
