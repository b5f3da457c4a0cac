/** What the kernel knows of a TCP connection: `struct tcp_info` of linux/tcp.h. */
import { IPPROTO_TCP, socketOption } from "./libc.ts";
import type { Socket } from "./socket.ts";

const TCP_INFO = 11;
const INFO_BYTES = 104;

/** Where the fields stand in the structure. */
const OFFSETS = { rtt: 68, rttvar: 72, snd_cwnd: 80, rcv_space: 96 } as const;

export type TcpInfoField = keyof typeof OFFSETS;

/** tcpi_bytes_acked, of 64 bits (Linux 4.1). */
const BYTES_ACKED = 120;

const room = Buffer.alloc(INFO_BYTES);
const longRoom = Buffer.alloc(BYTES_ACKED + 8);

/** A field of a connection's tcp_info (times in microseconds); undefined for a closed or other socket. */
export function tcpInfo(socket: Socket, field: TcpInfoField): number | undefined {
  return readInfo(socket, room) ? room.readUInt32LE(OFFSETS[field]) : undefined;
}

/** Bytes, those of TLS among them, whose arrival the other end's kernel has confirmed; undefined as for `tcpInfo`. */
export function acknowledgedBytes(socket: Socket): number | undefined {
  return readInfo(socket, longRoom) ? Number(longRoom.readBigUInt64LE(BYTES_ACKED)) : undefined;
}

function readInfo(socket: Socket, into: Buffer): boolean {
  const fd: unknown = Reflect.get(socket, "fd");
  return typeof fd === "number" && fd >= 0 && socketOption(fd, IPPROTO_TCP, TCP_INFO, into);
}
