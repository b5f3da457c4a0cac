/** Values by module: the last one set of each, whatever the values are. */
import { expect, test } from "bun:test";
import { ModuleValues } from "./module-values.ts";

test("each module has its own, and the last one holds", () => {
  const values = new ModuleValues(7, "seven");
  expect([values.get(7), values.get(0)]).toEqual(["seven", undefined]);
  values.set(0, 7);
  values.set(3, undefined);
  values.set(0, "eight");
  values.set(7, "again");
  expect([values.get(7), values.get(0), values.get(3), values.get(1)]).toEqual([
    "again",
    "eight",
    undefined,
    undefined,
  ]);
});
