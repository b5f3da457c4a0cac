import { expect, test } from "bun:test";
import fc from "fast-check";
import { holds } from "../../test/harness/property.ts";
import type { BunTlsSocket } from "./tls-bun.ts";
import { MAX_RECORD_BYTES } from "./tls-context.ts";
import { TlsOutput } from "./tls-output.ts";

/** BoringSSL before a kernel with room for some records. */
class Records {
  sent = "";
  closed = false;
  private room = 0;
  private begun: Uint8Array | undefined = undefined;

  makeRoom(records: number): void {
    this.room += records;
  }

  write(bytes: Uint8Array, offset: number, length: number): number {
    if (this.closed) return -1;
    const offered = Buffer.from(bytes.subarray(offset, offset + length));
    if (this.begun !== undefined) {
      // SSL_R_BAD_WRITE_RETRY: the record was made of these bytes.
      expect(Buffer.compare(offered.subarray(0, this.begun.length), this.begun)).toBe(0);
    }
    let taken = 0;
    while (taken < offered.length) {
      const record = this.begun ?? offered.subarray(taken, taken + MAX_RECORD_BYTES);
      if (this.room === 0) {
        this.begun = Buffer.from(record);
        break;
      }
      this.room--;
      this.begun = undefined;
      this.sent += Buffer.from(record).latin1Slice();
      taken += record.length;
    }
    return taken;
  }
}

const socketOf = (records: Records): BunTlsSocket => records as unknown as BunTlsSocket;

test("whatever is written in whatever pieces goes out once, in order", () => {
  const step = fc.record({
    room: fc.nat({ max: 3 }),
    // How much of what is left is offered, and how much is new.
    offered: fc.nat({ max: 40_000 }),
    added: fc.nat({ max: 40_000 }),
  });
  holds(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const records = new Records();
      const output = new TlsOutput();
      let all = "";
      let queue = Buffer.alloc(0);
      for (const { room, offered, added } of steps) {
        const fresh = Buffer.from(Array.from({ length: added }, (_, i) => (all.length + i) * 31));
        all += fresh.latin1Slice();
        queue = Buffer.concat([queue, fresh]);
        records.makeRoom(room);
        const length = Math.min(offered, queue.length);
        const taken = output.write(socketOf(records), Buffer.from(queue), length);
        expect(taken).toBeLessThanOrEqual(length);
        queue = queue.subarray(taken);
      }
      records.makeRoom(1000);
      while (queue.length > 0) queue = queue.subarray(output.write(socketOf(records), queue, queue.length));
      expect(records.sent).toBe(all);
    }),
    200,
  );
});

test("a socket that is closed takes nothing", () => {
  const records = new Records();
  const output = new TlsOutput();
  expect(output.write(socketOf(records), Buffer.from("ab"), 2)).toBe(0);
  expect(output.full).toBe(true);
  records.closed = true;
  expect(output.write(socketOf(records), Buffer.from("ab"), 2)).toBe(-1);
});
