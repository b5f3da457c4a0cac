import { expect, test } from "bun:test";
import { asciiLowerCase, HeaderList, internHeaderName, internHeaderNameAt } from "./header-list.ts";

function list(...lines: string[]): HeaderList {
  const headers = new HeaderList();
  for (const line of lines) headers.add(line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1));
  return headers;
}

function lines(headers: HeaderList): string[] {
  expect([headers.names.length, headers.keys.length, headers.values.length]).toEqual(Array(3).fill(headers.count));
  return headers.names.map((name, i) => `${name}/${headers.keys[i]}=${headers.values[i]}`);
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
    expect(internHeaderNameAt(text, at, at + name.length)).toEqual({ name, key: name.toLowerCase() });
    at += name.length + 1;
  }
  const long = "L".repeat(9000);
  expect(internHeaderName(long)).toEqual({ name: long, key: long.toLowerCase() });
});
