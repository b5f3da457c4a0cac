import { describe, expect, test } from "bun:test";
import { fakeRequest, loadSettings } from "./load-fixture.ts";
import { mergeRedirects, type RedirectSource, rewriteRedirect, rewriteRefresh } from "./redirect.ts";

const WITH_URI: RedirectSource = { text: "http://b:81/two/", uri: "/two/", prefix: "/one/" };
const WITHOUT_URI: RedirectSource = { text: "http://b:81", uri: "", prefix: "/one/" };

describe("Location", () => {
  const cases: readonly (readonly [config: string, value: string, expected: string | undefined])[] = [
    ["proxy_redirect http://b/ /x/;", "http://b/1", "/x/1"],
    ["proxy_redirect http://b/ /x/;", "http://B/1", undefined],
    ["proxy_redirect http://b/ /x/;", "http://", undefined],
    ["proxy_redirect http://$http_h/ http://$http_n/;", "http://hh/1", "http://nn/1"],
    ["proxy_redirect ~^http://(.*):81/(.*)$ http://$1/p/$2;", "http://b:81/q?r", "http://b/p/q?r"],
    ["proxy_redirect ~^http://(?<name>[^:]*):81 http://$name;", "http://b:81/q", "http://b"],
    ["proxy_redirect ~^HTTP: x;", "http://b", undefined],
    ["proxy_redirect ~*^HTTP: x;", "http://b", "x"],
    ["proxy_redirect /a /1; proxy_redirect /b /2;", "/b/c", "/2/c"],
    ["proxy_redirect /a /1; proxy_redirect /a /2;", "/a", "/1"],
    ["proxy_redirect default;", "http://b:81/two/x", "/one/x"],
    ["proxy_redirect off;", "http://b:81/two/x", undefined],
    ["", "http://b:81/two/x", "/one/x"],
    ["proxy_redirect / /p/;", "http://b:81/two/x", undefined],
  ];
  for (const [config, value, expected] of cases) {
    test(`${config} ${value}`, async () => {
      const { settings, faults } = await loadSettings(config, WITH_URI);
      expect(faults).toEqual([]);
      mergeRedirects(settings, undefined, WITH_URI);
      const { r } = fakeRequest("h: hh", "n: nn");
      expect(rewriteRedirect(r, value, settings.redirects)).toBe(expected);
    });
  }

  test("default without a URI part", async () => {
    const { settings } = await loadSettings("");
    mergeRedirects(settings, undefined, WITHOUT_URI);
    const { r } = fakeRequest();
    expect(rewriteRedirect(r, "http://b:81/x", settings.redirects)).toBe("/x");
    expect(rewriteRedirect(r, "http://b:81", settings.redirects)).toBeUndefined();
  });
});

describe("Refresh", () => {
  const cases: readonly (readonly [value: string, expected: string | undefined])[] = [
    ["5; url=http://b/1", "5; url=/x/1"],
    ["5;URL=http://b/1", "5;URL=/x/1"],
    ["5; url=http://c/1", undefined],
    ["5", undefined],
    ["http://b/1", undefined],
  ];
  for (const [value, expected] of cases) {
    test(value, async () => {
      const { settings } = await loadSettings("proxy_redirect http://b/ /x/;");
      expect(rewriteRefresh(fakeRequest().r, value, settings.redirects)).toBe(expected);
    });
  }
});

describe("inheritance", () => {
  test("own rules replace, none inherit, off stays off", async () => {
    const outer = (await loadSettings("proxy_redirect /a /b;")).settings;
    const own = (await loadSettings("proxy_redirect /c /d;")).settings;
    const off = (await loadSettings("proxy_redirect off;")).settings;
    const silent = (await loadSettings("")).settings;
    const rules = outer.redirects;
    for (const level of [own, off, silent]) mergeRedirects(level, outer, WITH_URI);
    expect(own.redirects).toHaveLength(1);
    expect(own.redirects).not.toBe(rules);
    expect(off.redirects).toBe("off");
    expect(silent.redirects).toBe(rules);
  });
});

describe("errors", () => {
  const cases: readonly (readonly [config: string, source: RedirectSource | "variables" | undefined, fault: string])[] =
    [
      ["proxy_redirect x;", WITH_URI, 'invalid parameter "x"'],
      ["proxy_redirect off; proxy_redirect /a /b;", WITH_URI, '"proxy_redirect" directive is duplicate'],
      ["proxy_redirect /a /b; proxy_redirect off;", WITH_URI, '"proxy_redirect" directive is duplicate'],
      [
        "proxy_redirect default;",
        undefined,
        '"proxy_redirect default" should be placed after the "proxy_pass" directive',
      ],
      [
        "proxy_redirect default;",
        "variables",
        '"proxy_redirect default" cannot be used with "proxy_pass" directive with variables',
      ],
    ];
  for (const [config, source, fault] of cases) {
    test(config, async () => expect((await loadSettings(config, source)).faults).toEqual([fault]));
  }

  test("an expression that does not compile", async () => {
    expect((await loadSettings("proxy_redirect ~( x;")).faults[0]).toStartWith("pcre2_compile() failed");
  });
});
