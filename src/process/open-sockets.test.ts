import { afterEach, describe, expect, test } from "bun:test";
import { freePort } from "../../test/harness/ports.ts";
import { inetAddress } from "../net/address.ts";
import { closeDescriptor } from "../net/libc.ts";
import { DEFAULT_BACKLOG, defaultListenOptions, type ListenSocket } from "../net/listen.ts";
import { goneSockets, type OpenSocket, openSockets, socketsOfWorker, socketsOfWorkers } from "./open-sockets.ts";

const open = new Set<number>();
afterEach(() => {
  for (const fd of open) closeDescriptor(fd);
  open.clear();
});

const statement = { name: "listen", args: [], file: "", line: 1, startLine: 1, block: undefined };

function wanted(port: number, reuseport: boolean): ListenSocket {
  return { address: inetAddress("127.0.0.1", port), options: { ...defaultListenOptions, reuseport }, statement };
}

async function reopen(sockets: ListenSocket[], held: readonly OpenSocket[], workers: number): Promise<OpenSocket[]> {
  const said: string[] = [];
  const result = await openSockets(sockets, held, workers, (_level, message) => said.push(message));
  expect(said).toEqual([]);
  for (const { fd } of result ?? []) open.add(fd);
  return result ?? [];
}

describe("which worker has which socket, over reloads", () => {
  // A step: workers, reuseport. Expected: how many sockets each worker accepts from, and how many there are.
  const cases: readonly {
    name: string;
    steps: readonly (readonly [workers: number, reuseport: boolean, each: readonly number[], all: number])[];
  }[] = [
    { name: "one for all", steps: [[3, false, [1, 1, 1], 1]] },
    { name: "one each", steps: [[3, true, [1, 1, 1], 3]] },
    {
      name: "fewer workers take over the sockets of the others",
      steps: [
        [4, true, [1, 1, 1, 1], 4],
        [3, true, [2, 1, 1], 4],
        [1, true, [4], 4],
        [5, true, [1, 1, 1, 1, 1], 5],
      ],
    },
    {
      name: "reuseport comes and goes",
      steps: [
        [2, false, [1, 1], 1],
        [2, true, [1, 1], 2],
        [2, false, [1, 1], 2],
        [4, false, [2, 2, 2, 2], 2],
      ],
    },
  ];
  for (const { name, steps } of cases) {
    test(name, async () => {
      const port = freePort();
      let held: OpenSocket[] = [];
      for (const [workers, reuseport, each, all] of steps) {
        const now = await reopen([wanted(port, reuseport)], held, workers);
        // None of an address that is still wanted is ever closed.
        expect(goneSockets(held, now)).toEqual([]);
        held = now;
        expect(held).toHaveLength(all);
        const counts = Array.from({ length: workers }, (_, worker) => socketsOfWorker(held, worker).length);
        expect(counts).toEqual([...each]);
        const accepted = new Set(each.flatMap((_, worker) => socketsOfWorker(held, worker).map(({ id }) => id)));
        expect(accepted.size).toBe(all);
      }
    });
  }
});

describe("sockets of workers that are not there go to the next one", () => {
  const cases: readonly (readonly [there: readonly number[], each: string])[] = [
    [[0, 1, 2, 3], "s0 s1 s2 s3"],
    [[0, 1, 3], "s0 s1 s32"],
    [[0, 1, 2], "s03 s1 s2"],
    [[2], "s2013"],
    [[], ""],
  ];
  for (const [there, each] of cases) {
    test(`of 0, 1, 2, 3 there are ${there.join()}`, () => {
      const address = inetAddress("127.0.0.1", 80);
      const sockets = [undefined, 0, 1, 2, 3].map((worker, id) => {
        return { id, fd: -1, address, options: defaultListenOptions, worker, shared: worker === undefined };
      });
      const names = socketsOfWorkers(sockets, there).map((own) => own.map(({ worker }) => worker ?? "s").join(""));
      expect(names.join(" ")).toBe(each);
    });
  }
});

test("an address that comes back is another socket", async () => {
  const [a, b] = [freePort(), freePort()];
  const first = await reopen([wanted(a, false), wanted(b, false)], [], 1);
  const second = await reopen([wanted(a, false)], first, 1);
  const gone = goneSockets(first, second);
  expect(gone.map(({ address }) => address.port)).toEqual([b]);
  for (const { fd } of gone) {
    closeDescriptor(fd);
    open.delete(fd);
  }
  const third = await reopen([wanted(a, false), wanted(b, false)], second, 1);
  expect(third[0]?.id).toBe(first[0]?.id ?? 0);
  expect(third[1]?.id).not.toBe(first[1]?.id ?? 0);
});

test("what fails leaves nothing behind", async () => {
  const port = freePort();
  const said: string[] = [];
  const nowhere = { ...wanted(port, false), address: inetAddress("192.0.2.1", port) };
  const result = await openSockets([wanted(port, false), nowhere], [], 1, (_level, message) => said.push(message));
  expect(result).toBeUndefined();
  expect(said.join()).toContain("99: Cannot assign requested address");
  expect(await reopen([wanted(port, false)], [], 1)).toHaveLength(1);
});

test.skipIf(Bun.which("ss") === null)("another backlog is set on the socket that is there", async () => {
  const port = freePort();
  const held = await reopen([wanted(port, false)], [], 1);
  const socket = wanted(port, false);
  const changed = { ...socket, options: { ...socket.options, backlog: DEFAULT_BACKLOG - 11 } };
  const backlog = (): number => {
    const listening = Bun.spawnSync(["ss", "-Hltn", `sport = :${port}`]).stdout.toString();
    return Number(listening.trim().split(/\s+/)[2]);
  };
  // Not where something else of the configuration fails.
  const nowhere = { ...socket, address: inetAddress("192.0.2.1", port) };
  expect(await openSockets([changed, nowhere], held, 1, () => {})).toBeUndefined();
  expect(backlog()).toBe(DEFAULT_BACKLOG);
  await reopen([changed], held, 1);
  expect(backlog()).toBe(DEFAULT_BACKLOG - 11);
});
