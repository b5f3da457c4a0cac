// socket.io clients. Arguments: URL, then JSON of [{ localAddress, transports }]. All connect in turn, then all talk.
// Writes one line with what each saw; keeps the connections until its stdin ends, then writes a last line.
import { Agent } from "node:http";
import { io } from "socket.io-client";

const LIMIT_MS = 30_000;
const [url, json] = process.argv.slice(2);
const wanted = JSON.parse(json);

const within = (promise, what) =>
  Promise.race([
    promise,
    new Promise((_, reject) => setTimeout(() => reject(new Error(`no ${what} in ${LIMIT_MS} ms`)), LIMIT_MS).unref()),
  ]);

async function connect({ localAddress, transports }) {
  const agent = new Agent({ keepAlive: true, localAddress });
  const socket = io(url, { transports, forceNew: true, reconnection: false, agent });
  const seen = { localAddress, answers: [], error: undefined };
  const { engine } = socket.io;
  // By the time that socket.io says "connect" the upgrade may be over.
  const settled = new Promise((resolve) => {
    engine.once("open", () => {
      seen.connectedBy = engine.transport.name;
    });
    engine.once("upgrade", resolve);
    engine.once("upgradeError", resolve);
  });
  const connected = new Promise((resolve) => {
    socket.once("connect", resolve);
    socket.once("connect_error", (error) => {
      seen.error = error.message;
      resolve();
    });
    socket.once("disconnect", (reason) => {
      seen.error = reason;
      resolve();
    });
  });
  await within(connected, "connection");
  if (!socket.connected) return { socket, seen };
  seen.engineId = engine.id;
  const ask = async () => seen.answers.push(await within(socket.emitWithAck("whoami"), "answer"));
  if (transports.length > 1) {
    await ask();
    await within(settled, "upgrade");
  }
  await ask();
  return { socket, seen };
}

async function talk({ socket, seen }) {
  if (!socket.connected) return;
  const text = "täxt ".repeat(20_000);
  seen.textCameBack = (await within(socket.emitWithAck("echo", text), "text")) === text;
  const bytes = Buffer.alloc(300_000, 7);
  seen.bytesCameBack = bytes.equals(await within(socket.emitWithAck("echo", bytes), "bytes"));
  seen.answers.push(await within(socket.emitWithAck("whoami"), "answer"));
  seen.transport = socket.io.engine.transport.name;
}

const clients = [];
for (const one of wanted) clients.push(await connect(one));
for (const client of clients) await talk(client);
console.log(JSON.stringify(clients.map(({ seen }) => seen)));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
