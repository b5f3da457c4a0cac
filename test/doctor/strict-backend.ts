/**
 * A backend that is as strict about handshakes as the strictest in the wild, and says in its status what it did not like:
 * 505 for HTTP/1.0, 404 for another path, 403 for an Origin that is not its Host, 400 for the rest. What is right gets
 * 101, and back what it sends.
 */
import { createHash } from "node:crypto";
import type { Socket, TCPSocketListener } from "bun";

/** What a backend insists on. */
export interface BackendHabits {
  /** The path of its WebSocket; any where left out. */
  readonly path?: string;
  /** The only site that it has: 404 for all others. */
  readonly host?: string;
  /** Refuses with 403 where `Origin` is of another host than `Host`. */
  readonly comparesOrigin?: true;
  /** Refuses with 400 what asks for an upgrade and has a body, as Kestrel. */
  readonly noBodyWithUpgrade?: true;
  /** Polling sessions: `?sid=` of another backend is a 400, as Engine.IO. */
  readonly sessions?: string;
  /** Leaves connections open after answers, unless it is told to close them. */
  readonly keepsAlive?: true;
  /** Answers handshakes with this status. */
  readonly refuses?: number;
}

interface Client {
  received: string;
  tunnel: boolean;
}

export interface StrictBackend {
  readonly port: number;
  /** Heads of requests, in order. */
  readonly heads: readonly string[];
  /** How many were made to it. */
  readonly connections: number;
  stop(): void;
}

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Starts one on a port of 127.0.0.1. */
export function strictBackend(port: number, habits: BackendHabits = {}): StrictBackend {
  const heads: string[] = [];
  let connections = 0;
  const listener: TCPSocketListener<Client> = Bun.listen<Client>({
    hostname: "127.0.0.1",
    port,
    socket: {
      open(socket: Socket<Client>): void {
        connections++;
        socket.data = { received: "", tunnel: false };
      },
      data(socket: Socket<Client>, chunk: Buffer): void {
        const client = socket.data;
        if (client.tunnel) {
          socket.write(chunk);
          return;
        }
        client.received += chunk.latin1Slice();
        const end = client.received.indexOf("\r\n\r\n");
        if (end < 0) return;
        const head = client.received.slice(0, end + 4);
        heads.push(head);
        const answer = answerTo(head, habits);
        client.tunnel = answer.startsWith("HTTP/1.1 101");
        client.received = "";
        const stays = habits.keepsAlive && !/^Connection: close\r$/im.test(head);
        socket.write(stays ? answer.replace("Connection: close\r\n", "") : answer);
        if (!client.tunnel && !stays) socket.end();
      },
      error(): void {},
    },
  });
  return {
    port,
    heads,
    get connections() {
      return connections;
    },
    stop: () => listener.stop(true),
  };
}

function field(head: string, name: string): string {
  return new RegExp(`^${name}: *(.*)$`, "im").exec(head)?.[1]?.trim() ?? "";
}

function answerTo(head: string, habits: BackendHabits): string {
  const [, method = "", target = "", version = ""] = /^(\S+) (\S+) HTTP\/(\S+)/.exec(head) ?? [];
  const asks = /(?:^|,) *upgrade *(?:$|,)/i.test(field(head, "Connection"));
  const hasBody = Number(field(head, "Content-Length")) > 0;
  if (habits.noBodyWithUpgrade && asks && hasBody) return plain(400, "a request for an upgrade has no body");
  if (habits.host !== undefined && field(head, "Host") !== habits.host) return plain(404, "no such app");
  if (habits.sessions !== undefined) return session(target, habits.sessions);
  if (!asks || field(head, "Upgrade").toLowerCase() !== "websocket") {
    const wanted = habits.path === undefined || target.startsWith(habits.path);
    if (!wanted) return plain(404, "no such page");
    return field(head, "Sec-WebSocket-Key") === ""
      ? plain(200, `${method} ${target}`)
      : plain(400, "no upgrade is asked for");
  }
  if (version !== "1.1") return plain(505, "a handshake is HTTP/1.1");
  if (habits.path !== undefined && !target.startsWith(habits.path)) return plain(404, "no such page");
  if (habits.refuses !== undefined) return plain(habits.refuses, "not for you");
  const origin = field(head, "Origin").replace(/^https?:\/\//, "");
  if (habits.comparesOrigin && origin !== "" && origin !== field(head, "Host")) return plain(403, "a foreign origin");
  const key = field(head, "Sec-WebSocket-Key");
  if (key === "" || field(head, "Sec-WebSocket-Version") !== "13") return plain(400, "no key or version");
  const accept = createHash("sha1")
    .update(key + GUID)
    .digest("base64");
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** A session belongs to the backend that opened it. */
function session(target: string, name: string): string {
  const sid = /[?&]sid=(\w+)/.exec(target)?.[1];
  if (sid === undefined) return plain(200, `0{"sid":"${name}"}`);
  return sid === name ? plain(200, "ok") : plain(400, '{"code":1,"message":"Session ID unknown"}');
}

function plain(status: number, text: string): string {
  return `HTTP/1.1 ${status} Said\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`;
}
