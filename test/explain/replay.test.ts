/**
 * `explain` says what happens: requests of the differential tests are sent to a real nginx, and simulated on the same
 * configuration. What the backend received, or the status and place that the client was sent to, must be the same.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { memorySource } from "../../src/config/memory-source.ts";
import { readConfig } from "../../src/explain/read-config.ts";
import { Simulation } from "../../src/explain/simulate.ts";
import type { Trace } from "../../src/explain/trace.ts";
import { modules } from "../../src/modules/list.ts";
import { setDefaultErrorLog } from "../../src/net/error-log.ts";
import { LogFile } from "../../src/net/log-file.ts";
import type { Case, Group } from "../differential/case.ts";
import { PROXY_DESTINATIONS } from "../differential/cases/proxy-destinations.ts";
import { PROXY_REQUESTS } from "../differential/cases/proxy-requests.ts";
import { PROXY_REWRITES } from "../differential/cases/proxy-rewrites.ts";
import { REWRITE } from "../differential/cases/rewrite.ts";
import { REWRITE_MORE } from "../differential/cases/rewrite-more.ts";
import { SERVERS } from "../differential/cases/servers.ts";
import { UPGRADES } from "../differential/cases/upgrades.ts";
import { withDeliberate } from "../differential/deliberate.ts";
import { type GroupRun, runGroup, writeFiles } from "../differential/run-group.ts";
import { findNginx, startNginx } from "../harness/gateway.ts";
import { removeTempDir } from "../harness/temp-dir.ts";

const GROUPS = [
  ...REWRITE,
  ...REWRITE_MORE,
  ...SERVERS,
  ...PROXY_REQUESTS,
  ...PROXY_DESTINATIONS,
  ...PROXY_REWRITES,
  ...UPGRADES,
].filter(({ wire }) => wire === undefined);

/** What comes of these is not in the configuration, but in who answers and from where a connection can be made. */
const NOT_IN_THE_CONFIG = new Set([
  "proxy_bind: GET /elsewhere",
  "proxy_bind: GET /next",
  "proxy_bind: GET /asked?from=192.0.2.1",
  "proxy_bind: GET /asked-two?from=nowhere",
  "upstream variables: GET /two/fields",
  "upstream variables: GET /two/fields?2",
  "upstream variables: GET /none/x",
  "upstream variables: GET /twice/x",
  "upgrades: backend is down",
  "an upstream asked after another: GET /refused",
  "an upstream asked after another: GET /forbidden",
  "an upstream asked after another: GET /told",
  "an upstream asked after another: GET /kept",
]);

const PATH = "/etc/nginx/nginx.conf";
const LIMIT_MS = 120_000;
const roots: string[] = [];

setDefaultErrorLog(new LogFile("/dev/null"));
afterAll(() => {
  for (const root of roots) removeTempDir(root);
});

interface Run {
  readonly theirs: GroupRun;
  readonly simulation: Simulation;
}

/** A group's cases on nginx, and the simulation of the very configuration that nginx ran on. */
async function runBoth(group: Group): Promise<Run> {
  const root = writeFiles(group);
  roots.push(root);
  let config = "";
  const theirs = await runGroup(group, root, async (text) => {
    config = text;
    return startNginx(text);
  });
  const prefix = theirs.substitutions.find(([, name]) => name === "{prefix}")?.[0] ?? "";
  const text = config.replaceAll("{main}", "").replaceAll("{temp_paths}", "").replaceAll("{prefix}", prefix);
  const simulation = await Simulation.of(modules, readConfig(PATH, memorySource({ [PATH]: text })));
  if (typeof simulation === "string") throw new Error(simulation);
  return { theirs, simulation };
}

/** One request in one text without a body, over plain TCP: what explain is for. */
function isPlain({ send, to, tls }: Case): boolean {
  const single = typeof send === "string" && /^\S+ \S+ HTTP\/1\.[01]\r\n(?:[^\r]+\r\n)*\r\n$/.test(send);
  return single && typeof to !== "object" && tls === undefined;
}

/** What is compared: the request that the first backend asked gets, or where the client is sent. */
function told(client: string, upstream: string): string {
  const asked = upstream.split("\n\n")[0] ?? "";
  if (asked !== "") return asked;
  const [status = "", ...fields] = (client.split("\n\n")[0] ?? "").split("\n");
  if (!status.startsWith("HTTP/")) return "";
  return [status, ...fields.filter((line) => /^location:/i.test(line))].join("\n");
}

function simulated({ outcome }: Trace, substitutions: GroupRun["substitutions"]): string {
  const named = (text: string): string =>
    substitutions.reduce((t, [literal, name]) => (literal === "" ? t : t.replaceAll(literal, name)), text);
  if (outcome.kind === "proxied") {
    const backend = /\{(backend\d?|socket)\}/.exec(
      named(outcome.block === undefined ? outcome.upstream : (outcome.peers[0]?.server ?? "")),
    )?.[1];
    return named(`--- to ${backend ?? "socket"}\n${outcome.head.replace(/\r\n\r\n$/, "").replaceAll("\r\n", "\n")}`);
  }
  if (outcome.kind === "answered") return told(named(outcome.head.replaceAll("\r\n", "\n")), "");
  return outcome.kind === "closed" ? "" : "foreign";
}

/** Runs that have been started: most of a run is waiting. */
const started = new Map<Group, Promise<Run>>();
const AT_A_TIME = 4;

/** The run of a group; the next ones are started with it. */
function runOf(index: number): Promise<Run> {
  for (const group of GROUPS.slice(index, index + AT_A_TIME)) {
    if (started.has(group)) continue;
    const run = runBoth(group);
    // Told to the test of the group, whenever that comes.
    run.catch(() => {});
    started.set(group, run);
  }
  return started.get(GROUPS[index]!)!;
}

for (const [index, group] of GROUPS.entries()) {
  describe.skipIf(findNginx() === undefined)(group.subject, () => {
    let run: Run | undefined;
    beforeAll(async () => {
      run = await runOf(index);
    }, LIMIT_MS);

    for (const one of group.cases.filter(isPlain)) {
      if (NOT_IN_THE_CONFIG.has(`${group.subject}: ${one.name}`)) continue;
      test(one.name, () => {
        const { theirs, simulation } = run!;
        const seen = theirs.cases.get(one.name)!;
        const name = `${group.subject}: ${one.name}`;
        const part = (which: "client" | "upstream"): string => withDeliberate(name, which, seen[which]) ?? "";
        const port = Number(theirs.substitutions.find(([, of]) => of === `{${one.to ?? "port"}}`)?.[0]);
        const arrival = { clientAddress: "127.0.0.1", address: "127.0.0.1", port, tls: false };
        const trace = simulation.runText(String(one.send), arrival);
        expect(trace && simulated(trace, theirs.substitutions)).toBe(told(part("client"), part("upstream")));
      });
    }
  });
}
