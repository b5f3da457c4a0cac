/** A TLS client that takes sessions along and brings them back, one connection for each request. */
import { createSecureContext, type SecureVersion } from "node:tls";
import type { Socket } from "bun";

/** What a connection came to. */
export interface SessionAnswer {
  /** The response. */
  readonly text: string;
  /** To be brought along next time; undefined where none was given. */
  readonly session: Uint8Array | undefined;
  /** What the client itself found. */
  readonly reused: boolean;
}

/** How the client speaks. */
export interface SessionWishes {
  readonly version: "TLSv1.2" | "TLSv1.3";
  readonly session?: Uint8Array;
  /** Sent in the clear before the handshake. */
  readonly before?: string;
}

const context = (version: SecureVersion): unknown =>
  createSecureContext({ minVersion: version, maxVersion: version }).context;
/** Made once: they take longer than handshakes. */
const CONTEXTS = { "TLSv1.2": context("TLSv1.2"), "TLSv1.3": context("TLSv1.3") } as const;

/** What Bun's sockets can do beyond their types (src/net/tls-bun.ts). */
interface SessionSocket {
  setSession(session: Uint8Array): void;
  isSessionReused(): boolean;
  write(text: string): number;
}

interface TlsHalf {
  upgradeTLS(options: object): [raw: unknown, tls: SessionSocket];
}

/** Sends a request that the server closes the connection after, and reads to the end. Rejects where there is no answer. */
export function askWithSession(port: number, request: string, wishes: SessionWishes): Promise<SessionAnswer> {
  const { version, session: brought, before = "" } = wishes;
  return new Promise((resolve, reject) => {
    let text = "";
    let session: Uint8Array | undefined;
    let reused = false;
    const handlers = {
      open(socket: SessionSocket) {
        if (brought !== undefined) socket.setSession(brought);
      },
      handshake(socket: SessionSocket) {
        reused = socket.isSessionReused();
        socket.write(request);
      },
      session(_socket: SessionSocket, given: Uint8Array) {
        session = given;
      },
      data(_socket: SessionSocket, bytes: Buffer) {
        text += bytes.latin1Slice();
      },
      close() {
        if (text === "") reject(new Error("closed without an answer"));
        else resolve({ text, session, reused });
      },
      error() {},
    };
    const tls = { rejectUnauthorized: false, secureContext: CONTEXTS[version] };
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open(socket: Socket<undefined>) {
          if (before !== "") socket.write(before);
          (socket as unknown as TlsHalf).upgradeTLS({ tls, socket: handlers, data: undefined });
        },
        data() {},
        error() {},
      },
      data: undefined,
    }).catch(reject);
  });
}
