/** The chat's backend: serves the page and passes each message on to everybody. Runs on Node with the `ws` package. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";

const HOST = "127.0.0.1";
const PORT = Number(process.env.PORT || 8081);
const PING_INTERVAL_MS = 25_000;
/** A chat line; anything longer is not one. */
const MAX_MESSAGE_BYTES = 4096;

const folder = join(dirname(fileURLToPath(import.meta.url)), "public");
const pages = new Map([
  ["/", ["text/html; charset=utf-8", readFileSync(join(folder, "index.html"))]],
  ["/chat.css", ["text/css; charset=utf-8", readFileSync(join(folder, "chat.css"))]],
  ["/chat.js", ["text/javascript; charset=utf-8", readFileSync(join(folder, "chat.js"))]],
]);

const server = createServer((request, response) => {
  const page = pages.get(new URL(request.url ?? "/", "http://chat").pathname);
  if (page === undefined) {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("not found\n");
    return;
  }
  response.writeHead(200, { "Content-Type": page[0], "Content-Length": page[1].length }).end(page[1]);
});

const sockets = new WebSocketServer({ server, path: "/ws/chat", maxPayload: MAX_MESSAGE_BYTES });
let guests = 0;

function tellEverybody(message) {
  const text = JSON.stringify(message);
  for (const socket of sockets.clients) socket.send(text);
}

sockets.on("connection", (socket, request) => {
  const name = `guest ${++guests}`;
  const seen = {};
  for (const header of ["host", "x-forwarded-for", "x-gateway", "upgrade", "connection"]) {
    seen[header] = request.headers[header] ?? "";
  }
  socket.send(JSON.stringify({ type: "welcome", name, seen, backend: `${HOST}:${PORT}` }));
  tellEverybody({ type: "presence", who: name, text: `${name} came in`, count: sockets.clients.size });
  socket.on("message", (data) => tellEverybody({ type: "message", from: name, text: data.toString() }));
  socket.on("close", () =>
    tellEverybody({ type: "presence", who: name, text: `${name} left`, count: sockets.clients.size }),
  );
  socket.on("error", () => {});
});

const pings = setInterval(() => {
  for (const socket of sockets.clients) socket.ping();
}, PING_INTERVAL_MS);

server.on("error", (error) => {
  console.error(`chat backend: ${error.message}`);
  process.exit(1);
});
server.listen(PORT, HOST);

process.on("SIGTERM", () => {
  clearInterval(pings);
  for (const socket of sockets.clients) socket.close(1001, "the server is going away");
  server.close(() => process.exit(0));
  setTimeout(() => process.exit(0), 500).unref();
});
