/**
 * TLS connections that go to the worker whose tickets they bring, with what was read of them. Where that is not possible
 * now, nothing is lost but the resumption: the worker that has the connection goes on with it.
 */
import type { Connection } from "../http/connection.ts";
import type { ProxyHeader } from "../http/proxy-protocol.ts";
import { takeAccepted } from "../net/acceptor.ts";
import { inetAddress } from "../net/address.ts";
import { type NeighbourOwner, Neighbours, type WorkerName } from "../net/neighbours.ts";
import { PlainSocket } from "../net/plain-socket.ts";
import type { SocketOwner } from "../net/socket.ts";
import type { TlsContext } from "../net/tls-context.ts";

/** Who serves the connections that others have accepted. */
export interface HandoverHost {
  /** Makes the connection; `address` of the listening socket. Undefined where nobody listens there any more. */
  comeIn(socket: PlainSocket, address: string): Connection | undefined;
  /** There are as many connections as there may be. */
  onFull(): void;
}

/** What goes with the descriptor and the bytes. */
interface Note {
  /** Of the listening socket. */
  readonly address: string;
  /** The client's address and port; "" on a unix socket. */
  readonly host: string;
  readonly port: number;
  readonly proxyHeader: ProxyHeader | undefined;
}

const NOBODY: SocketOwner = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };

export class Handover implements NeighbourOwner {
  private readonly neighbours: Neighbours;
  private readonly owner: HandoverHost;

  /** `receiving`: the descriptor over which the others hand over. */
  constructor(self: WorkerName, receiving: number, owner: HandoverHost) {
    this.owner = owner;
    this.neighbours = new Neighbours(self, receiving, this);
  }

  add(other: WorkerName, channel: number): void {
    this.neighbours.add(other, channel);
  }

  uses(context: TlsContext): void {
    this.neighbours.uses(context);
  }

  /** Gives a connection away that has said hello in these bytes; false where it stays. */
  give(connection: Connection, tickets: readonly string[], bytes: Uint8Array): boolean {
    const { socket, binding, proxyHeader } = connection;
    const slot = this.neighbours.ownerOf(tickets);
    if (slot === undefined || binding.closing || !(socket instanceof PlainSocket)) return false;
    const { remoteAddress: host = "", remotePort: port } = socket;
    const note: Note = { address: binding.text, host, port, proxyHeader };
    return socket.giveAway((fd) => this.neighbours.pass(slot, fd, JSON.stringify(note), bytes));
  }

  onPassed(fd: number, text: string, bytes: Buffer): void {
    const { address, host, port, proxyHeader }: Note = JSON.parse(text);
    takeAccepted(fd, host === "" ? undefined : inetAddress(host, port), {
      onAccept: (socket) => {
        const connection = this.owner.comeIn(socket, address);
        if (connection === undefined) {
          socket.end();
          return NOBODY;
        }
        socket.data = connection;
        connection.continueOpening(proxyHeader, bytes);
        return connection;
      },
      onFull: () => this.owner.onFull(),
    });
  }

  leave(): void {
    this.neighbours.leave();
  }
}
