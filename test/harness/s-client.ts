/** `openssl s_client` as a client of tests: what a TLS server does, seen by another implementation. */

/** A wait that takes this long has failed. */
const LIMIT_MS = 20_000;

/** One connection, asked for a page where there is one. */
export interface SClientReport {
  /** What s_client wrote, on both streams. */
  readonly text: string;
  /** 0 where the handshake went well. */
  readonly code: number;
}

/** A request that the server closes the connection after. */
export const LAST_REQUEST = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/** Makes s_client, of TLS 1.2, begin a handshake anew on a connection that stands; resolves when it has come to an end. */
export async function renegotiate(port: number): Promise<SClientReport> {
  const child = Bun.spawn({
    cmd: ["openssl", "s_client", "-connect", `127.0.0.1:${port}`, "-tls1_2"],
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    timeout: LIMIT_MS,
  });
  // A line of its own with this letter is a command.
  child.stdin.write("R\n");
  child.stdin.flush();
  return await report(child);
}

/**
 * Runs s_client against a port of 127.0.0.1. With a request, the connection is read to its end, tickets included;
 * without, it is closed after the handshake.
 */
export async function sClient(port: number, args: readonly string[], request?: string): Promise<SClientReport> {
  const child = Bun.spawn({
    cmd: [
      "openssl",
      "s_client",
      "-connect",
      `127.0.0.1:${port}`,
      ...args,
      ...(request === undefined ? [] : ["-ign_eof"]),
    ],
    stdin: Buffer.from(request ?? "", "latin1"),
    stdout: "pipe",
    stderr: "pipe",
    timeout: LIMIT_MS,
  });
  return await report(child);
}

async function report(child: {
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  readonly exited: Promise<number>;
}): Promise<SClientReport> {
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).bytes(),
    child.exited,
  ]);
  return { text: Buffer.concat([stdout, stderr]).latin1Slice(), code };
}
