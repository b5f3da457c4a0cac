/**
 * A TLS server that echoes once and closes, in a process whose loop never wakes by itself: run by tls-socket.test.ts. Asked
 * for TCP_QUICKACK, it tells what that was after the handshake. Arguments: certificate, key. Prints its port.
 */
import { readFileSync } from "node:fs";
import { Acceptor } from "./acceptor.ts";
import { fromSystemAddress, inetAddress, systemAddress } from "./address.ts";
import { setLongestWait } from "./event-loop.ts";
import {
  AF_INET,
  bindSocket,
  IPPROTO_TCP,
  integerOption,
  listenSocket,
  socketName,
  streamSocket,
  TCP_QUICKACK,
} from "./libc.ts";
import type { PlainSocket } from "./plain-socket.ts";
import { makeTlsContext, PLAIN_TLS, type TlsContext, TlsContextFault } from "./tls-context.ts";
import { acceptTls, type TlsOwner, type TlsSocket } from "./tls-socket.ts";

setLongestWait(600_000);

const [certificate = "", key = ""] = process.argv.slice(2);
const context = makeTlsContext({
  ...PLAIN_TLS,
  certificates: [{ chain: readFileSync(certificate, "latin1"), key: readFileSync(key, "latin1") }],
});
if (context instanceof TlsContextFault) throw new Error(context.message);
const served: TlsContext = context;

class Echo implements TlsOwner {
  private readonly plain: PlainSocket;
  private tls: TlsSocket | undefined = undefined;
  private quickAck: number | undefined = undefined;

  constructor(plain: PlainSocket) {
    this.plain = plain;
  }
  onHandshake(): void {
    this.quickAck = integerOption(this.tls?.fd ?? -1, IPPROTO_TCP, TCP_QUICKACK);
  }
  onHandshakeFailed(message: string): void {
    throw new Error(message);
  }
  onData(buffer: Buffer, length: number): void {
    // The ClientHello, read before TLS begins, as the proxy does.
    this.tls ??= acceptTls(this.plain, served, false, this, Buffer.from(buffer.subarray(0, length)));
    if (this.tls.session === undefined) return;
    const asked = buffer.latin1Slice(0, length) === "TCP_QUICKACK";
    const answer = asked ? Buffer.from(String(this.quickAck)) : buffer.subarray(0, length);
    this.tls.write(answer, answer.length);
    // A client that closes would wake the loop.
    this.tls.end();
  }
  onDrain(): void {}
  onEnd(): void {}
  onClose(): void {}
}

const BACKLOG = 512;
const fd = streamSocket(AF_INET);
bindSocket(fd, systemAddress(inetAddress("127.0.0.1", 0)));
listenSocket(fd, BACKLOG);
new Acceptor(
  fd,
  {
    onAccept: (plain) => new Echo(plain),
    onAcceptError(_level, message) {
      throw new Error(message);
    },
    onFull() {},
  },
  false,
  false,
);
console.log(fromSystemAddress(socketName(fd)!)?.port);
