import { describe, expect, test } from "bun:test";
import { fixtureModule, loadHttp, loadUpstream } from "./load-fixture.ts";
import { Upstream } from "./upstream.ts";
import { upstreams } from "./upstream-set.ts";

function servers(count: number): string {
  return Array.from({ length: count }, (_, i) => `server 127.0.0.1:${i + 1};`).join(" ");
}

describe("errors", () => {
  const cases: readonly (readonly [http: string, expected: string])[] = [
    ["upstream u {}", "emerg:3 no servers are inside upstream"],
    ["upstream u { server a.invalid:8080; }", 'emerg:3 host not found in upstream "a.invalid:8080"'],
    ["upstream u { server 1.2.3.4:99999; }", 'emerg:3 invalid port in upstream "1.2.3.4:99999"'],
    ["upstream u { server :80; }", 'emerg:3 no host in upstream ":80"'],
    ["upstream u { server unix:; }", 'emerg:3 no path in the unix domain socket in upstream "unix:"'],
    ["upstream u { server 1.2.3.4 weight=0; }", 'emerg:3 invalid parameter "weight=0"'],
    ["upstream u { server 1.2.3.4 weight=x; }", 'emerg:3 invalid parameter "weight=x"'],
    ["upstream u { server 1.2.3.4 max_fails=-1; }", 'emerg:3 invalid parameter "max_fails=-1"'],
    ["upstream u { server 1.2.3.4 fail_timeout=x; }", 'emerg:3 invalid parameter "fail_timeout=x"'],
    ["upstream u { server 1.2.3.4 max_conns=; }", 'emerg:3 invalid parameter "max_conns="'],
    ["upstream u { server 1.2.3.4 what; }", 'emerg:3 invalid parameter "what"'],
    ["upstream u { server 1.2.3.4 down=1; }", 'emerg:3 invalid parameter "down=1"'],
    ["upstream u { server x.org resolve; }", 'emerg:3 parameter "resolve" of "server" is not implemented by hopway'],
    ["upstream u { server 1.2.3.4 route=a; }", 'emerg:3 parameter "route=a" of "server" is not implemented by hopway'],
    [
      "upstream u { ip_hash;\nserver 1.2.3.4 backup;\n}",
      'emerg:4 balancing method does not support parameter "backup"',
    ],
    ["upstream u { server 1.2.3.4 backup;\n}", 'emerg:3 no servers in upstream "u"'],
    ["upstream u { least_conn; ip_hash;\nserver 1.2.3.4; }", "warn:3 load balancing method redefined"],
    ["upstream u { server 1.2.3.4; }\nupstream U { server 1.2.3.4; }", 'emerg:4 duplicate upstream "U"'],
    ["upstream u { hash $a consistant; server 1.2.3.4; }", 'emerg:3 invalid parameter "consistant"'],
    ["upstream u { random three; server 1.2.3.4; }", 'emerg:3 invalid parameter "three"'],
    ["upstream u { random two x; server 1.2.3.4; }", 'emerg:3 invalid parameter "x"'],
    ["upstream u { keepalive x; server 1.2.3.4; }", 'emerg:3 invalid value "x" in "keepalive" directive'],
    ["upstream u { keepalive 1; keepalive 2; server 1.2.3.4; }", 'emerg:3 "keepalive" directive is duplicate'],
    ["upstream u { ip_hash x; server 1.2.3.4; }", 'emerg:3 invalid number of arguments in "ip_hash" directive'],
    ["pass nowhere;", 'emerg:3 host not found in upstream "nowhere"'],
    ["upstream u { server 1.2.3.4; }\npass u 8080;", 'emerg:4 upstream "u" may not have port 8080'],
    ["pass u 8080;\nupstream u { server 1.2.3.4; }", 'emerg:3 upstream "u" may not have port 8080'],
    ['upstream u { zone ""; server 1.2.3.4; }', 'emerg:3 invalid zone name ""'],
    ["upstream u { zone z y; server 1.2.3.4; }", 'emerg:3 invalid zone size "y"'],
    ["upstream u { zone z 31k; server 1.2.3.4; }", 'emerg:3 zone "z" is too small'],
    [
      `upstream u { zone z 32k; ${servers(70)} }\nupstream v { zone z; ${servers(70)} }`,
      'emerg:undefined ngx_slab_alloc() failed: no memory in upstream zone "z"',
    ],
    ["resolver valid=1s;", "emerg:3 no name servers defined"],
    ["resolver unix:/x;", 'emerg:3 Unix sockets are not supported in resolver "unix:/x"'],
    ["resolver nowhere;", 'emerg:3 host not found in resolver "nowhere"'],
    ["resolver 127.0.0.1 valid=x;", "emerg:3 invalid parameter: valid=x"],
    ["resolver 127.0.0.1 ipv6=no;", "emerg:3 invalid parameter: ipv6=no"],
    ["resolver 127.0.0.1 ipv6=off ipv4=off;", 'emerg:3 "ipv4" and "ipv6" cannot both be "off"'],
    ["resolver 127.0.0.1:0;", 'emerg:3 invalid port in resolver "127.0.0.1:0"'],
  ];
  for (const [http, expected] of cases) {
    test(http.replaceAll("\n", " ").slice(0, 100), async () => {
      const { diagnostics } = await loadHttp(http);
      expect(diagnostics.map((d) => `${d.level}:${d.line} ${d.message}`)).toEqual([expected]);
    });
  }
});

describe("servers", () => {
  const cases: readonly (readonly [block: string, addresses: string])[] = [
    ["server 127.0.0.1;", "127.0.0.1:80"],
    ["server [::1]; server [0:0::2]:81;", "[::1]:80 [::2]:81"],
    ["server unix:/run/x.sock;", "unix:/run/x.sock"],
    ["server two:8080; server six;", "10.0.0.1:8080 10.0.0.2:8080 [::1]:80"],
  ];
  for (const [block, addresses] of cases) {
    test(block, async () => {
      const upstream = await loadUpstream(block);
      expect(upstream.peers.map((peer) => peer.address.text).join(" ")).toBe(addresses);
    });
  }

  test("parameters", async () => {
    const block = "server two weight=3 max_fails=5 fail_timeout=1m max_conns=7 down;";
    const peer = (await loadUpstream(block)).peers[1];
    expect([peer?.server, peer?.weight, peer?.maxFails, peer?.failTimeoutMs]).toEqual(["two", 3, 5, 60_000]);
    expect([peer?.maxConns, peer?.down]).toEqual([7, true]);
  });
});

describe("upstreams without a block", () => {
  test("addresses, with one peer each", async () => {
    const { root, load } = await loadHttp("pass 127.0.0.1 81;\npass two 82;\npass [::1];\npass unix:/x;");
    expect(load.diagnostics).toEqual([]);
    const passed = fixtureModule.of(root.children[1] ?? root).passed;
    expect(passed.map((upstream) => upstream.peers.map((peer) => peer.address.text).join(" "))).toEqual([
      "127.0.0.1:81",
      "10.0.0.1:82 10.0.0.2:82",
      "[::1]:80",
      "unix:/x",
    ]);
  });

  test("the block may come before or after, and the same host and port is one upstream", async () => {
    const { root, load } = await loadHttp(
      "pass Back;\nupstream back { server 1.2.3.4:9; }\npass back;\npass two;\npass two;",
    );
    const [before, after, third, fourth] = fixtureModule.of(root.children[1] ?? root).passed;
    expect(before).toBe(after);
    expect(third).toBe(fourth);
    expect(before?.peers[0]?.address.text).toBe("1.2.3.4:9");
    expect(upstreams(load).find("BACK", 0, false)).toBe(before);
    expect(upstreams(load).find("two", 0, false)).toBeUndefined();
  });
});

test("addresses found at run time come in turn, from any of them", () => {
  const ips = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
  const firsts = new Set<string>();
  for (let i = 0; i < 200; i++) {
    const texts = Upstream.ofResolved("x.org", ips, 81).peers.map((peer) => peer.address.text);
    expect(texts.toSorted()).toEqual(["10.0.0.1:81", "10.0.0.2:81", "10.0.0.3:81"]);
    firsts.add(texts[0] ?? "");
  }
  expect(firsts.size).toBe(3);
});

describe("keepalive", () => {
  test("is on by default in a block", async () => {
    const { settings } = (await loadUpstream("server 1.2.3.4;")).pool;
    expect(settings).toEqual({
      size: 32,
      local: true,
      maxRequests: 1000,
      maxAgeMs: 3_600_000,
      idleTimeoutMs: 60_000,
    });
  });

  test("as set", async () => {
    const block = "server 1.2.3.4; keepalive 5; keepalive_requests 6; keepalive_time 7s; keepalive_timeout 8s;";
    const { settings } = (await loadUpstream(block)).pool;
    expect(settings).toEqual({ size: 5, local: false, maxRequests: 6, maxAgeMs: 7000, idleTimeoutMs: 8000 });
  });
});

test("resolver addresses", async () => {
  const { root } = await loadHttp("resolver 127.0.0.1 [::1]:5353 two valid=30s ipv6=off status_zone=z;");
  expect(fixtureModule.of(root.children[1] ?? root).resolver?.settings).toEqual({
    servers: ["127.0.0.1:53", "[::1]:5353", "10.0.0.1:53", "10.0.0.2:53"],
    validMs: 30_000,
    ipv4: true,
    ipv6: false,
  });
});
