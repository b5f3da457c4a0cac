/**
 * Packets from process to process over pairs of unix sockets, each with bytes and at most one descriptor. Nothing waits:
 * what does not fit is not sent.
 */
import { EPOLLIN, unwatch, type Watched, watch } from "./event-loop.ts";
import {
  closeDescriptor,
  ECONNRESET,
  EPIPE,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOL_SOCKET,
  setIntegerOption,
  shutdownReceiving,
} from "./libc.ts";
import { SocketMessage } from "./socket-message.ts";
import { SOCK_SEQPACKET, socketPair } from "./socket-pair.ts";

/** Room for what a ClientHello needs, and the PROXY protocol's header before it. */
export const MAX_PACKET_BYTES = 32 * 1024;
/** Packets of one channel before others get their turn. */
const PACKETS_PER_TURN = 16;

/** A burst of some 1000 ClientHellos, with the kernel's own bytes; without root's rights the kernel allows some 200. */
const QUEUE_BYTES = 2 * 1024 * 1024;

/** A new channel: the descriptor to receive from, and the one to send to. Throws with the system's words. */
export function packetChannel(): readonly [receiving: number, sending: number] {
  const [receiving, sending] = socketPair(SOCK_SEQPACKET);
  if (setIntegerOption(sending, SOL_SOCKET, SO_SNDBUFFORCE, QUEUE_BYTES) < 0) {
    setIntegerOption(sending, SOL_SOCKET, SO_SNDBUF, QUEUE_BYTES);
  }
  return [receiving, sending];
}

const outgoing = Buffer.allocUnsafeSlow(MAX_PACKET_BYTES);
const incoming = Buffer.allocUnsafeSlow(MAX_PACKET_BYTES);
const sending = new SocketMessage(outgoing, 1);
const receiving = new SocketMessage(incoming, 1);

/**
 * Sends one packet of several parts, with a descriptor or -1 for none, which both sides have from then on. `full`: not
 * now, the other side is slow, or the packet too large; `gone`: nobody receives any more.
 */
export function sendPacket(channel: number, parts: readonly Uint8Array[], fd: number): "sent" | "full" | "gone" {
  let length = 0;
  for (const part of parts) {
    if (length + part.length > MAX_PACKET_BYTES) return "full";
    outgoing.set(part, length);
    length += part.length;
  }
  const errno = sending.send(channel, length, fd < 0 ? [] : [fd]);
  if (errno === 0) return "sent";
  return errno === EPIPE || errno === ECONNRESET ? "gone" : "full";
}

/** Who is sent packets. */
export interface PacketOwner {
  /** `bytes` hold during the call. `fd` belongs to the owner from here on; -1 for none. */
  onPacket(bytes: Buffer, fd: number): void;
}

/** The receiving end of a channel, watched until it is stopped or all senders are gone. */
export class PacketReceiver implements Watched {
  private fd: number;
  private readonly owner: PacketOwner;

  constructor(fd: number, owner: PacketOwner) {
    this.fd = fd;
    this.owner = owner;
    watch(fd, EPOLLIN, this);
  }

  /** Takes what was sent by now, and lets nobody send more. */
  stop(): void {
    if (this.fd < 0) return;
    shutdownReceiving(this.fd);
    while (this.receive());
    this.close();
  }

  onEvents(): void {
    for (let i = 0; i < PACKETS_PER_TURN; i++) if (!this.receive()) return;
  }

  private receive(): boolean {
    if (this.fd < 0) return false;
    const length = receiving.receive(this.fd);
    // The end: no packet is empty.
    if (length === 0) this.close();
    if (length <= 0) return false;
    this.owner.onPacket(incoming.subarray(0, length), receiving.descriptors()[0] ?? -1);
    return true;
  }

  private close(): void {
    if (this.fd < 0) return;
    unwatch(this.fd);
    closeDescriptor(this.fd);
    this.fd = -1;
  }
}
