import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Acceptor } from "./acceptor.ts";
import { inetAddress, systemAddress, unixAddress } from "./address.ts";
import { setFaults } from "./event-loop.ts";
import * as libc from "./libc.ts";
import { connectTo } from "./plain-socket.ts";
import { isReceived, kept } from "./received-bytes.ts";
import type { ConnectCall, ConnectOwner, Socket, SocketOwner } from "./socket.ts";
import { Timer } from "./timers.ts";

const PATIENCE_MS = 30_000;
/** Longer than a tick of the timers. */
const STALL_MS = 100;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** Notes what it is told; waits for it with `until`. */
class Recorder implements ConnectOwner {
  socket!: Socket;
  received = "";
  readonly events: string[] = [];
  onDataThen: (chunk: Buffer) => void = () => {};

  onConnect(): void {
    this.events.push("connect");
  }
  onConnectError(errno: number, call: ConnectCall): void {
    this.events.push(`${call} ${errno}`);
  }
  onData(buffer: Buffer, length: number): void {
    const chunk = buffer.subarray(0, length);
    this.received += chunk.latin1Slice();
    this.onDataThen(chunk);
  }
  onDrain(): void {
    this.events.push("drain");
  }
  onEnd(): void {
    this.events.push("end");
  }
  onClose(reset: boolean): void {
    this.events.push(reset ? "reset" : "close");
  }
  send(text: string): number {
    return this.socket.write(Buffer.from(text, "latin1"), text.length);
  }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error("did not come true");
    await Bun.sleep(1);
  }
}

/** A listening descriptor on 127.0.0.1 or a path, and its address. */
function listening(path?: string): { fd: number; address: Uint8Array } {
  const wanted = path === undefined ? inetAddress("127.0.0.1", 0) : unixAddress(path);
  const fd = libc.streamSocket(path === undefined ? libc.AF_INET : libc.AF_UNIX);
  expect(libc.bindSocket(fd, systemAddress(wanted))).toBe(0);
  expect(libc.listenSocket(fd, 32)).toBe(0);
  return { fd, address: path === undefined ? libc.socketName(fd)! : systemAddress(wanted) };
}

/** Two ends of a connection. */
async function pair(path?: string): Promise<{ client: Recorder; server: Recorder }> {
  const { fd, address } = listening(path);
  const server = new Recorder();
  const acceptor = new Acceptor(
    fd,
    {
      onAccept: (socket): SocketOwner => {
        server.socket = socket;
        return server;
      },
      onAcceptError: (_level, message) => server.events.push(message),
      onFull: () => server.events.push("full"),
    },
    false,
    false,
  );
  const client = new Recorder();
  client.socket = connectTo(address, client, undefined);
  cleanups.push(() => acceptor.stop());
  cleanups.push(() => client.socket.end());
  await until(() => server.socket !== undefined && client.events.length > 0);
  cleanups.push(() => server.socket.end());
  expect(client.events.splice(0)).toEqual(["connect"]);
  return { client, server };
}

test("what came while the process stood still is told before the timers that wait for it", async () => {
  const { client, server } = await pair();
  const order: string[] = [];
  const timer = new Timer({ onTimer: () => order.push("timer") }, 0);
  server.onDataThen = (chunk) => {
    order.push(chunk.latin1Slice());
    timer.arm(PATIENCE_MS);
  };
  timer.arm(STALL_MS / 2);
  client.send("x");
  const end = performance.now() + STALL_MS;
  while (performance.now() < end);
  await until(() => order.length > 0);
  timer.release();
  expect(order).toEqual(["x"]);
});

describe("connecting", () => {
  test("addresses of an accepted socket", async () => {
    const { client, server } = await pair();
    expect([server.socket.remoteAddress, server.socket.localAddress]).toEqual(["127.0.0.1", "127.0.0.1"]);
    expect(server.socket.remotePort).toBeGreaterThan(0);
    expect(client.socket.localAddress).toBe("127.0.0.1");
  });

  test("nobody listens", async () => {
    const { fd, address } = listening();
    libc.closeDescriptor(fd);
    const client = new Recorder();
    client.socket = connectTo(address, client, undefined);
    expect(client.events).toEqual([]);
    await until(() => client.events.length > 0);
    expect(client.events).toEqual(["connect 111"]);
    expect(client.socket.fd).toBe(-1);
  });

  test("no such unix socket", async () => {
    const client = new Recorder();
    client.socket = connectTo(systemAddress(unixAddress("/nonexistent/x.sock")), client, undefined);
    expect(client.events).toEqual([]);
    await until(() => client.events.length > 0);
    expect(client.events).toEqual(["connect 2"]);
  });

  test("from an address that this machine does not have", async () => {
    const { fd, address } = listening();
    cleanups.push(() => libc.closeDescriptor(fd));
    const client = new Recorder();
    client.socket = connectTo(address, client, systemAddress(inetAddress("192.0.2.1", 0)));
    await until(() => client.events.length > 0);
    expect(client.events).toEqual(["bind 99"]);
  });

  test("given up before it came about", async () => {
    const { fd, address } = listening();
    cleanups.push(() => libc.closeDescriptor(fd));
    const client = new Recorder();
    client.socket = connectTo(address, client, undefined);
    client.socket.end();
    await Bun.sleep(20);
    expect(client.events).toEqual([]);
  });
});

for (const kind of ["TCP", "unix"]) {
  describe(`${kind} sockets`, () => {
    async function opened(): Promise<{ client: Recorder; server: Recorder }> {
      if (kind === "TCP") return await pair();
      const folder = mkdtempSync(join(tmpdir(), "hopway-socket-"));
      cleanups.push(() => rmSync(folder, { recursive: true }));
      return await pair(join(folder, "x.sock"));
    }

    test("bytes both ways", async () => {
      const { client, server } = await opened();
      expect(client.send("hello")).toBe(5);
      await until(() => server.received === "hello");
      server.send("world");
      await until(() => client.received === "world");
      expect([client.events, server.events]).toEqual([[], []]);
    });

    test("what was received belongs to the buffer of all", async () => {
      const { client, server } = await opened();
      const first: Buffer[] = [];
      server.onDataThen = (chunk) => {
        expect(isReceived(chunk)).toBe(true);
        first.push(kept(chunk));
        expect(isReceived(first[0]!)).toBe(false);
      };
      client.send("one");
      await until(() => first.length === 1);
      client.send("two");
      await until(() => first.length === 2);
      expect(first.map(String)).toEqual(["one", "two"]);
      expect(isReceived(Buffer.from("other"))).toBe(false);
    });

    test("half-close leaves the other way open", async () => {
      const { client, server } = await opened();
      client.send("ask");
      client.socket.shutdown();
      await until(() => server.events.length > 0);
      expect([server.received, server.events]).toEqual(["ask", ["end"]]);
      server.send("late answer");
      await until(() => client.received === "late answer");
      server.socket.end();
      await until(() => client.events.length > 0);
      expect(client.events[0]).toBe("end");
    });

    test("who sent FIN gets all of a long answer", async () => {
      const { client, server } = await opened();
      client.socket.shutdown();
      await until(() => server.events.length > 0);
      expect(server.events.splice(0)).toEqual(["end"]);
      client.socket.pause();
      const bytes = Buffer.alloc(16 * 1024 * 1024, 97);
      let sent = server.socket.write(bytes, bytes.length);
      expect(sent).toBeLessThan(bytes.length);
      client.socket.resume();
      while (sent < bytes.length) {
        await until(() => server.events.length > 0);
        expect(server.events.splice(0)).toEqual(["drain"]);
        const rest = bytes.subarray(sent);
        sent += server.socket.write(rest, rest.length);
      }
      await until(() => client.received.length === bytes.length);
    });

    test("a full socket takes part, and tells when it takes more", async () => {
      const { client, server } = await opened();
      server.socket.pause();
      const bytes = Buffer.alloc(16 * 1024 * 1024, 97);
      let sent = client.socket.write(bytes, bytes.length);
      expect(sent).toBeGreaterThan(0);
      expect(sent).toBeLessThan(bytes.length);
      expect(server.received.length).toBe(0);
      server.socket.resume();
      while (sent < bytes.length) {
        await until(() => client.events.length > 0);
        expect(client.events.splice(0)).toEqual(["drain"]);
        const rest = bytes.subarray(sent);
        sent += client.socket.write(rest, rest.length);
      }
      await until(() => server.received.length === bytes.length);
    });

    test("paused: neither bytes nor FIN are told until it goes on", async () => {
      const { client, server } = await opened();
      server.socket.pause();
      client.send("x");
      client.socket.shutdown();
      await Bun.sleep(20);
      expect([server.received, server.events]).toEqual(["", []]);
      server.socket.resume();
      await until(() => server.events.length > 0);
      expect([server.received, server.events]).toEqual(["x", ["end"]]);
    });

    test("a handler may pause in the middle of much", async () => {
      const { client, server } = await opened();
      server.onDataThen = () => server.socket.pause();
      const bytes = Buffer.alloc(1024 * 1024, 98);
      let sent = 0;
      const send = (): void => {
        const rest = bytes.subarray(sent);
        if (rest.length > 0) sent += client.socket.write(rest, rest.length);
      };
      send();
      while (server.received.length < bytes.length) {
        const before = server.received.length;
        server.socket.resume();
        send();
        await until(() => server.received.length > before);
      }
      expect(sent).toBe(bytes.length);
    });

    test("closed by its owner: the other side sees FIN, the owner hears nothing more", async () => {
      const { client, server } = await opened();
      client.socket.end();
      client.socket.end();
      expect(client.send("x")).toBe(-1);
      await until(() => server.events.length > 0);
      expect(server.events).toEqual(["end"]);
      expect(client.events).toEqual([]);
    });

    test("closed in a handler, with more to read", async () => {
      const { client, server } = await opened();
      server.onDataThen = () => server.socket.end();
      client.socket.write(Buffer.alloc(512 * 1024), 512 * 1024);
      await until(() => server.received.length > 0);
      await Bun.sleep(20);
      expect(server.events).toEqual([]);
    });

    test("an exception costs the connection and is reported", async () => {
      const { client, server } = await opened();
      const faults: unknown[] = [];
      setFaults({ onFault: (error) => faults.push(error) });
      server.onDataThen = () => {
        throw new Error("oops");
      };
      client.send("x");
      await until(() => client.events.length > 0);
      expect(server.events).toEqual(["reset"]);
      expect(String(faults)).toBe("Error: oops");
      setFaults({ onFault: () => {} });
    });

    test("an exception while that is dealt with costs nobody else", async () => {
      const { client, server } = await opened();
      const other = await opened();
      const faults: unknown[] = [];
      setFaults({ onFault: (error) => faults.push(error) });
      server.onDataThen = () => {
        throw new Error("first");
      };
      server.onClose = () => {
        throw new Error("second");
      };
      client.send("x");
      other.client.send("y");
      await until(() => other.server.received === "y");
      expect(faults.map(String)).toEqual(["Error: first", "Error: second"]);
      setFaults({ onFault: () => {} });
    });
  });
}

test("what happened on a closed socket is not told to the one that got its number", async () => {
  const { fd, address } = listening();
  cleanups.push(() => libc.closeDescriptor(fd));
  const first = await pair();
  const second = await pair();
  const number = second.server.socket.fd;
  const fresh: Recorder[] = [];
  first.server.onDataThen = () => {
    second.server.socket.end();
    while (fresh.at(-1)?.socket.fd !== number && fresh.length < 16) {
      const recorder = new Recorder();
      recorder.socket = connectTo(address, recorder, undefined);
      cleanups.push(() => recorder.socket.end());
      fresh.push(recorder);
    }
  };
  // Both reach the loop in one batch.
  first.client.send("x");
  second.client.socket.terminate();
  await until(() => fresh.length > 0);
  expect(fresh.at(-1)?.socket.fd).toBe(number);
  await until(() => fresh.every(({ events }) => events.length > 0));
  await Bun.sleep(20);
  expect(fresh.at(-1)?.events).toEqual(["connect"]);
});

describe("resets", () => {
  test("are told while idle", async () => {
    const { client, server } = await pair();
    client.socket.terminate();
    await until(() => server.events.length > 0);
    expect(server.events).toEqual(["reset"]);
    expect(server.socket.fd).toBe(-1);
  });

  test("are told while paused, after what had come before", async () => {
    const { client, server } = await pair();
    server.socket.pause();
    client.send("last words");
    await Bun.sleep(5);
    client.socket.terminate();
    await until(() => server.events.length > 0);
    expect(server.events).toEqual(["reset"]);
  });

  test("are told after FIN", async () => {
    const { client, server } = await pair();
    client.socket.shutdown();
    await until(() => server.events.length > 0);
    client.socket.terminate();
    await until(() => server.events.length > 1);
    expect(server.events).toEqual(["end", "reset"]);
  });

  test("are told to a writer", async () => {
    const { client, server } = await pair();
    server.socket.pause();
    client.socket.terminate();
    let taken = 0;
    const deadline = Date.now() + 30_000;
    while (taken >= 0 && server.events.length === 0 && Date.now() < deadline) taken = server.send("x");
    await until(() => server.events.length > 0);
    expect(server.events).toEqual(["reset"]);
    expect(server.send("x")).toBe(-1);
  });
});

test("an acceptor that stopped takes no more, its connections go on", async () => {
  const { client, server } = await pair();
  cleanups.find((cleanup) => cleanup.toString().includes("acceptor.stop"))?.();
  client.send("still here");
  await until(() => server.received === "still here");
});
