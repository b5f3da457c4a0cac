/**
 * The other workers: which of them can resume a session, and the handing over of connections to them. A ticket is good
 * only where the key is that sealed it, and Bun's TLS takes no keys: so the connection goes to the key.
 */
import { closeDescriptor, unsentBytes } from "./libc.ts";
import { type PacketOwner, PacketReceiver, sendPacket } from "./packet-channel.ts";
import { nowMs, Timer, type TimerOwner } from "./timers.ts";
import { TICKET_KEY_NAME_BYTES } from "./tls-client-hello.ts";
import type { TlsContext } from "./tls-context.ts";
import { learnTicketKey } from "./tls-ticket-key.ts";

/** Who takes the connections that others hand over. */
export interface NeighbourOwner {
  /** `fd` belongs to the owner. `note` and `bytes` as they were given to `pass`; the bytes may be kept. */
  onPassed(fd: number, note: string, bytes: Buffer): void;
}

/** BoringSSL makes a new key after two days: its name is asked for again so often. */
const LEARN_AGAIN_MS = 3_600_000;
/** One key for each context: more contexts than these have sessions that only their own worker resumes. */
const MAX_NAMES = 1000;
/** What did not fit in a neighbour's queue is told again after so long. */
const TELL_AGAIN_MS = 1000;

const NAMES = 1;
const CONNECTION = 2;
/** Kind, and the sender's slot and pid. */
const HEAD_BYTES = 7;
const NOTE_LENGTH_BYTES = 2;

/** A worker that has left something in its queue for so long is busy, or stands still: it gets nothing more. */
export const BUSY_MS = 250;

/** Which worker. */
export interface WorkerName {
  /** One that takes the place of another has its slot. */
  readonly slot: number;
  readonly pid: number;
}

interface Neighbour {
  readonly pid: number;
  readonly channel: number;
  /** It has not heard of all our names. */
  behind: boolean;
  /** Since when its queue was never seen empty; Infinity where it was. */
  busySinceMs: number;
}

/** The names that one worker has told of. */
interface Told {
  readonly by: WorkerName;
  readonly names: string[];
}

export class Neighbours implements PacketOwner, TimerOwner {
  private readonly self: WorkerName;
  private readonly owner: NeighbourOwner;
  private readonly receiver: PacketReceiver;
  /** By slot, as `told`. */
  private readonly neighbours = new Map<number, Neighbour>();
  private readonly told = new Map<number, Told>();
  /** Whose a name is. */
  private readonly owners = new Map<string, WorkerName>();
  /** Ours, the oldest first. */
  private readonly names = new Set<string>();
  private readonly learned = new WeakMap<TlsContext, number>();
  private readonly timer = new Timer(this, 0);

  /** `receiving`: the descriptor that the others send to. */
  constructor(self: WorkerName, receiving: number, owner: NeighbourOwner) {
    this.self = self;
    this.owner = owner;
    this.receiver = new PacketReceiver(receiving, this);
  }

  /** Another worker has come, or one in the place of another; `channel` belongs to this object. */
  add({ slot, pid }: WorkerName, channel: number): void {
    const before = this.neighbours.get(slot);
    if (before !== undefined) closeDescriptor(before.channel);
    const neighbour = { pid, channel, behind: false, busySinceMs: Number.POSITIVE_INFINITY };
    this.neighbours.set(slot, neighbour);
    this.tell(slot, neighbour, [...this.names]);
  }

  /** A connection uses the context: the others are told of its key. */
  uses(context: TlsContext): void {
    if (this.neighbours.size === 0 || !context.givesTickets) return;
    const learnedMs = this.learned.get(context);
    if (learnedMs !== undefined && nowMs() - learnedMs < LEARN_AGAIN_MS) return;
    this.learned.set(context, nowMs());
    learnTicketKey(context, (name) => this.learn(name));
  }

  /** The slot of the worker that resumes one of these sessions; undefined for this one or none. */
  ownerOf(tickets: readonly string[]): number | undefined {
    for (const name of tickets) {
      if (this.names.has(name)) return undefined;
      const owner = this.owners.get(name);
      // Who has taken a dead worker's place cannot open its tickets.
      if (owner !== undefined && this.neighbours.get(owner.slot)?.pid === owner.pid) return owner.slot;
    }
    return undefined;
  }

  /** Hands a connection over. False where the other worker cannot take it now: all is as before. */
  pass(slot: number, fd: number, note: string, bytes: Uint8Array): boolean {
    const neighbour = this.neighbours.get(slot);
    if (neighbour === undefined || isBusy(neighbour)) return false;
    const text = Buffer.from(note, "latin1");
    const length = Buffer.alloc(NOTE_LENGTH_BYTES);
    length.writeUInt16BE(text.length);
    const sent = sendPacket(neighbour.channel, [this.head(CONNECTION), length, text, bytes], fd);
    if (sent === "gone") this.forget(slot, neighbour);
    return sent === "sent";
  }

  /** Takes what was handed over by now; the others keep theirs from here on. */
  leave(): void {
    this.receiver.stop();
    this.timer.release();
    for (const { channel } of this.neighbours.values()) closeDescriptor(channel);
    this.neighbours.clear();
  }

  onPacket(bytes: Buffer, fd: number): void {
    const rest = bytes.subarray(HEAD_BYTES);
    if (bytes[0] === NAMES) {
      this.hear({ slot: bytes.readUInt16BE(1), pid: bytes.readUInt32BE(3) }, rest);
      return;
    }
    if (fd < 0) return;
    const end = NOTE_LENGTH_BYTES + rest.readUInt16BE();
    this.owner.onPassed(fd, rest.latin1Slice(NOTE_LENGTH_BYTES, end), Buffer.from(rest.subarray(end)));
  }

  onTimer(): void {
    for (const [slot, neighbour] of this.neighbours) {
      if (neighbour.behind) this.tell(slot, neighbour, [...this.names]);
    }
  }

  private learn(name: string): void {
    if (this.names.has(name)) return;
    this.names.add(name);
    dropOldest(this.names);
    for (const [slot, neighbour] of this.neighbours) this.tell(slot, neighbour, [name]);
  }

  private tell(slot: number, neighbour: Neighbour, names: readonly string[]): void {
    neighbour.behind = false;
    if (names.length === 0) return;
    const parts = [this.head(NAMES), Buffer.from(names.join(""), "latin1")];
    const sent = sendPacket(neighbour.channel, parts, -1);
    if (sent === "gone") this.forget(slot, neighbour);
    if (sent !== "full") return;
    neighbour.behind = true;
    this.timer.arm(TELL_AGAIN_MS);
  }

  private hear(by: WorkerName, names: Buffer): void {
    let told = this.told.get(by.slot);
    if (told?.by.pid !== by.pid) {
      for (const name of told?.names ?? []) this.owners.delete(name);
      told = { by, names: [] };
      this.told.set(by.slot, told);
    }
    for (let at = 0; at + TICKET_KEY_NAME_BYTES <= names.length; at += TICKET_KEY_NAME_BYTES) {
      const name = names.latin1Slice(at, at + TICKET_KEY_NAME_BYTES);
      if (this.owners.has(name)) continue;
      this.owners.set(name, told.by);
      told.names.push(name);
      if (told.names.length > MAX_NAMES) this.owners.delete(told.names.shift()!);
    }
  }

  private forget(slot: number, neighbour: Neighbour): void {
    closeDescriptor(neighbour.channel);
    if (this.neighbours.get(slot) === neighbour) this.neighbours.delete(slot);
  }

  private head(kind: number): Buffer {
    const head = Buffer.alloc(HEAD_BYTES);
    head[0] = kind;
    head.writeUInt16BE(this.self.slot, 1);
    head.writeUInt32BE(this.self.pid, 3);
    return head;
  }
}

function isBusy(neighbour: Neighbour): boolean {
  if ((unsentBytes(neighbour.channel) ?? 0) === 0) neighbour.busySinceMs = Number.POSITIVE_INFINITY;
  else if (neighbour.busySinceMs === Number.POSITIVE_INFINITY) neighbour.busySinceMs = nowMs();
  return nowMs() - neighbour.busySinceMs > BUSY_MS;
}

function dropOldest(names: Set<string>): void {
  if (names.size <= MAX_NAMES) return;
  const [oldest] = names;
  if (oldest !== undefined) names.delete(oldest);
}
