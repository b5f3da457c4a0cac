/**
 * A process of its own with many plain sockets, since one process may hold 20,000 descriptors. `backend`: echoes what
 * comes behind a handshake. `client PORT COUNT`: opens tunnels, and does what the test says over IPC.
 */
import type { Socket } from "bun";

/** What a client is told. */
export type ClientOrder = "open" | "echo" | "lost" | "close";

const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const HANDSHAKE =
  "GET /ws HTTP/1.1\r\nHost: drill\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
  "Cookie: session=0123456789abcdef0123456789abcdef\r\nOrigin: https://example.com\r\n\r\n";
/** A text frame of 5 bytes. */
const FRAME = "\x81\x05hello";
const HEAD_END = "\r\n\r\n";
/** So many handshakes, or echoes, are on their way at once. */
const BATCH = 100;

interface State {
  open: boolean;
  lost: boolean;
  /** Bytes of echoes that are still to come. */
  owed: number;
}

const [role, port, count] = process.argv.slice(2);
const sockets: Socket<State>[] = [];

const handlers = {
  data({ data }: Socket<State>, chunk: Buffer): void {
    if (data.open) data.owed -= chunk.length;
    else data.open = chunk.latin1Slice(0, 12) === "HTTP/1.1 101" && chunk.latin1Slice().endsWith(HEAD_END);
  },
  close({ data }: Socket<State>): void {
    data.lost = true;
  },
  error(): void {},
};

async function connect(): Promise<void> {
  const data = { open: false, lost: false, owed: 0 };
  const socket = await Bun.connect({ hostname: "127.0.0.1", port: Number(port), data, socket: handlers });
  sockets.push(socket);
  socket.write(HANDSHAKE);
}

/** Waits until all of them are as they should be, or lost. */
async function settled(batch: readonly Socket<State>[], good: (state: State) => boolean): Promise<void> {
  while (!batch.every(({ data }) => data.lost || good(data))) await Bun.sleep(1);
}

async function obey(order: ClientOrder): Promise<number> {
  if (order === "close") process.exit(0);
  if (order === "open") {
    while (sockets.length < Number(count)) {
      await Promise.all(Array.from({ length: BATCH }, connect));
      await settled(sockets.slice(-BATCH), ({ open }) => open);
    }
    return sockets.filter(({ data }) => data.open && !data.lost).length;
  }
  if (order === "echo") {
    for (let at = 0; at < sockets.length; at += BATCH) {
      const batch = sockets.slice(at, at + BATCH).filter(({ data }) => !data.lost);
      for (const socket of batch) {
        socket.data.owed += FRAME.length;
        socket.write(Buffer.from(FRAME, "latin1"));
      }
      await settled(batch, ({ owed }) => owed === 0);
    }
    return sockets.filter(({ data }) => !data.lost && data.owed === 0).length;
  }
  return sockets.filter(({ data }) => data.lost).length;
}

if (role === "backend") {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, chunk) {
        socket.write(chunk[0] === 0x47 ? SWITCHING : chunk);
      },
    },
  });
  process.send?.(server.port);
} else if (role === "client") {
  process.on("message", (order: ClientOrder) => void obey(order).then((answer) => process.send?.(answer)));
}
