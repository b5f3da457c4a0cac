/** Run by a test as a process of its own: work of Bun's loop, while ours waits for ten minutes at a time. */
import { readFile } from "node:fs/promises";
import { Acceptor } from "./acceptor.ts";
import { inetAddress, systemAddress } from "./address.ts";
import { setLongestWait } from "./event-loop.ts";
import * as libc from "./libc.ts";

const ROUNDS = 5;

setLongestWait(600_000);
const fd = libc.streamSocket(libc.AF_INET);
libc.bindSocket(fd, systemAddress(inetAddress("127.0.0.1", 0)));
libc.listenSocket(fd, 1);
new Acceptor(
  fd,
  {
    onAccept: () => {
      throw new Error("nobody connects");
    },
    onAcceptError: () => {},
    onFull: () => {},
  },
  false,
  false,
);

for (let i = 0; i < ROUNDS; i++) await readFile("/proc/self/status", "utf8");
console.log("files");

for (let i = 0; i < ROUNDS; i++) {
  const arrived = new Promise<void>((resolve) => process.once("SIGUSR2", () => resolve()));
  process.kill(process.pid, "SIGUSR2");
  await arrived;
}
console.log("signals");

const echo = { data: (socket: Bun.Socket, chunk: Buffer) => void socket.write(chunk) };
const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: echo });
for (let i = 0; i < ROUNDS; i++) {
  const answer = Promise.withResolvers<void>();
  const socket = { data: () => answer.resolve() };
  const client = await Bun.connect({ hostname: "127.0.0.1", port: listener.port, socket });
  client.write("hello");
  await answer.promise;
  client.end();
}
console.log("sockets of Bun's");
process.exit(0);
