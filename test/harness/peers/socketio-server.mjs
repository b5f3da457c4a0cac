// A socket.io server. Argument: its name. GET /sessions, asked directly, lists which Engine.IO sessions it was asked for,
// and by which transports.
import { createServer } from "node:http";
import { Server } from "socket.io";

const [name = "node"] = process.argv.slice(2);
const sessions = new Map();

const server = createServer((request, response) => {
  if (request.url !== "/sessions") return;
  response.writeHead(200, { "Content-Type": "application/json" });
  response.end(JSON.stringify([...sessions].map(([sid, transports]) => ({ sid, transports: [...transports] }))));
});
const io = new Server(server, { maxHttpBufferSize: 8 * 1024 * 1024 });

function note(request) {
  const query = new URL(request.url, "http://x").searchParams;
  const sid = query.get("sid");
  if (sid === null) return;
  if (!sessions.has(sid)) sessions.set(sid, new Set());
  sessions.get(sid).add(query.get("transport"));
}
server.prependListener("request", note);
server.prependListener("upgrade", note);

io.on("connection", (socket) => {
  socket.on("whoami", (answer) =>
    answer({
      name,
      transport: socket.conn.transport.name,
      forwardedFor: socket.handshake.headers["x-forwarded-for"],
      host: socket.handshake.headers.host,
    }),
  );
  socket.on("echo", (payload, answer) => answer(payload));
});

server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
