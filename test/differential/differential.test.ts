/**
 * Real nginx and hopway on the same configurations with the same bytes: status, header lines, bodies, what the backends
 * receive, log lines. Differences that are meant are in deliberate.ts. Skipped where nginx is missing, unless
 * `HOPWAY_REQUIRE_NGINX` is set. `HOPWAY_DIFFERENTIAL=self` compares nginx with nginx, which must find nothing: that is
 * the test of the harness itself.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { hasOpenssl } from "../harness/certificates.ts";
import { findNginx, startHopway, startNginx } from "../harness/gateway.ts";
import { removeTempDir } from "../harness/temp-dir.ts";
import type { Group } from "./case.ts";
import { DELIBERATE, type Part, withDeliberate } from "./deliberate.ts";
import { GROUPS } from "./groups.ts";
import { type GroupRun, runGroup, writeFiles } from "./run-group.ts";

const GROUP_LIMIT_MS = 240_000;
const GROUPS_AT_A_TIME = 3;
const COMPARED: readonly Part[] = ["client", "upstream", "log", "errors"];

const againstItself = process.env["HOPWAY_DIFFERENTIAL"] === "self";
const nginx = findNginx();

test("nginx is there to compare with", () => {
  if (nginx === undefined) console.warn("nginx is not installed: the differential tests are skipped");
  if (process.env["HOPWAY_REQUIRE_NGINX"]) expect(nginx).toBeDefined();
});

test("deliberate differences name cases that exist", () => {
  const names = new Set(
    GROUPS.flatMap((g) => [`${g.subject}: start and stop`, ...g.cases.map((c) => `${g.subject}: ${c.name}`)]),
  );
  expect(DELIBERATE.filter((entry) => !names.has(entry.case))).toEqual([]);
});

test("no two cases have the same name", () => {
  const names = GROUPS.flatMap((g) => g.cases.map((c) => `${g.subject}: ${c.name}`));
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

/** Both runs of a group, or why there are none. */
type Outcome = { readonly theirs: GroupRun; readonly ours: GroupRun } | { readonly failure: unknown };

const started = new Map<Group, Promise<Outcome>>();

/** With `-t`, and after a group that failed, groups are still running that nobody asked for: they stop their gateways. */
afterAll(async () => {
  await Promise.all(started.values());
}, GROUP_LIMIT_MS);

/** The runs of the group at this index. The next ones are started with it: most of a run is waiting. */
function outcomeOf(index: number): Promise<Outcome> {
  for (const group of GROUPS.slice(index, index + GROUPS_AT_A_TIME)) {
    if (!started.has(group)) started.set(group, runBoth(group));
  }
  return started.get(GROUPS[index]!)!;
}

async function runBoth(group: Group): Promise<Outcome> {
  const root = writeFiles(group);
  try {
    const second = againstItself ? startNginx : startHopway;
    // Settled: what they share is removed when both have stopped.
    const [theirs, ours] = await Promise.allSettled([runGroup(group, root, startNginx), runGroup(group, root, second)]);
    if (theirs.status === "rejected") return { failure: theirs.reason };
    if (ours.status === "rejected") return { failure: ours.reason };
    return { theirs: theirs.value, ours: ours.value };
  } finally {
    removeTempDir(root);
  }
}

for (const [index, group] of GROUPS.entries()) {
  const able = nginx !== undefined && (hasOpenssl || !group.config.includes("{certs}"));
  describe.skipIf(!able)(group.subject, () => {
    let theirs: GroupRun | undefined;
    let ours: GroupRun | undefined;
    let failure: unknown;

    beforeAll(async () => {
      const outcome = await outcomeOf(index);
      if ("failure" in outcome) failure = outcome.failure;
      else ({ theirs, ours } = outcome);
    }, GROUP_LIMIT_MS);

    const same = (name: string, part: Part, nginxText: string | undefined, hopwayText: string | undefined): void => {
      if (failure !== undefined) throw failure;
      const wanted = againstItself ? nginxText : withDeliberate(name, part, nginxText ?? "");
      if (wanted === undefined)
        throw new Error(`the deliberate difference is not there: ${name}, ${part}: ${nginxText}`);
      expect(`${part}:\n${hopwayText}`).toBe(`${part}:\n${wanted}`);
    };

    for (const { name } of group.cases) {
      test(name, () => {
        for (const part of COMPARED) {
          same(`${group.subject}: ${name}`, part, theirs?.cases.get(name)?.[part], ours?.cases.get(name)?.[part]);
        }
      });
    }

    test("start and stop", () => same(`${group.subject}: start and stop`, "errors", theirs?.errors, ours?.errors));
  });
}
