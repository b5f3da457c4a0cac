import { expect, test } from "bun:test";
import { recordingHosts, replayHosts, systemHosts } from "./host-lookup.ts";

test("the system knows localhost, and not what cannot exist", async () => {
  expect(await systemHosts.lookup("localhost")).toContain("127.0.0.1");
  expect(await systemHosts.lookup("no-such-name.invalid")).toEqual([]);
});

test("answers are asked for once and replayed", async () => {
  let asked = 0;
  const hosts = recordingHosts({
    lookup: async (host) => {
      asked++;
      return host === "a" ? ["127.0.0.1", "::1"] : [];
    },
  });
  await Promise.all([hosts.lookup("a"), hosts.lookup("a"), hosts.lookup("b")]);
  expect(asked).toBe(2);
  const replay = replayHosts(structuredClone(hosts.answers()));
  expect(await replay.lookup("a")).toEqual(["127.0.0.1", "::1"]);
  expect(await replay.lookup("b")).toEqual([]);
  expect(await replay.lookup("c")).toEqual([]);
});
