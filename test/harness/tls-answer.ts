/** What a TLS server answers first to bytes that are sent to it. */

export type TlsAnswer =
  | { readonly suite: number; readonly version: number }
  | { readonly alert: number }
  | "closed"
  | "something else";

const ALERT_RECORD = 21;
const HANDSHAKE_RECORD = 22;
const SERVER_HELLO = 2;
const RECORD_HEAD_BYTES = 5;
/** Record and message head, version and random number before the session's id. */
const SESSION_ID_AT = RECORD_HEAD_BYTES + 4 + 2 + 32;

/** Sends the bytes to a port of 127.0.0.1, in pieces where there are several; reads one record, and resets the connection. */
export function tlsAnswer(port: number, ...pieces: readonly Uint8Array[]): Promise<TlsAnswer> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const handlers = {
      data(socket: Bun.Socket, bytes: Buffer) {
        received = Buffer.concat([received, bytes]);
        const answer = readAnswer(received);
        if (answer === undefined) return;
        resolve(answer);
        socket.terminate();
      },
      close: () => resolve("closed"),
      error: () => resolve("closed"),
    };
    Bun.connect({ hostname: "127.0.0.1", port, socket: handlers })
      .then(async (socket) => {
        for (const piece of pieces) {
          socket.write(piece);
          socket.flush();
          if (pieces.length > 1) await Bun.sleep(1);
        }
      })
      .catch(reject);
  });
}

function readAnswer(bytes: Buffer): TlsAnswer | undefined {
  if (bytes.length < RECORD_HEAD_BYTES || bytes.length < RECORD_HEAD_BYTES + bytes.readUInt16BE(3)) return undefined;
  if (bytes[0] === ALERT_RECORD) return { alert: bytes[RECORD_HEAD_BYTES + 1] ?? -1 };
  if (bytes[0] !== HANDSHAKE_RECORD || bytes[RECORD_HEAD_BYTES] !== SERVER_HELLO) return "something else";
  const suiteAt = SESSION_ID_AT + 1 + (bytes[SESSION_ID_AT] ?? 0);
  return { suite: bytes.readUInt16BE(suiteAt), version: bytes.readUInt16BE(RECORD_HEAD_BYTES + 4) };
}
