import { expect, test } from "bun:test";
import { systemHosts } from "./host-lookup.ts";

test("an address stays as it is", async () => expect(await systemHosts.lookup("127.0.0.1")).toEqual(["127.0.0.1"]));
test("localhost has its IPv4 address first", async () =>
  expect((await systemHosts.lookup("localhost"))[0]).toBe("127.0.0.1"));
test("an unknown name has no address", async () =>
  expect(await systemHosts.lookup("no-such-host.invalid")).toEqual([]));
