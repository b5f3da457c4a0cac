/** Sessions are resumed whichever of several workers a client comes to, as openssl sees it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { makeCertificate } from "../harness/certificates.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { mainDirectives, rewriteConfig, workerPids } from "../harness/many-workers.ts";
import { freePort } from "../harness/ports.ts";
import { LAST_REQUEST, sClient } from "../harness/s-client.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { askWithSession, type SessionAnswer } from "../harness/tls-sessions.ts";
import { eventually } from "../process/command.ts";

const folder = makeTempDir();
const first = makeCertificate(folder, "first");
const second = makeCertificate(folder, "second");
const port = freePort();
const reusePort = freePort();
const proxyPort = freePort();
const plainPort = freePort();
const AT_ONCE = 24;
let gateway: Gateway;

let generation = 1;

function config(workers: number, certificate = first): string {
  return `${mainDirectives(workers)}
error_log {prefix}/error.log info;
events { }
http {
  {temp_paths}
  access_log off;
  ssl_certificate ${certificate.certificate};
  ssl_certificate_key ${certificate.key};
  server {
    listen 127.0.0.1:${port} ssl;
    listen 127.0.0.1:${reusePort} ssl reuseport;
    location / { return 200 "<$pid $ssl_session_reused $remote_addr ${generation}>"; }
  }
  server {
    listen 127.0.0.1:${proxyPort} ssl proxy_protocol;
    location / { return 200 "<$pid $ssl_session_reused $proxy_protocol_addr $proxy_protocol_port $remote_addr>"; }
  }
  server {
    listen 127.0.0.1:${plainPort} ssl;
    ssl_session_tickets off;
    location / { return 200 "<$ssl_session_reused>"; }
  }
}
`;
}

beforeAll(async () => {
  gateway = await startHopway(config(4));
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  removeTempDir(folder);
});

interface Answer {
  readonly pid: number;
  readonly reused: boolean;
  readonly generation: number;
}

type Version = "TLSv1.2" | "TLSv1.3";

interface Session {
  readonly version: Version;
  readonly bytes: Uint8Array;
  /** Who gave it. */
  readonly pid: number;
}

function answerIn(text: string): Answer {
  const [, pid, reused, by] = /<(\d+) ([r.]) 127\.0\.0\.1 (\d+)>/.exec(text) ?? [];
  if (pid === undefined) throw new Error(text);
  return { pid: Number(pid), reused: reused === "r", generation: Number(by) };
}

async function ask(to: number, version: Version, bytes?: Uint8Array): Promise<Answer & { readonly given: Uint8Array }> {
  const wishes = { version, ...(bytes !== undefined && { session: bytes }) };
  const { text, reused, session } = await askWithSession(to, LAST_REQUEST, wishes);
  const answer = answerIn(text);
  // What the server says, the client says too.
  expect(reused).toBe(answer.reused);
  return { ...answer, given: session ?? new Uint8Array() };
}

async function newSession(to: number, version: Version): Promise<Session> {
  const { pid, given } = await ask(to, version);
  return { version, bytes: given, pid };
}

/** Connections with one session, all at once: no more than a worker's queue holds. */
async function resume(to: number, { version, bytes }: Session): Promise<Answer[]> {
  const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => ask(to, version, bytes)));
  return answers.map(({ pid, reused, generation }) => ({ pid, reused, generation }));
}

/** All of many connections at once resume. A worker that is busy for a moment is not waited for: then they try again. */
async function allResume(to: number, session: Session): Promise<void> {
  await eventually("all resume", async () => {
    const answers = await resume(to, session);
    const resumed = answers.filter(({ reused }) => reused);
    for (const answer of resumed) expect(answer).toEqual({ pid: session.pid, reused: true, generation });
    return resumed.length === answers.length;
  });
}

/** One session of every worker. */
async function sessionsOfAll(to: number, version: Version): Promise<Session[]> {
  const found = new Map<number, Session>();
  while (found.size < workerPids(gateway).length) {
    // One after the other they would all come to the same worker.
    const some = await Promise.all(Array.from({ length: AT_ONCE }, () => newSession(to, version)));
    for (const session of some) found.set(session.pid, session);
  }
  return [...found.values()];
}

/** Resolves when every worker knows whose the sessions of each are. */
async function known(to: number, version: Version): Promise<void> {
  await eventually("all workers know the keys of all", async () => {
    for (const session of await sessionsOfAll(to, version)) {
      if ((await resume(to, session)).some(({ reused }) => !reused)) return false;
    }
    return true;
  });
}

describe.each([
  ["one socket", port],
  ["reuseport", reusePort],
] as const)("%s", (_name, to) => {
  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "every connection resumes, at the worker that gave the session: %s",
    async (version) => {
      await known(to, version);
      await allResume(to, await newSession(to, version));
    },
  );

  test.each(["-tls1_2", "-tls1_3"])("openssl resumes: %s", async (version) => {
    const file = join(folder, `${to}${version}`);
    const { text } = await sClient(to, [version, "-sess_out", file], LAST_REQUEST);
    const { pid } = answerIn(text);
    for (let i = 0; i < 8; i++) {
      const again = await sClient(to, [version, "-sess_in", file], LAST_REQUEST);
      expect(again.text).toMatch(/^Reused, /m);
      expect(answerIn(again.text)).toEqual({ pid, reused: true, generation });
    }
  });
});

test("what the PROXY protocol said goes along", async () => {
  const askFrom = (address: string, session?: Uint8Array): Promise<SessionAnswer> =>
    askWithSession(proxyPort, LAST_REQUEST, {
      version: "TLSv1.3",
      before: `PROXY TCP4 ${address} 192.0.2.1 1234 443\r\n`,
      ...(session !== undefined && { session }),
    });
  await known(port, "TLSv1.3");
  const { text, session } = await askFrom("192.0.2.9");
  const pid = /<(\d+) \. 192\.0\.2\.9 1234 127\.0\.0\.1>/.exec(text)?.[1];
  expect(pid).toBeString();
  for (let i = 0; i < AT_ONCE; i++) {
    expect((await askFrom(`192.0.2.${i}`, session)).text).toContain(`<${pid} r 192.0.2.${i} 1234 127.0.0.1>`);
  }
});

test("no tickets, no sessions", async () => {
  const { text, session } = await askWithSession(plainPort, LAST_REQUEST, { version: "TLSv1.2" });
  expect(text).toContain("<.>");
  const again = { version: "TLSv1.2", ...(session !== undefined && { session }) } as const;
  for (let i = 0; i < 8; i++) expect((await askWithSession(plainPort, LAST_REQUEST, again)).text).toContain("<.>");
});

test("a reload that leaves the certificate keeps the sessions", async () => {
  await known(port, "TLSv1.3");
  const session = await newSession(port, "TLSv1.3");
  const pids = workerPids(gateway);
  await reload(4);
  expect(workerPids(gateway)).toEqual(pids);
  await allResume(port, session);
});

test("another certificate ends them, and begins new ones", async () => {
  const session = await newSession(port, "TLSv1.2");
  await reload(4, second);
  expect((await resume(port, session)).some(({ reused }) => reused)).toBe(false);
  await known(port, "TLSv1.2");
});

test("the sessions of a worker that died are gone, those of the others are not", async () => {
  await known(port, "TLSv1.3");
  const [lost, other] = await sessionsOfAll(port, "TLSv1.3");
  if (lost === undefined || other === undefined) throw new Error("there are four");
  process.kill(lost.pid, "SIGKILL");
  await eventually("another worker", () => {
    const pids = workerPids(gateway);
    return pids.length === 4 && !pids.includes(lost.pid);
  });
  for (const { reused } of await resume(port, lost)) expect(reused).toBe(false);
  const answers = await resume(port, other);
  // The new worker may not have heard of it yet.
  for (const { pid, reused } of answers) expect(reused).toBe(pid === other.pid);
  await known(port, "TLSv1.3");
});

test("workers that come and go with a reload", async () => {
  const before = workerPids(gateway);
  await reload(2, second);
  await known(port, "TLSv1.3");
  await reload(3, second);
  expect(workerPids(gateway).filter((pid) => before.includes(pid))).toHaveLength(2);
  await known(port, "TLSv1.3");
  await known(reusePort, "TLSv1.2");
});

test("nobody is lost while workers come and go, and hand over", async () => {
  let going = true;
  let resumed = 0;
  const sessions = await sessionsOfAll(port, "TLSv1.3");
  const clients = Array.from({ length: 12 }, async (_, i) => {
    for (let session = sessions[i % sessions.length]!; going; ) {
      const answer = await ask(port, session.version, session.bytes);
      if (answer.reused) resumed++;
      else session = { version: session.version, bytes: answer.given, pid: answer.pid };
    }
  });
  for (const workers of [4, 2, 3, 1, 4]) await reload(workers, second);
  going = false;
  await Promise.all(clients);
  expect(resumed).toBeGreaterThan(0);
});

test("nothing went wrong on the way", () => {
  const wrong = gateway.errorLog().match(/^.*\[(?:alert|crit|emerg|error)\].*$/gm) ?? [];
  expect(wrong.filter((line) => !line.includes("exited on signal 9"))).toEqual([]);
});

/** Changes the configuration, and waits until every worker that is to be there answers by it. */
async function reload(workers: number, certificate = first): Promise<void> {
  generation++;
  rewriteConfig(gateway, config(workers, certificate));
  process.kill(gateway.pid, "SIGHUP");
  await eventually("the number of workers", () => workerPids(gateway).length === workers);
  const changed = new Set<number>();
  await eventually("the new configuration in every worker", async () => {
    const answer = await ask(port, "TLSv1.3");
    if (answer.generation === generation) changed.add(answer.pid);
    return changed.size === workers;
  });
}
