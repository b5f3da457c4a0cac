import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { hasOpenssl, makeCertificate } from "../../test/harness/certificates.ts";
import { makeTempDir, removeTempDir } from "../../test/harness/temp-dir.ts";

const folder = makeTempDir();
afterAll(() => removeTempDir(folder));

function startServer(): Bun.Subprocess<"ignore", "pipe", "inherit"> {
  const { certificate, key } = makeCertificate(folder, "server");
  return Bun.spawn({
    cmd: [process.execPath, join(import.meta.dir, "tls-echo-fixture.ts"), certificate, key],
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream) {
    text += Buffer.from(chunk).latin1Slice();
    if (text.includes("\n")) break;
  }
  return text.trim();
}

/** Made once: they take longer than handshakes, and would keep the connections apart. */
const { context: secureContext } = createSecureContext();
const tls = { rejectUnauthorized: false, secureContext };

function echoed(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = {
      handshake: (connected: Bun.Socket) => void connected.write(text),
      data(connected: Bun.Socket, bytes: Buffer) {
        resolve(bytes.latin1Slice());
        connected.end();
      },
      error: (_: Bun.Socket, error: Error) => reject(error),
    };
    Bun.connect({ hostname: "127.0.0.1", port, tls, socket }).catch(reject);
  });
}

test.skipIf(!hasOpenssl)("handshakes at once do not wait for the loop to wake by itself", async () => {
  const server = startServer();
  try {
    const port = Number(await firstLine(server.stdout));
    // More than Bun takes in one round of its loop.
    const texts = Array.from({ length: 40 }, (_, i) => `hello ${i}`);
    for (let round = 0; round < 5; round++) {
      expect(await Promise.all(texts.map((text) => echoed(port, text)))).toEqual(texts);
    }
  } finally {
    server.kill();
    await server.exited;
  }
});

/** Undocumented: setting it sends the acknowledgement that is due, and it reads 0 where one has been put off. */
test.skipIf(!hasOpenssl)("the end of the client's handshake is acknowledged at once", async () => {
  const server = startServer();
  try {
    const port = Number(await firstLine(server.stdout));
    expect(await echoed(port, "TCP_QUICKACK")).toBe("1");
  } finally {
    server.kill();
    await server.exited;
  }
});
