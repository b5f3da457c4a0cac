/** What the kernel knows of a TCP connection: `struct tcp_info` of linux/tcp.h. */
import { IPPROTO_TCP, socketOption } from "./libc.ts";
import type { Socket } from "./socket.ts";

const TCP_INFO = 11;
const INFO_BYTES = 104;

/** Where the fields stand in the structure. */
const OFFSETS = { rtt: 68, rttvar: 72, snd_cwnd: 80, rcv_space: 96 } as const;

export type TcpInfoField = keyof typeof OFFSETS;

const room = Buffer.alloc(INFO_BYTES);

/** A field of a connection's tcp_info (times in microseconds); undefined for a closed or other socket. */
export function tcpInfo(socket: Socket, field: TcpInfoField): number | undefined {
  const fd: unknown = Reflect.get(socket, "fd");
  if (typeof fd !== "number" || fd < 0) return undefined;
  return socketOption(fd, IPPROTO_TCP, TCP_INFO, room) ? room.readUInt32LE(OFFSETS[field]) : undefined;
}
