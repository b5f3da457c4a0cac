import { describe, expect, test } from "bun:test";
import { ConfigFault } from "../config/directive.ts";
import { parseEvaluatedUrl, parseProxyUrl, proxyPassUrl } from "./proxy-url.ts";

describe("parts", () => {
  const cases: readonly (readonly [url: string, parts: string])[] = [
    // host, port, written, $proxy_host, $proxy_port, URI
    ["http://b", "b 80 false b 80 "],
    ["HTTP://b:80/x", "b 80 true b 80 /x"],
    ["http://b:8080?x", "b 8080 true b:8080 8080 ?x"],
    ["http://[::1]:81/", "[::1] 81 true [::1]:81 81 /"],
    ["https://b", "b 443 false b 443 "],
    ["https://b:443", "b 443 true b 443 "],
    ["https://b:80", "b 80 true b:80 80 "],
    ["http://unix:/run/x.sock", "unix:/run/x.sock 0 false localhost  "],
    ["http://unix:/run/x.sock:/u/", "unix:/run/x.sock 0 false localhost  /u/"],
  ];
  for (const [url, parts] of cases) {
    test(url, () => {
      const p = parseProxyUrl(url);
      if ("fault" in p) throw new Error(p.fault);
      expect([p.host, p.port, p.portWritten, p.hostHeader, p.portText, p.uri].join(" ")).toBe(parts);
    });
  }
});

describe("faults", () => {
  const cases: readonly (readonly [url: string, fault: string])[] = [
    ["ftp://b", "invalid URL prefix"],
    ["b:80", "invalid URL prefix"],
    ["http://", 'no host in upstream ""'],
    ["http://b:x/", 'invalid port in upstream "b:x/"'],
    ["http://unix:", 'no path in the unix domain socket in upstream "unix:"'],
  ];
  for (const [url, fault] of cases) test(url, () => expect(parseProxyUrl(url)).toEqual({ fault }));

  test("URI part where there is no prefix to replace", () => {
    const fault = proxyPassUrl("http://b/", { prefix: "", withoutUri: true });
    expect(fault).toBeInstanceOf(ConfigFault);
    expect(proxyPassUrl("http://b", { prefix: "", withoutUri: true })).not.toBeInstanceOf(ConfigFault);
  });

  test("of variables, with the URL", () => {
    expect(parseEvaluatedUrl("b")).toEqual({ fault: 'invalid URL prefix in "b"' });
    expect(parseEvaluatedUrl("http://b?x")).toMatchObject({ uri: "/?x" });
  });
});
