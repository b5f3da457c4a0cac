/** The receiver of the `ws` package, as a second opinion for tests. */
import type { Writable } from "node:stream";
import type { Side } from "./frame-fixture.ts";

interface WsReceiver extends Writable {
  readonly _maxPayload: number;
}

/** An extension as the package makes it. */
interface WsDeflate {
  accept(offers: readonly object[]): void;
}

interface ReceiverOptions {
  readonly isServer: boolean;
  readonly maxPayload: number;
  readonly extensions: Readonly<Record<string, WsDeflate>>;
}

/** By their files: "ws" itself is Bun's own. */
const receiverFile = "../../node_modules/ws/lib/receiver.js";
const deflateFile = "../../node_modules/ws/lib/permessage-deflate.js";
const { default: Receiver } = (await import(receiverFile)) as {
  default: new (options: ReceiverOptions) => WsReceiver;
};
const { default: Deflate } = (await import(deflateFile)) as {
  default: new (options: object, isServer: boolean, maxPayload: number) => WsDeflate;
};

/** What became of a stream. */
export interface Outcome {
  /** Lengths of whole messages, decompressed. */
  readonly messages: readonly number[];
  /** 0: none came. */
  readonly closeCode: number;
  /** 0: nothing wrong. */
  readonly refused: number;
}

function statusOf(error: object | null): number {
  if (error === null) return 0;
  for (const key of Object.getOwnPropertySymbols(error)) {
    if (key.description === "status-code") return Number(Reflect.get(error, key));
  }
  return 0;
}

/** What the package makes of what a side has sent, in these pieces. `deflate`: permessage-deflate was agreed on. */
export async function byWs(
  pieces: readonly Buffer[],
  from: Side,
  maxPayload: number,
  deflate: boolean,
): Promise<Outcome> {
  const extension = new Deflate({}, from === "client", maxPayload);
  extension.accept([{}]);
  const extensions = deflate ? { "permessage-deflate": extension } : {};
  const receiver = new Receiver({ isServer: from === "client", maxPayload, extensions });
  const messages: number[] = [];
  let closeCode = 0;
  let refused = 0;
  receiver.on("message", (data: Buffer) => messages.push(data.length));
  receiver.on("conclude", (code: number) => {
    closeCode = code;
  });
  receiver.on("error", (error: object) => {
    refused = statusOf(error);
  });
  for (const piece of pieces) {
    // Nothing is asked of it any more once it has ended.
    if (receiver.destroyed || refused !== 0 || closeCode !== 0) break;
    await new Promise<void>((resolve) => {
      receiver.once("close", resolve);
      receiver.write(piece, () => {
        receiver.off("close", resolve);
        resolve();
      });
    });
  }
  return { messages, closeCode, refused: refused || statusOf(receiver.errored) };
}
