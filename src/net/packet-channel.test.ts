import { expect, test } from "bun:test";
import { closeSync, existsSync, fstatSync, openSync } from "node:fs";
import { MAX_PACKET_BYTES, type PacketOwner, PacketReceiver, packetChannel, sendPacket } from "./packet-channel.ts";

class Log implements PacketOwner {
  readonly packets: string[] = [];
  readonly inodes: number[] = [];
  onPacket(bytes: Buffer, fd: number): void {
    this.packets.push(bytes.latin1Slice());
    if (fd < 0) return;
    this.inodes.push(fstatSync(fd).ino);
    closeSync(fd);
  }
}

const text = (value: string): Buffer => Buffer.from(value, "latin1");

async function until(done: () => boolean): Promise<void> {
  while (!done()) await Bun.sleep(1);
}

test("packets stay whole and in order, with their descriptors", async () => {
  const [there, here] = packetChannel();
  const log = new Log();
  const receiver = new PacketReceiver(there, log);
  const file = openSync("/proc/self/status", "r");
  expect(sendPacket(here, [text("a"), text(""), text("bc")], -1)).toBe("sent");
  expect(sendPacket(here, [text("d")], file)).toBe("sent");
  expect(sendPacket(here, [text("x".repeat(MAX_PACKET_BYTES))], -1)).toBe("sent");
  expect(sendPacket(here, [text("e")], -1)).toBe("sent");
  await until(() => log.packets.length === 4);
  expect(log.packets).toEqual(["abc", "d", "x".repeat(MAX_PACKET_BYTES), "e"]);
  expect(log.inodes).toEqual([fstatSync(file).ino]);
  closeSync(file);
  receiver.stop();
  closeSync(here);
});

test("too large a packet is not sent", () => {
  const [there, here] = packetChannel();
  expect(sendPacket(here, [text("x".repeat(MAX_PACKET_BYTES)), text("y")], -1)).toBe("full");
  closeSync(here);
  closeSync(there);
});

test("a receiver that is slow is waited for by nobody", () => {
  const [there, here] = packetChannel();
  let sent = 0;
  while (sendPacket(here, [text("x".repeat(1000))], -1) === "sent") sent++;
  expect(sent).toBeGreaterThan(10);
  const log = new Log();
  new PacketReceiver(there, log).stop();
  expect(log.packets).toHaveLength(sent);
  expect(sendPacket(here, [text("x")], -1)).toBe("gone");
  closeSync(here);
});

test("a receiver that has stopped got what was sent before, and gets no more", () => {
  const [there, here] = packetChannel();
  const log = new Log();
  const receiver = new PacketReceiver(there, log);
  expect(sendPacket(here, [text("a")], -1)).toBe("sent");
  receiver.stop();
  expect(log.packets).toEqual(["a"]);
  expect(sendPacket(here, [text("b")], -1)).toBe("gone");
  receiver.stop();
  closeSync(here);
});

test("a receiver without senders rests", async () => {
  const [there, here] = packetChannel();
  const log = new Log();
  new PacketReceiver(there, log);
  expect(sendPacket(here, [text("last")], -1)).toBe("sent");
  closeSync(here);
  await until(() => !existsSync(`/proc/self/fd/${there}`));
  expect(log.packets).toEqual(["last"]);
});
