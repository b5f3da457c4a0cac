import { expect, test } from "bun:test";
import { freePort } from "../../test/harness/ports.ts";
import { inetAddress } from "./address.ts";
import { acceptSocket, closeDescriptor } from "./libc.ts";
import { defaultListenOptions, openListener } from "./listen.ts";
import { dropNewConnections } from "./refuse-new.ts";

/** Shorter than the second after which a SYN is sent again. */
const PATIENCE_MS = 200;

test("who is in the queue is accepted and served, who comes later is not", async () => {
  const port = freePort();
  const fd = openListener(inetAddress("127.0.0.1", port), defaultListenOptions, () => {});
  if (typeof fd !== "number") throw new Error(fd.message);
  const received: string[] = [];
  const connect = () =>
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: { data: (_socket: unknown, chunk: Buffer) => void received.push(chunk.toString()), connectError() {} },
    });
  const early = await connect();
  expect(dropNewConnections(fd)).toBe(true);
  const late = connect().then(
    () => "connected",
    () => "refused",
  );
  expect(await Promise.race([late, Bun.sleep(PATIENCE_MS).then(() => "nothing")])).toBe("nothing");

  const accepted = acceptSocket(fd, new Uint8Array(128), new Uint32Array(1));
  expect(accepted).toBeGreaterThan(0);
  // The filter goes over to the accepted socket, where it must not stand in the way of anything.
  const peer = await Bun.connect({
    fd: accepted,
    socket: { data: (socket: Bun.Socket, chunk: Buffer) => void socket.write(`echo ${chunk.toString()}`) },
  } as unknown as Parameters<typeof Bun.connect>[0]);
  early.write("hello");
  while (received.length === 0) await Bun.sleep(1);
  expect(received).toEqual(["echo hello"]);

  closeDescriptor(fd);
  expect(await late).toBe("refused");
  early.end();
  peer.end();
});
