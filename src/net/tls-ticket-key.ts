/**
 * The name of the key that a context seals its tickets with. Bun neither tells it nor takes one, but tickets begin with it
 * (RFC 5077 4): the context is made to give us one, in a handshake with ourselves.
 */
import { closeDescriptor } from "./libc.ts";
import { SOCK_STREAM, socketPair } from "./socket-pair.ts";
import { type BunTlsHandlers, type BunTlsSocket, beginBunTls } from "./tls-bun.ts";
import { TICKET_KEY_NAME_BYTES } from "./tls-client-hello.ts";
import { makeTlsContext, PLAIN_TLS, type TlsContext, TlsContextFault } from "./tls-context.ts";
import { derChildren, derContext, readDer } from "./tls-der.ts";

/** Where BoringSSL's SSLSession keeps the ticket (ssl_asn1.cc). */
const TICKET = derContext(10);

const GREETING = Buffer.from("x");

class Handshake {
  readonly tell: (name: string) => void;
  /** The server's end first. */
  ends: readonly (BunTlsSocket | undefined)[] = [];

  constructor(tell: (name: string) => void) {
    this.tell = tell;
  }

  /** BoringSSL keeps the tickets of TLS 1.3 back until the server has something to say. */
  greet(): void {
    this.ends[0]?.write(GREETING, 0, GREETING.length);
  }

  end(): void {
    for (const end of this.ends) end?.close();
    this.ends = [];
  }
}

const handlers: BunTlsHandlers<Handshake> = {
  open() {},
  handshake({ data }) {
    data.greet();
  },
  data({ data }) {
    // The ticket stands before it.
    data.end();
  },
  drain() {},
  end({ data }) {
    data.end();
  },
  close({ data }) {
    data.end();
  },
  error() {},
  session({ data }, session) {
    const name = ticketKeyName(session);
    if (name !== undefined && data.ends.length > 0) data.tell(name);
    data.end();
  },
};

let client: TlsContext | TlsContextFault | undefined;

function clientContext(): TlsContext | TlsContextFault {
  client ??= makeTlsContext(PLAIN_TLS);
  return client;
}

/** Tells the key's name, as latin1, when the handshake is over; nothing where it fails or brings no ticket. */
export function learnTicketKey(context: TlsContext, tell: (name: string) => void): void {
  const own = clientContext();
  if (own instanceof TlsContextFault) return;
  const pair = socketPair(SOCK_STREAM);
  const handshake = new Handshake(tell);
  handshake.ends = [context, own].map(({ native }, i) => {
    const options = { secureContext: native, requestCert: false, rejectUnauthorized: false, serverName: "" } as const;
    const end = beginBunTls(pair[i]!, i === 0, options, handshake, handlers, undefined);
    if (end === undefined) closeDescriptor(pair[i]!);
    return end;
  });
  if (handshake.ends.includes(undefined)) handshake.end();
}

/** The name in the ticket of a session, as Bun gives it. */
function ticketKeyName(session: Uint8Array): string | undefined {
  const whole = readDer(session, 0, session.length);
  if (whole === undefined) return undefined;
  const field = derChildren(session, whole).find(({ tag }) => tag === TICKET);
  const ticket = field === undefined ? undefined : readDer(session, field.from, field.to);
  if (ticket === undefined || ticket.to - ticket.from < TICKET_KEY_NAME_BYTES) return undefined;
  return Buffer.from(session.buffer, session.byteOffset + ticket.from, TICKET_KEY_NAME_BYTES).latin1Slice();
}
