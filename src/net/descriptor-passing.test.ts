import { expect, test } from "bun:test";
import { closeSync, fstatSync, openSync } from "node:fs";
import { receiveDescriptors, sendDescriptors } from "./descriptor-passing.ts";
import { SOCK_STREAM, socketPair } from "./socket-pair.ts";

for (const count of [1, 2, 200, 450]) {
  test(`${count} descriptors arrive in order`, () => {
    const [here, there] = socketPair(SOCK_STREAM);
    const files = ["/proc/self/status", "/proc/self/stat", "/proc/self/maps"].map((path) => openSync(path, "r"));
    const sent = Array.from({ length: count }, (_, i) => files[i % 3]!);
    expect(sendDescriptors(here, sent)).toBeUndefined();
    const got = receiveDescriptors(there, count);
    const inodes = (fds: number[]) => fds.map((fd) => fstatSync(fd).ino);
    expect(got.some((fd) => sent.includes(fd))).toBe(false);
    expect(inodes(got)).toEqual(inodes(sent));
    for (const fd of [...got, ...files, here, there]) closeSync(fd);
  });
}

test("what was not sent does not arrive", () => {
  const [here, there] = socketPair(SOCK_STREAM);
  expect(receiveDescriptors(there, 1)).toEqual([]);
  expect(sendDescriptors(here, [0])).toBeUndefined();
  const got = receiveDescriptors(there, 5);
  expect(got).toHaveLength(1);
  closeSync(here);
  expect(receiveDescriptors(there, 1)).toEqual([]);
  expect(sendDescriptors(there, [0])).toContain("32: Broken pipe");
  for (const fd of [...got, there]) closeSync(fd);
});
