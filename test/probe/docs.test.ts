/** docs/probe.md names every verdict. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "../..");
const SOURCES = readdirSync(join(ROOT, "src/probe")).filter((file) =>
  /^(?:judge-|engine-io).*(?<!\.test)\.ts$/.test(file),
);

/** Ids stand behind `id:`, or first in a call that makes a verdict. */
const ID =
  /(?:\bid: |\bverdict\(\s*(?:\w+ === "h2" \? )?|\bbase\((?:[\w.]+ === "reset" \? )?|(?<="(?:http2-only|reset-after-101)" ): )"([a-z0-9.-]+)"/g;

test("docs/probe.md names every verdict", () => {
  const page = readFileSync(join(ROOT, "docs/probe.md"), "utf8");
  const ids = new Set(
    SOURCES.flatMap((file) =>
      [...readFileSync(join(ROOT, "src/probe", file), "utf8").matchAll(ID)].map(([, id]) => id ?? ""),
    ),
  );
  expect(ids.size).toBeGreaterThan(40);
  expect([...ids].filter((id) => !page.includes(`\`${id}\``))).toEqual([]);
});
