import { describe, expect, test } from "bun:test";
import {
  addressText,
  binaryAddress,
  formatIPv6,
  fromSystemAddress,
  inetAddress,
  normalIP,
  parseAddress,
  parseIPv4,
  parseIPv6,
  systemAddress,
  unixAddress,
} from "./address.ts";

const listen = { listen: true, uriPart: false, defaultPort: 80 };
const upstream = { listen: false, uriPart: false, defaultPort: 80 };
const proxyPass = { listen: false, uriPart: true, defaultPort: 80 };

describe("listen addresses", () => {
  const good: readonly (readonly [string, string])[] = [
    ["8080", "0.0.0.0:8080"],
    ["*", "0.0.0.0:80"],
    ["*:81", "0.0.0.0:81"],
    ["127.0.0.1", "127.0.0.1:80"],
    ["127.0.0.1:81", "127.0.0.1:81"],
    ["[::]:82", "[::]:82"],
    ["[::1]", "[::1]:80"],
    ["[0:0:0:0:0:0:0:1]:83", "[::1]:83"],
    ["unix:/run/x.sock", "unix:/run/x.sock"],
    ["unix:foo:", "unix:foo:"],
    ["UNIX:/x", "unix:/x"],
  ];
  for (const [text, expected] of good) {
    test(text, () => {
      const parsed = parseAddress(text, listen);
      expect("fault" in parsed ? parsed.fault : addressText(parsed.address ?? unixAddress("none"))).toBe(expected);
    });
  }

  // Asked of nginx 1.22.
  const bad: readonly (readonly [string, string])[] = [
    ["127.0.0.1:99999", "invalid port"],
    ["127.0.0.1:", "invalid port"],
    ["127.0.0.1:abc", "invalid port"],
    ["127.0.0.1:80x", "invalid port"],
    ["*:0", "invalid port"],
    ["0", "invalid port"],
    ["65536", "invalid port"],
    ["8099999", "invalid port"],
    ["[::1]:99999", "invalid port"],
    ["[::1]:", "invalid port"],
    ["127.0.0.1:3-1", "invalid port range"],
    [":80", "no host"],
    ["[]:80", "no host"],
    ["[::1", "invalid host"],
    ["[::1]80", "invalid host"],
    ["127.0.0.1:80/x", "invalid host"],
    ["*:1?x", "invalid host"],
    ["/tmp", "invalid host"],
    ["localhost/", "invalid host"],
    ["[::g]:80", "invalid IPv6 address"],
    ["unix:", "no path in the unix domain socket"],
    [`unix:${"x".repeat(108)}`, "too long path in the unix domain socket"],
  ];
  for (const [text, fault] of bad) {
    test(`${text.slice(0, 40)}: ${fault}`, () => expect(parseAddress(text, listen)).toEqual({ fault }));
  }

  const names = ["foo.example:80", "+80", "-80", "*x", "1.2.3.256:80"];
  for (const name of names) {
    test(`${name} is a name`, () => {
      const parsed = parseAddress(name, listen);
      expect("fault" in parsed ? parsed.fault : parsed.address).toBeUndefined();
    });
  }

  test("a range of ports", () => {
    expect(parseAddress("127.0.0.1:81-83", listen)).toMatchObject({ port: 81, lastPort: 83, portText: "81" });
    expect(parseAddress("81-83", listen)).toMatchObject({ port: 81, lastPort: 83, wildcard: true });
  });
});

describe("upstream and proxy_pass addresses", () => {
  test("name with port", () => {
    const parsed = parseAddress("backend:8080", upstream);
    expect(parsed).toMatchObject({ host: "backend", port: 8080, portText: "8080", noPort: false, address: undefined });
  });
  test("name without port", () => {
    expect(parseAddress("backend", upstream)).toMatchObject({ host: "backend", port: 80, noPort: true });
  });
  test("a lone number is a name", () => expect(parseAddress("8080", upstream)).toMatchObject({ host: "8080" }));
  test("no range of ports", () => expect(parseAddress("a:1-2", upstream)).toEqual({ fault: "invalid port" }));
  test("a URI is refused", () => expect(parseAddress("a/b", upstream)).toEqual({ fault: "invalid host" }));
  test("URI after the port", () => {
    expect(parseAddress("a:81/b:c?d", proxyPass)).toMatchObject({ host: "a", port: 81, uri: "/b:c?d" });
  });
  test("arguments only", () => expect(parseAddress("a?b", proxyPass)).toMatchObject({ host: "a", uri: "?b" }));
  test("colon in the URI is no port", () => {
    expect(parseAddress("a/b:c", proxyPass)).toMatchObject({ host: "a", noPort: true, uri: "/b:c" });
  });
  test("IPv6 with URI", () => {
    expect(parseAddress("[::1]:81/x", proxyPass)).toMatchObject({ host: "[::1]", port: 81, uri: "/x" });
  });
  test("unix with URI", () => {
    const parsed = parseAddress("unix:/run/x.sock:/uri", proxyPass);
    expect(parsed).toMatchObject({ address: unixAddress("/run/x.sock"), uri: "/uri" });
  });
});

describe("literals", () => {
  const fours: readonly (readonly [string, boolean])[] = [
    ["0.0.0.0", true],
    ["255.255.255.255", true],
    ["1.2.3", false],
    ["1.2.3.4.5", false],
    ["1.2.3.256", false],
    ["1..3.4", false],
    ["1.2.3.", false],
    ["", false],
  ];
  for (const [text, good] of fours) {
    test(`IPv4 ${JSON.stringify(text)}`, () => expect(parseIPv4(text) !== undefined).toBe(good));
  }
  const sixes: readonly (readonly [string, string | undefined])[] = [
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:DB8::0:1", "2001:db8::1"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["::ffff:1.2.3.4", "::ffff:1.2.3.4"],
    ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
    ["1:2:3:4:5:6:7", undefined],
    ["1:2:3:4:5:6:7:8:9", undefined],
    ["1::2::3", undefined],
    ["1:2:3:4::5:6:7:8", undefined],
    [":1", undefined],
    ["12345::", undefined],
    ["1.2.3.4::", undefined],
    ["::%eth0", undefined],
  ];
  for (const [text, expected] of sixes) {
    test(`IPv6 ${text}`, () => {
      const bytes = parseIPv6(text);
      expect(bytes === undefined ? undefined : formatIPv6(bytes)).toBe(expected);
    });
  }
  test("names are no literals", () => expect(normalIP("localhost")).toBeUndefined());
});

describe("binary forms", () => {
  test("for $binary_remote_addr", () => {
    expect(binaryAddress(inetAddress("1.2.3.255", 1))).toBe("\x01\x02\x03\xff");
    expect(binaryAddress(inetAddress("::1", 1))).toBe(`${"\0".repeat(15)}\x01`);
    expect(binaryAddress(unixAddress("/x"))).toBe("unix:");
  });
  for (const address of [
    inetAddress("1.2.3.4", 8080),
    inetAddress("2001:db8::1", 443),
    unixAddress("/run/\xff.sock"),
  ]) {
    test(`${addressText(address)} for the system and back`, () => {
      expect(fromSystemAddress(systemAddress(address))).toEqual(address);
    });
  }
});
