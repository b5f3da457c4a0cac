import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { hasOpenssl, makeCertificate } from "../../test/harness/certificates.ts";
import { makeTempDir, removeTempDir } from "../../test/harness/temp-dir.ts";
import { BUSY_MS, type NeighbourOwner, Neighbours, type WorkerName } from "./neighbours.ts";
import { packetChannel } from "./packet-channel.ts";
import { makeTlsContext, PLAIN_TLS, type TlsContext, TlsContextFault } from "./tls-context.ts";
import { learnTicketKey } from "./tls-ticket-key.ts";

const folder = makeTempDir();
const { certificate, key } = hasOpenssl ? makeCertificate(folder, "server") : { certificate: "", key: "" };
afterAll(() => removeTempDir(folder));

function context(): TlsContext {
  const made = makeTlsContext({
    ...PLAIN_TLS,
    certificates: [{ chain: readFileSync(certificate, "latin1"), key: readFileSync(key, "latin1") }],
  });
  if (made instanceof TlsContextFault) throw new Error(made.message);
  return made;
}

const keyOf = (of: TlsContext): Promise<string> => new Promise((resolve) => learnTicketKey(of, resolve));

class Inbox implements NeighbourOwner {
  readonly passed: string[] = [];
  onPassed(fd: number, note: string, bytes: Buffer): void {
    this.passed.push(`${fstatSync(fd).ino} ${note} ${bytes.latin1Slice()}`);
    closeSync(fd);
  }
}

/** A worker with the end of a channel that leads to it. */
class Worker {
  readonly inbox = new Inbox();
  readonly sending: number;
  readonly neighbours: Neighbours;
  readonly name: WorkerName;
  constructor(slot: number) {
    const [receiving, sending] = packetChannel();
    this.sending = sending;
    this.name = { slot, pid: 1000 + workers.length };
    this.neighbours = new Neighbours(this.name, receiving, this.inbox);
    workers.push(this);
  }
  meet(other: Worker): void {
    this.neighbours.add(other.name, other.sending);
  }
}

const workers: Worker[] = [];
afterEach(() => {
  for (const { neighbours } of workers.splice(0)) neighbours.leave();
});

async function until(done: () => boolean): Promise<void> {
  while (!done()) await Bun.sleep(1);
}

function pair(): [Worker, Worker] {
  const [first, second] = [new Worker(1), new Worker(2)];
  first.meet(second);
  second.meet(first);
  return [first, second];
}

describe.skipIf(!hasOpenssl)("names of keys", () => {
  test("are told when a context is used, and to who comes later", async () => {
    const [first, second] = pair();
    const own = context();
    const name = await keyOf(own);
    expect(second.neighbours.ownerOf([name])).toBeUndefined();
    first.neighbours.uses(own);
    await until(() => second.neighbours.ownerOf([name]) === 1);
    expect(first.neighbours.ownerOf([name])).toBeUndefined();
    expect(second.neighbours.ownerOf(["unknown", name])).toBe(1);
    const third = new Worker(3);
    first.meet(third);
    third.meet(first);
    await until(() => third.neighbours.ownerOf([name]) === 1);
  });

  test("a session of one's own stays, whatever else is offered", async () => {
    const [first, second] = pair();
    const [here, there] = [context(), context()];
    second.neighbours.uses(here);
    first.neighbours.uses(there);
    const [own, other] = [await keyOf(here), await keyOf(there)];
    await until(() => second.neighbours.ownerOf([other]) === 1 && first.neighbours.ownerOf([own]) === 2);
    expect(second.neighbours.ownerOf([own, other])).toBeUndefined();
  });

  test("of a worker that was replaced are forgotten", async () => {
    const [first, second] = pair();
    const [before, after] = [context(), context()];
    first.neighbours.uses(before);
    const [old, fresh] = [await keyOf(before), await keyOf(after)];
    await until(() => second.neighbours.ownerOf([old]) === 1);
    const replacement = new Worker(1);
    second.meet(replacement);
    // Nobody waits for one that starts, and cannot open these tickets.
    expect(second.neighbours.ownerOf([old])).toBeUndefined();
    replacement.meet(second);
    replacement.neighbours.uses(after);
    await until(() => second.neighbours.ownerOf([fresh]) === 1);
    expect(second.neighbours.ownerOf([old])).toBeUndefined();
  });
});

describe.skipIf(!hasOpenssl)("connections", () => {
  const bytes = Buffer.from("hello \xff", "latin1");

  test("arrive with their note and bytes", async () => {
    const [first, second] = pair();
    const file = openSync("/proc/self/status", "r");
    expect(first.neighbours.pass(2, file, '{"a":"\xe9"}', bytes)).toBe(true);
    await until(() => second.inbox.passed.length === 1);
    expect(second.inbox.passed).toEqual([`${fstatSync(file).ino} {"a":"\xe9"} hello \xff`]);
    closeSync(file);
  });

  test("stay where nobody takes them", () => {
    const [first, second] = pair();
    expect(first.neighbours.pass(7, 0, "", bytes)).toBe(false);
    second.neighbours.leave();
    expect(first.neighbours.pass(2, 0, "", bytes)).toBe(false);
    expect(first.neighbours.pass(2, 0, "", bytes)).toBe(false);
    expect(first.neighbours.pass(1, 0, "", Buffer.alloc(100_000))).toBe(false);
  });

  test("who leaves takes what was sent before", () => {
    const [first, second] = pair();
    expect(first.neighbours.pass(2, 0, "x", bytes)).toBe(true);
    second.neighbours.leave();
    expect(second.inbox.passed).toHaveLength(1);
  });

  test("a worker that stands still gets no more", async () => {
    const worker = new Worker(1);
    // Nobody reads from this one.
    const [receiving, sending] = packetChannel();
    worker.neighbours.add({ slot: 2, pid: 1 }, sending);
    expect(worker.neighbours.pass(2, 0, "", bytes)).toBe(true);
    expect(worker.neighbours.pass(2, 0, "", bytes)).toBe(true);
    await Bun.sleep(BUSY_MS + 50);
    expect(worker.neighbours.pass(2, 0, "", bytes)).toBe(false);
    closeSync(receiving);
  });
});
