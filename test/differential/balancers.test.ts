/**
 * Real nginx's choice of a peer against ours: one upstream block, read by both, and the same requests one after the
 * other. What nginx 1.22 and current nginx do is the same here.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { parseIPv4, parseIPv6 } from "../../src/net/address.ts";
import { FakeChoice, loadUpstream } from "../../src/upstream/load-fixture.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { exchange, WAIT_END } from "../harness/exchange.ts";
import { findNginx, type Gateway, startNginx } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { parseResponses } from "../harness/response-stream.ts";

/** What varies from request to request. */
type Vary = "key" | "ipv4" | "ipv6";

interface BalancerCase {
  readonly name: string;
  /** `{a}` to `{d}` are servers that answer their letter, `{x}` and `{y}` ones that refuse connections. */
  readonly block: string;
  readonly vary: Vary;
}

const REQUESTS = 120;
/** Longer than the test runs, so that the clock has no say. */
const LONG = "fail_timeout=600s";

const CASES: readonly BalancerCase[] = [
  { name: "round robin, equal weights", vary: "key", block: "{a}; {b}; {c};" },
  { name: "round robin, weights 5 1 1", vary: "key", block: "{a} weight=5; {b}; {c};" },
  {
    name: "round robin, weights 3 7 2 5",
    vary: "key",
    block: "{a} weight=3; {b} weight=7; {c} weight=2; {d} weight=5;",
  },
  { name: "round robin, one down", vary: "key", block: "{a}; {b} down; {c} weight=2;" },
  { name: "round robin, one refuses", vary: "key", block: `{a}; {x} ${LONG}; {c} weight=2;` },
  { name: "round robin, one refuses and is never disabled", vary: "key", block: "{a}; {x} weight=3 max_fails=0; {c};" },
  { name: "round robin, max_fails=4", vary: "key", block: `{a} weight=2; {x} weight=9 max_fails=4 ${LONG}; {c};` },
  {
    name: "round robin, backup after failures",
    vary: "key",
    block: `{x} ${LONG}; {y} ${LONG}; {a} backup; {b} weight=2 backup;`,
  },
  { name: "round robin, everything refuses", vary: "key", block: `{x} ${LONG}; {y} ${LONG};` },
  { name: "single server that refuses", vary: "key", block: "{x};" },
  { name: "single server and a backup", vary: "key", block: `{x} ${LONG}; {a} backup;` },
  { name: "all down", vary: "key", block: "{a} down; {b} down;" },
  { name: "least_conn", vary: "key", block: "least_conn; {a} weight=2; {b}; {c} weight=3;" },
  {
    name: "least_conn, one refuses",
    vary: "key",
    block: `least_conn; {a} weight=2; {x} weight=3 max_fails=2 ${LONG}; {c};`,
  },
  { name: "ip_hash over IPv4", vary: "ipv4", block: "ip_hash; {a}; {b}; {c};" },
  { name: "ip_hash with weights", vary: "ipv4", block: "ip_hash; {a} weight=4; {b}; {c} weight=2; {d} weight=3;" },
  { name: "ip_hash, one down", vary: "ipv4", block: "ip_hash; {a}; {b} down; {c};" },
  { name: "ip_hash, one refuses", vary: "ipv4", block: `ip_hash; {a} weight=2; {x} weight=2 ${LONG}; {c};` },
  { name: "ip_hash, all but one down", vary: "ipv4", block: "ip_hash; {a} down weight=30; {b}; {c} down;" },
  { name: "ip_hash over IPv6", vary: "ipv6", block: "ip_hash; {a}; {b}; {c} weight=2;" },
  { name: "hash", vary: "key", block: "hash $arg_k; {a}; {b}; {c};" },
  { name: "hash with weights", vary: "key", block: "hash $arg_k; {a} weight=4; {b}; {c} weight=2; {d};" },
  { name: "hash, one down", vary: "key", block: "hash $arg_k; {a} weight=4; {b} down; {c};" },
  { name: "hash, one refuses", vary: "key", block: `hash $arg_k; {a}; {x} weight=3 ${LONG}; {c};` },
  { name: "hash, all but one down", vary: "key", block: "hash $arg_k; {a} down weight=30; {b}; {c} down;" },
  { name: "hash of an empty key", vary: "key", block: "hash $arg_none; {a} weight=2; {b}; {c};" },
  { name: "consistent hash", vary: "key", block: "hash $arg_k consistent; {a}; {b}; {c};" },
  {
    name: "consistent hash with weights",
    vary: "key",
    block: "hash $arg_k consistent; {a} weight=4; {b}; {c} weight=2; {d};",
  },
  { name: "consistent hash, one down", vary: "key", block: "hash $arg_k consistent; {a}; {b} down; {c};" },
  {
    name: "consistent hash, one refuses",
    vary: "key",
    block: `hash $arg_k consistent; {a}; {x} weight=3 ${LONG}; {c};`,
  },
  {
    name: "consistent hash, all but one down",
    vary: "key",
    block: "hash $arg_k consistent; {a} down weight=30; {b}; {c} down;",
  },
  {
    name: "consistent hash, two lines for one server",
    vary: "key",
    block: "hash $arg_k consistent; {a}; {a} weight=2; {c};",
  },
  { name: "consistent hash, one server twice by name", vary: "key", block: "hash $arg_k consistent; {a}; {a}; {b};" },
];

const nginx = findNginx();
const LETTERS = ["a", "b", "c", "d", "x", "y"] as const;
const ports: ReadonlyMap<string, number> = new Map(LETTERS.map((letter) => [letter, freePort()]));
const fronts = CASES.map(() => freePort());

function withPorts(block: string): string {
  return block.replace(/\{(\w)\}/g, (_, letter: string) => `server 127.0.0.1:${ports.get(letter)}`);
}

/** A number for the i-th request that jumps about; the same in every run. */
function scattered(i: number): number {
  return Math.imul(i + 1, 2_654_435_761) >>> 0;
}

/** What varies in the i-th request, as text; every seventh is one seen before. */
function varied(vary: Vary, i: number): string {
  const n = scattered(i % 7 === 6 ? i >> 1 : i);
  const bytes = [24, 16, 8, 0].map((shift) => (n >>> shift) & 255);
  if (vary === "ipv4") return bytes.join(".");
  if (vary === "ipv6") return `2001:db8::${n.toString(16).padStart(8, "0").slice(0, 4)}:${i}`;
  return `key-${n.toString(36)}`;
}

function configText(): string {
  const backends = ["a", "b", "c", "d"].map(
    (letter) => `  server {\n    listen 127.0.0.1:${ports.get(letter)};\n    return 200 "${letter}";\n  }`,
  );
  const cases = CASES.map(
    ({ block }, i) => `  upstream case${i} { ${withPorts(block)} }
  server {
    listen 127.0.0.1:${fronts[i]};
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Forwarded-For;
    location / { proxy_pass http://case${i}; add_header X-Tried $upstream_addr always; }
  }`,
  );
  return `{main}
error_log {prefix}/error.log;
events {}
http {
  access_log off;
  {temp_paths}
${[...backends, ...cases].join("\n")}
}
`;
}

/** The ports that nginx tried for each request, in order, with the status. */
async function nginxChoices(index: number, vary: Vary): Promise<string[]> {
  const requests = Array.from({ length: REQUESTS }, (_, i) => {
    const value = varied(vary, i);
    const field = vary === "key" ? "" : `X-Forwarded-For: ${value}\r\n`;
    const close = i === REQUESTS - 1 ? "Connection: close\r\n" : "";
    return `GET /?k=${value} HTTP/1.1\r\nHost: x\r\n${field}${close}\r\n`;
  });
  const { received } = await exchange(fronts[index] ?? 0, [requests.join(""), WAIT_END]);
  return parseResponses(received, [], true).map(({ status, fields }) => {
    const tried = fields.find((line) => line.startsWith("X-Tried: "))?.slice("X-Tried: ".length) ?? "";
    return `${status} ${tried.replaceAll("127.0.0.1:", "").replaceAll(/case\d+/g, "none")}`;
  });
}

/** The same from our balancer; letters x and y fail. */
function ourChoice(upstream: Upstream, choice: FakeChoice): string {
  const refusing = [ports.get("x"), ports.get("y")];
  const tried: string[] = [];
  const attempt = upstream.balancer.begin(choice);
  for (;;) {
    const peer = upstream.balancer.next(attempt);
    tried.push(peer === undefined ? "none" : String(peer.address.port));
    if (peer === undefined) return `502 ${tried.join(", ")}`;
    const failed = refusing.includes(peer.address.port);
    upstream.balancer.free(attempt, failed);
    if (!failed) return `200 ${tried.join(", ")}`;
    if (attempt.tries === 0) return `502 ${tried.join(", ")}`;
  }
}

test("nginx is there to compare with", () => {
  if (nginx === undefined) console.warn("nginx is not installed: the comparison of balancers is skipped");
  if (process.env["HOPWAY_REQUIRE_NGINX"]) expect(nginx).toBeDefined();
});

describe.skipIf(nginx === undefined)("same peer as nginx", () => {
  let gateway: Gateway | undefined;

  beforeAll(async () => {
    gateway = await startNginx(configText());
  }, 30_000);

  afterAll(async () => {
    await gateway?.stop();
    gateway?.remove();
  });

  for (const [index, { name, block, vary }] of CASES.entries()) {
    test(name, async () => {
      const upstream = await loadUpstream(withPorts(block));
      const ours = Array.from({ length: REQUESTS }, (_, i) => {
        const value = varied(vary, i);
        const address = (vary === "ipv6" ? parseIPv6(value) : parseIPv4(value)) ?? Uint8Array.of(127, 0, 0, 1);
        return ourChoice(upstream, new FakeChoice(block.includes("$arg_none") ? "" : value, address));
      });
      expect(ours).toEqual(await nginxChoices(index, vary));
    });
  }
});
