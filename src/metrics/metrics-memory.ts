/**
 * The counters of all processes, in a memory file whose descriptor workers inherit. Each process has a block with a row of
 * numbers that only it writes, and a page of text that it shows to others. The master has the common block: there goes
 * what ended workers have counted, so that sums never fall.
 */
import {
  closeMemoryFile,
  createMemoryFile,
  mapMemory,
  resizeMemoryFile,
  yieldProcessor,
} from "../net/shared-memory.ts";
import { MAX_SLOTS } from "../zone/zone-holders.ts";

/** Blocks are that large, and take the memory that has been written to: a worker on a usual configuration some 100 KiB. */
const BLOCK_BYTES = 16 * 1024 * 1024;
const PAGE_BYTES = 64 * 1024;
/** Numbers in a block. */
export const BLOCK_CELLS = (BLOCK_BYTES - PAGE_BYTES) / Float64Array.BYTES_PER_ELEMENT;

const HEADER_BYTES = 64 * 1024;
/** Words of the header: how often a worker's row was moved to the common one; odd while that goes on. */
const MOVES_AT = 0;
/** One more than the highest slot that a process has had. */
const SLOTS_AT = 1;
/** Process ids by slot. */
const PIDS_AT = 16;

/** A sum that was disturbed is taken again so often, then it stands as it is: the master may have died meanwhile. */
const SUM_TRIES = 100;

/** What one process has in the memory. */
export interface Block {
  readonly cells: Float64Array;
  readonly page: Uint8Array;
}

/** A process that counts. */
export interface Present {
  readonly slot: number;
  readonly pid: number;
}

export class MetricsMemory {
  readonly fd: number;
  private readonly header: Int32Array;
  private readonly blocks: (Block | undefined)[] = [];

  private constructor(fd: number) {
    this.fd = fd;
    const header = mapMemory(fd, 0, HEADER_BYTES);
    this.header = new Int32Array(header.buffer, header.byteOffset, HEADER_BYTES / Int32Array.BYTES_PER_ELEMENT);
  }

  /** New memory. Throws with the system's words where there is none to be had. */
  static create(): MetricsMemory {
    const fd = createMemoryFile();
    // Room for all blocks there can be: it is address space, not memory.
    resizeMemoryFile(fd, HEADER_BYTES + (MAX_SLOTS + 1) * BLOCK_BYTES);
    return new MetricsMemory(fd);
  }

  /** Memory that another process has made. */
  static attach(fd: number): MetricsMemory {
    return new MetricsMemory(fd);
  }

  close(): void {
    closeMemoryFile(this.fd);
  }

  /** What ended workers have counted, and the master itself. */
  get common(): Block {
    return this.map(0);
  }

  /** The block of a worker, by its slot. */
  block(slot: number): Block {
    return this.map(slot + 1);
  }

  private map(index: number): Block {
    let block = this.blocks[index];
    if (block === undefined) {
      const memory = mapMemory(this.fd, HEADER_BYTES + index * BLOCK_BYTES, BLOCK_BYTES);
      const { buffer, byteOffset } = memory;
      const cells = new Float64Array(buffer, byteOffset, BLOCK_CELLS);
      const page = new Uint8Array(buffer, byteOffset + cells.byteLength, PAGE_BYTES);
      block = { cells, page };
      this.blocks[index] = block;
    }
    return block;
  }

  // Who counts

  /** The process with this slot begins to count. */
  enter(slot: number, pid: number): void {
    Atomics.store(this.header, PIDS_AT + slot, pid);
    // Two that begin at once may forget one another here: the greater comes again.
    while (Atomics.load(this.header, SLOTS_AT) <= slot) Atomics.store(this.header, SLOTS_AT, slot + 1);
  }

  /** Slots of the processes that count, with their ids. */
  present(): Present[] {
    const out: Present[] = [];
    const slots = Atomics.load(this.header, SLOTS_AT);
    for (let slot = 0; slot < slots; slot++) {
      const pid = Atomics.load(this.header, PIDS_AT + slot);
      if (pid !== 0) out.push({ slot, pid });
    }
    return out;
  }

  /** A process has ended: `move` takes what it counted to the common block, and clears its own. For the master. */
  leave(slot: number, move: (from: Float64Array, to: Float64Array) => void): void {
    const { header } = this;
    Atomics.add(header, MOVES_AT, 1);
    const block = this.block(slot);
    move(block.cells, this.common.cells);
    block.page.fill(0);
    Atomics.store(header, PIDS_AT + slot, 0);
    Atomics.add(header, MOVES_AT, 1);
  }

  /** The first `length` numbers of all processes, added up: nothing is missing in it and nothing twice. */
  sum(length: number): Float64Array {
    const total = new Float64Array(length);
    for (let tries = 1; ; tries++) {
      const moves = Atomics.load(this.header, MOVES_AT);
      total.set(this.common.cells.subarray(0, length));
      for (const { slot } of this.present()) {
        const { cells } = this.block(slot);
        for (let i = 0; i < length; i++) total[i]! += cells[i]!;
      }
      const undisturbed = (moves & 1) === 0 && Atomics.load(this.header, MOVES_AT) === moves;
      if (undisturbed || tries === SUM_TRIES) return total;
      yieldProcessor();
    }
  }

  /** As `sum`, of one number. */
  sumOf(cell: number): number {
    let total = this.common.cells[cell]!;
    for (const { slot } of this.present()) total += this.block(slot).cells[cell]!;
    return total;
  }
}
