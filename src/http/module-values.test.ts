/** Values by module: the last one set of each, whatever the values are. */
import { expect, test } from "bun:test";
import { ModuleValues } from "./module-values.ts";

test("each module has its own, and the last one holds", () => {
  const values = new ModuleValues();
  expect(values.get(7)).toBeUndefined();
  values.set(7, "seven");
  values.set(0, 7);
  values.set(7, "again");
  expect([values.get(7), values.get(0), values.get(1)]).toEqual(["again", 7, undefined]);
});
