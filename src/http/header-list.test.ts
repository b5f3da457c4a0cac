import { expect, test } from "bun:test";
import { asciiLowerCase, fieldValueAt, HeaderList, internHeaderName, internHeaderNameAt } from "./header-list.ts";

function list(...lines: string[]): HeaderList {
  const headers = new HeaderList();
  for (const line of lines) headers.add(line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1));
  return headers;
}

function lines({ count, names, keys, values }: HeaderList): string[] {
  return Array.from({ length: count }, (_, i) => `${names[i]}/${keys[i]}=${values[i]}`);
}

test("add, get, getJoined, has", () => {
  const headers = list("Accept=a", "X-Y=1", "ACCEPT=b", "Empty=");
  expect(lines(headers)).toEqual(["Accept/accept=a", "X-Y/x-y=1", "ACCEPT/accept=b", "Empty/empty="]);
  expect(headers.get("accept")).toBe("a");
  expect(headers.get("none")).toBeUndefined();
  expect(headers.getJoined("accept", ", ")).toBe("a, b");
  expect(headers.getJoined("empty", ", ")).toBe("");
  expect(headers.getJoined("none", ", ")).toBeUndefined();
  expect([headers.has("empty"), headers.has("none")]).toEqual([true, false]);
});

test("remove, set, clear", () => {
  const headers = list("A=1", "B=2", "a=3", "C=4");
  headers.remove("none");
  headers.set("A", "5");
  expect(lines(headers)).toEqual(["A/a=5", "B/b=2", "C/c=4"]);
  headers.set("D", "6");
  headers.remove("b");
  expect(lines(headers)).toEqual(["A/a=5", "C/c=4", "D/d=6"]);
  headers.addInterned("E", "e", "7");
  headers.clear();
  expect(lines(headers)).toEqual([]);
});

test("only ASCII letters are lower-cased", () => {
  expect(asciiLowerCase("X-\xc0\xde-AZ")).toBe("x-\xc0\xde-az");
  expect(list("\xc0A=1").keys).toEqual(["\xc0a"]);
});

test("names are found in their head, also when many share a slot", () => {
  const names: string[] = [];
  for (let i = 0; i < 5000; i++) names.push(`N${i}-${"x".repeat(i % 70)}`);
  const text = names.join(":");
  let at = 0;
  for (const name of names) {
    expect(internHeaderNameAt(text, at, at + name.length)).toMatchObject({ name, key: name.toLowerCase() });
    at += name.length + 1;
  }
  const long = "L".repeat(9000);
  expect(internHeaderName(long)).toMatchObject({ name: long, key: long.toLowerCase() });
});

test("values are read where they stand, whether they are those of last time or not", () => {
  const field = internHeaderName("X-Value");
  const text = "one one two on one ";
  const cut = [
    [0, 3],
    [4, 7],
    [8, 11],
    [12, 14],
    [15, 18],
    [18, 18],
  ] as const;
  for (const [start, end] of cut) expect(fieldValueAt(field, text, start, end)).toBe(text.slice(start, end));
});

test("a released list comes back empty", () => {
  const first = HeaderList.take();
  for (let i = 0; i < 20; i++) first.add(`A${i}`, `${i}`);
  first.release();
  const second = HeaderList.take();
  expect([second.count, second.get("a1"), second.has("a19")]).toEqual([0, undefined, false]);
  second.add("B", "b");
  expect(second.getAll("b")).toEqual(["b"]);
});
