import { describe, expect, test } from "bun:test";
import { mergeCookies, newCookieSettings, rewriteCookies } from "./cookies.ts";
import { fakeRequest, loadSettings } from "./load-fixture.ts";

const cases: readonly (readonly [config: string, value: string, expected: string])[] = [
  ["", "a=b;path=/;  X", "a=b;path=/;  X"],
  ["proxy_cookie_domain b.org c.org;", "a=b; Domain=b.org; Path=/", "a=b; Domain=c.org; Path=/"],
  ["proxy_cookie_domain .b.org .c.org;", "a=b; domain=.B.ORG", "a=b; domain=.c.org"],
  ["proxy_cookie_domain b.org c.org;", "a=b;  domain=xb.org ;Y", "a=b;  domain=xb.org ;Y"],
  ["proxy_cookie_domain ~\\.(org)$ c.$1;", "a=b; domain=B.ORG", "a=b; domain=c.ORG"],
  ["proxy_cookie_domain $http_h c.org;", "a=b; domain=b.org", "a=b; domain=c.org"],
  ["proxy_cookie_domain off;", "a=b; domain=b.org", "a=b; domain=b.org"],
  ["proxy_cookie_path /two/ /;", "a=b; path=/two/x", "a=b; path=/x"],
  ["proxy_cookie_path /two/ /;", "a=b; path=/TWO/x", "a=b; path=/TWO/x"],
  ["proxy_cookie_path ~^/t(.*)$ /u$1;", "a=b; PATH = /tx", "a=b; PATH=/ux"],
  ["proxy_cookie_path ~*^/T(.*)$ /u$1;", "a=b; path=/tx", "a=b; path=/ux"],
  ["proxy_cookie_path / /p/;", "a=b; path; x=/", "a=b; path; x=/"],
  ["proxy_cookie_path / /p/;", "path=/; path=/", "path=/; path=/p/"],
  ["proxy_cookie_path / /p/;", "a; path=/", "a; path=/"],
  ["proxy_cookie_flags a secure httponly samesite=strict;", "a=b", "a=b; Secure; HttpOnly; SameSite=Strict"],
  ["proxy_cookie_flags A secure;", "a=b; SECURE", "a=b; SECURE"],
  ["proxy_cookie_flags a nosecure nohttponly nosamesite;", "a=b; Secure; x; HttpOnly; SameSite=Lax", "a=b; x"],
  ["proxy_cookie_flags a samesite=none;", "a=b; samesite=Lax; p", "a=b; SameSite=None; p"],
  ["proxy_cookie_flags a samesite=none samesite=lax;", "a=b; samesite; p", "a=b; SameSite=Lax; p; SameSite=None"],
  ["proxy_cookie_flags a samesite=none samesite=lax;", "a=b", "a=b; SameSite=Lax"],
  ["proxy_cookie_flags a nosecure secure;", "a=b; secure; secure", "a=b; secure"],
  ["proxy_cookie_flags ~^sess secure; proxy_cookie_flags ~. nosecure;", "SESSION=1; p", "SESSION=1; p; Secure"],
  ["proxy_cookie_flags ~^sess secure; proxy_cookie_flags ~. nosecure;", "x=1; secure", "x=1"],
  ["proxy_cookie_flags b secure;", "a=b;x", "a=b;x"],
  ["proxy_cookie_flags $http_c $http_f;", "ck=b", "ck=b; HttpOnly"],
  ["proxy_cookie_flags a $http_none;", "a=b;x", "a=b;x"],
  ["proxy_cookie_flags off;", "a=b", "a=b"],
  ["proxy_cookie_path / /p/; proxy_cookie_flags a secure;", "a=b; path=/", "a=b; path=/p/; Secure"],
];

describe("Set-Cookie", () => {
  for (const [config, value, expected] of cases) {
    test(`${config} ${value}`, async () => {
      const { settings, faults } = await loadSettings(config);
      expect(faults).toEqual([]);
      const { r } = fakeRequest("h: b.org", "c: CK", "f: httponly");
      expect(rewriteCookies(r, value, settings)).toBe(expected);
    });
  }
});

test("inheritance: each kind for itself", async () => {
  const outer = (await loadSettings("proxy_cookie_domain a b; proxy_cookie_path a b; proxy_cookie_flags a secure;"))
    .settings;
  const own = newCookieSettings();
  own.cookiePaths = "off";
  mergeCookies(own, outer);
  expect([own.cookieDomains === outer.cookieDomains, own.cookiePaths]).toEqual([true, "off"]);
  expect(own.cookieFlags).toBe(outer.cookieFlags);
});

describe("errors", () => {
  const faults: readonly (readonly [config: string, fault: string])[] = [
    ["proxy_cookie_path x;", 'invalid parameter "x"'],
    ["proxy_cookie_domain off; proxy_cookie_domain a b;", '"proxy_cookie_domain" directive is duplicate'],
    ["proxy_cookie_domain a b; proxy_cookie_domain off;", '"proxy_cookie_domain" directive is duplicate'],
    ["proxy_cookie_flags x;", 'invalid parameter "x"'],
    ["proxy_cookie_flags a secure x;", 'unknown flag "x" is ignored'],
    ["proxy_cookie_flags a b c d e;", 'invalid number of arguments in "proxy_cookie_flags" directive'],
    ["proxy_cookie_flags off; proxy_cookie_flags a secure;", '"proxy_cookie_flags" directive is duplicate'],
  ];
  for (const [config, fault] of faults) {
    test(config, async () => expect((await loadSettings(config)).faults).toEqual([fault]));
  }
});
