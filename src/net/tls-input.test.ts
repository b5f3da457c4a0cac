import { expect, test } from "bun:test";
import type { SocketOwner } from "./socket.ts";
import { TlsInput } from "./tls-input.ts";

/** Keeps what it is given; `during` runs inside the call. */
class Owner implements SocketOwner {
  text = "";
  calls = 0;
  during: () => void = () => {};
  onData(buffer: Buffer, length: number): void {
    this.text += buffer.latin1Slice(0, length);
    this.calls++;
    this.during();
  }
  onDrain(): void {}
  onEnd(): void {}
  onClose(): void {}
}

const large = (char: string): Buffer => Buffer.alloc(300_000, char);

test("what is larger than the receive buffer comes in parts", () => {
  const [input, data] = [new TlsInput(), new Owner()];
  input.add(large("a"));
  input.passTo({ data }, false);
  expect([data.text, data.calls, input.waiting]).toEqual(["a".repeat(300_000), 3, false]);
});

test("an owner that pauses gets the rest later, with what has come behind it", () => {
  const [input, data] = [new TlsInput(), new Owner()];
  data.during = () => {
    input.paused = true;
  };
  input.add(large("a"));
  input.passTo({ data }, false);
  expect([data.calls, input.waiting]).toEqual([1, true]);
  input.add(Buffer.from("b"));
  input.passTo({ data }, false);
  expect(data.calls).toBe(1);
  data.during = () => {};
  input.paused = false;
  input.passTo({ data }, false);
  expect(data.text).toBe(`${"a".repeat(300_000)}b`);
});

test("all of it at the end, paused or not", () => {
  const [input, data] = [new TlsInput(), new Owner()];
  input.paused = true;
  input.add(Buffer.from("abc"));
  input.passTo({ data }, true);
  expect([data.text, input.waiting]).toEqual(["abc", false]);
});

test("nothing more to an owner that has closed", () => {
  const [input, data] = [new TlsInput(), new Owner()];
  data.during = () => input.clear();
  input.add(large("a"));
  input.passTo({ data }, false);
  expect([data.calls, input.waiting]).toEqual([1, false]);
  data.during = () => {};
  input.add(Buffer.from("later"));
  input.passTo({ data }, false);
  expect(data.text.endsWith("alater")).toBe(true);
});

test("an owner that changes in between", () => {
  const [input, first, second] = [new TlsInput(), new Owner(), new Owner()];
  const socket: { data: SocketOwner } = { data: first };
  first.during = () => {
    socket.data = second;
  };
  input.add(large("a"));
  input.passTo(socket, false);
  expect(first.text.length + second.text.length).toBe(300_000);
  expect([first.calls, second.calls]).toEqual([1, 2]);
});
