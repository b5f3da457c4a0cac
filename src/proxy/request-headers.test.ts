import { describe, expect, test } from "bun:test";
import { loadSettings } from "./load-fixture.ts";
import { mergeRequestHeaders, newRequestHeaderSettings } from "./request-headers.ts";

describe("inheritance", () => {
  test("own lines replace all of the outer level's", async () => {
    const outer = (await loadSettings("proxy_set_header A 1;")).settings;
    const own = (await loadSettings("proxy_set_header B 2;")).settings;
    const silent = newRequestHeaderSettings();
    mergeRequestHeaders(own, outer);
    mergeRequestHeaders(silent, outer);
    expect(own.setHeaders?.map(({ name }) => name)).toEqual(["B"]);
    expect(silent.setHeaders?.map(({ name }) => name)).toEqual(["A"]);
  });
});

describe("errors", () => {
  const cases: readonly (readonly [config: string, fault: string])[] = [
    ["proxy_set_header A;", 'invalid number of arguments in "proxy_set_header" directive'],
    ['proxy_set_header A "$";', "invalid variable name"],
    ["proxy_http_version 3;", 'invalid value "3"'],
    [
      "proxy_pass_request_headers yes;",
      'invalid value "yes" in "proxy_pass_request_headers" directive, it must be "on" or "off"',
    ],
    ["proxy_set_body a; proxy_set_body b;", '"proxy_set_body" directive is duplicate'],
  ];
  for (const [config, fault] of cases) {
    test(config, async () => {
      expect((await loadSettings(config)).faults).toEqual([fault]);
    });
  }
});
