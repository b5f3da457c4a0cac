import { expect, test } from "bun:test";
import { exporterUrl, shownUrl } from "./otel-exporter-block.ts";

const cases: readonly (readonly [endpoint: string, href: string | undefined, moved: boolean, why: string])[] = [
  ["localhost:4318", "http://localhost:4318/v1/traces", false, "host and port"],
  ["localhost:4317", "http://localhost:4318/v1/traces", true, "gRPC's port"],
  ["http://collector:4317", "http://collector:4318/v1/traces", true, "gRPC's port in a URL"],
  ["https://collector:4317/", "https://collector:4318/v1/traces", true, "gRPC's port behind TLS"],
  ["http://collector:4317/v1/traces", "http://collector:4317/v1/traces", false, "a path says that it is HTTP"],
  ["https://collector/", "https://collector/v1/traces", false, "no path"],
  ["https://collector/in/spans?key=1", "https://collector/in/spans?key=1", false, "a path"],
  ["[::1]:4000", "http://[::1]:4000/v1/traces", false, "IPv6"],
  ["collector", "http://collector/v1/traces", false, "no port"],
  ["HTTP://collector:1", "http://collector:1/v1/traces", false, "any case of letters"],
  ["collector:99999", undefined, false, "no such port"],
  ["http://", undefined, false, "no host"],
  ["", undefined, false, "nothing"],
];

for (const [endpoint, href, moved, why] of cases) {
  test(`${why}: ${endpoint}`, () => {
    expect(exporterUrl(endpoint)).toEqual(href === undefined ? undefined : { href, moved });
  });
}

test("logs show no password and no key", () => {
  expect(shownUrl("https://me:secret@collector:4318/v1/traces?key=secret#secret")).toBe(
    "https://collector:4318/v1/traces",
  );
});
