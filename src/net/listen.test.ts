import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Address, fromSystemAddress, inetAddress, unixAddress } from "./address.ts";
import * as libc from "./libc.ts";
import { closeListener, defaultListenOptions, type ListenOptions, openListener } from "./listen.ts";

const folder = mkdtempSync(join(tmpdir(), "hopway-listen-"));
afterAll(() => rmSync(folder, { recursive: true }));

function open(address: Address, options: Partial<ListenOptions> = {}): { fd: number; complaints: string[] } {
  const complaints: string[] = [];
  const fd = openListener(address, { ...defaultListenOptions, ...options }, (message) => complaints.push(message));
  if (typeof fd !== "number") throw new Error(fd.message);
  return { fd, complaints };
}

function boundTo(fd: number): Address | undefined {
  const name = libc.socketName(fd);
  return name === undefined ? undefined : fromSystemAddress(name);
}

describe("options reach the socket", () => {
  const { SOL_SOCKET, IPPROTO_TCP, IPPROTO_IPV6 } = libc;
  const cases: readonly (readonly [string, string, Partial<ListenOptions>, number, number, number])[] = [
    ["SO_REUSEADDR", "127.0.0.1", {}, SOL_SOCKET, libc.SO_REUSEADDR, 1],
    ["reuseport", "127.0.0.1", { reuseport: true }, SOL_SOCKET, libc.SO_REUSEPORT, 1],
    ["no reuseport", "127.0.0.1", {}, SOL_SOCKET, libc.SO_REUSEPORT, 0],
    ["so_keepalive=on", "127.0.0.1", { keepAlive: { on: true } }, SOL_SOCKET, libc.SO_KEEPALIVE, 1],
    [
      "so_keepalive idle",
      "127.0.0.1",
      { keepAlive: { on: true, idleSeconds: 77 } },
      IPPROTO_TCP,
      libc.TCP_KEEPIDLE,
      77,
    ],
    ["so_keepalive count", "127.0.0.1", { keepAlive: { on: true, count: 5 } }, IPPROTO_TCP, libc.TCP_KEEPCNT, 5],
    ["rcvbuf, doubled by Linux", "127.0.0.1", { rcvbufBytes: 8192 }, SOL_SOCKET, libc.SO_RCVBUF, 16384],
    ["sndbuf, doubled by Linux", "127.0.0.1", { sndbufBytes: 8192 }, SOL_SOCKET, libc.SO_SNDBUF, 16384],
    ["deferred", "127.0.0.1", { deferred: true }, IPPROTO_TCP, libc.TCP_DEFER_ACCEPT, 1],
    ["ipv6only=on", "::1", {}, IPPROTO_IPV6, libc.IPV6_V6ONLY, 1],
  ];
  for (const [name, host, options, level, option, expected] of cases) {
    test(name, () => {
      const { fd, complaints } = open(inetAddress(host, 0), options);
      expect(libc.integerOption(fd, level, option)).toBe(expected);
      expect(complaints).toEqual([]);
      libc.closeDescriptor(fd);
    });
  }
});

test("a busy address is named with its error", () => {
  const { fd } = open(inetAddress("127.0.0.1", 0));
  const address = boundTo(fd);
  if (address === undefined) throw new Error("not bound");
  expect(openListener(address, defaultListenOptions, () => {})).toEqual({
    errno: libc.EADDRINUSE,
    message: `bind() to 127.0.0.1:${address.port} failed (98: Address already in use)`,
  });
  libc.closeDescriptor(fd);
});

test("an address that is not this machine's is refused", () => {
  const result = openListener(inetAddress("192.0.2.1", 1), defaultListenOptions, () => {});
  expect(result).toMatchObject({ message: "bind() to 192.0.2.1:1 failed (99: Cannot assign requested address)" });
});

test("a unix socket is open to all, its file goes with it, and a stale file is in the way", () => {
  const path = join(folder, "a.sock");
  const address = unixAddress(path);
  const { fd } = open(address);
  expect(statSync(path).mode & 0o777).toBe(0o666);
  expect(openListener(address, defaultListenOptions, () => {})).toMatchObject({ errno: libc.EADDRINUSE });
  closeListener({ fd, address, options: defaultListenOptions }, () => {});
  expect(existsSync(path)).toBe(false);
});

// Bun.listen({ fd }) is not documented: everything rests on it.
test("Bun accepts from a descriptor that was made with libc", async () => {
  const { fd } = open(inetAddress("127.0.0.1", 0));
  const { promise, resolve } = Promise.withResolvers<string>();
  const options = { fd, socket: { data: (_s: unknown, chunk: Buffer) => resolve(chunk.toString()) } };
  const listener = Bun.listen(options as unknown as Bun.TCPSocketListenOptions<undefined>);
  const port = boundTo(fd)?.port ?? 0;
  const client = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
  client.write("hello");
  expect(await promise).toBe("hello");
  client.end();
  listener.stop(true);
});
