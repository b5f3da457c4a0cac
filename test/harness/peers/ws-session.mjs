// One WebSocket session of the ws package. Arguments: URL, then JSON of { steps, protocols, headers, deflate, ca } (a
// file of authorities for wss), address } (where the URL's host is). Writes one line: what happened, in order.
// Steps: { send: text }, { sendBytes: n } (binary, comes back unchanged), { ping: text }, { waitPings: n },
// { close: code, reason }, { waitClose: true }.
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import WebSocket from "ws";

const [url, json] = process.argv.slice(2);
const { steps, protocols = [], headers = {}, deflate = false, ca, address } = JSON.parse(json);

const events = [];
const queue = [];
let wake = () => {};
let pings = 0;

const socket = new WebSocket(url, protocols, {
  headers,
  perMessageDeflate: deflate,
  maxPayload: 64 * 1024 * 1024,
  ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
  ...(address === undefined ? {} : { lookup: (_name, _options, found) => found(null, [{ address, family: 4 }]) }),
});
const happened = (event) => {
  queue.push(event);
  wake();
};
socket.on("upgrade", (response) => events.push({ upgraded: response.statusCode, headers: response.headers }));
socket.on("unexpected-response", (_, response) => {
  let body = "";
  response.setEncoding("latin1");
  response.on("data", (chunk) => {
    body += chunk;
  });
  response.on("end", () => happened({ refused: response.statusCode, body }));
});
socket.on("open", () => happened({ open: socket.protocol, extensions: socket.extensions }));
socket.on("message", (data, binary) =>
  happened(
    binary ? { bytes: data.length, sha1: createHash("sha1").update(data).digest("hex") } : { text: data.toString() },
  ),
);
socket.on("pong", (data) => happened({ pong: data.toString() }));
socket.on("ping", () => {
  pings++;
  wake();
});
socket.on("close", (code, reason) => happened({ closed: code, reason: reason.toString() }));
socket.on("error", () => {});

async function next() {
  while (queue.length === 0) {
    await new Promise((resolve) => {
      wake = resolve;
    });
  }
  const event = queue.shift();
  events.push(event);
  return event;
}

const ended = (event) => event.closed !== undefined || event.refused !== undefined;

async function run() {
  if (ended(await next())) return;
  for (const step of steps) {
    if (step.send !== undefined) socket.send(step.send);
    else if (step.sendBytes !== undefined) {
      const bytes = randomBytes(step.sendBytes);
      events.push({ sent: bytes.length, sha1: createHash("sha1").update(bytes).digest("hex") });
      socket.send(bytes);
    } else if (step.ping !== undefined) socket.ping(step.ping);
    else if (step.waitPings !== undefined) {
      while (pings < step.waitPings && queue.length === 0) {
        await new Promise((resolve) => {
          wake = resolve;
        });
      }
      events.push({ pings: Math.min(pings, step.waitPings) });
      continue;
    } else if (step.close !== undefined) socket.close(step.close, step.reason);
    if (ended(await next())) return;
  }
}

await run();
console.log(JSON.stringify(events));
process.exit(0);
