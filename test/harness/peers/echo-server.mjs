// A backend with node:http and ws. HTTP is answered with what it was asked; a WebSocket echoes, and tells its handshake
// to a client that sends "whoami", how many pings it got to one that sends "pings". Arguments: name, then milliseconds
// between its own pings (0: none).
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const [name = "backend", pingMs = "0"] = process.argv.slice(2);

const seen = (request) => ({
  name,
  method: request.method,
  url: request.url,
  httpVersion: request.httpVersion,
  headers: request.headers,
});

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("latin1");
  request.on("data", (chunk) => {
    body += chunk;
  });
  request.on("end", () => {
    const url = new URL(request.url, "http://x");
    const redirect = url.searchParams.get("redirect");
    if (url.pathname.endsWith("/never")) return;
    if (redirect !== null) response.writeHead(302, { Location: redirect });
    else response.writeHead(200, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ ...seen(request), body }));
  });
});

const sockets = new WebSocketServer({
  server,
  handleProtocols: (protocols) => [...protocols][0],
  perMessageDeflate: true,
  maxPayload: 64 * 1024 * 1024,
});
sockets.on("connection", (socket, request) => {
  const close = new URL(request.url, "http://x").searchParams.get("close");
  if (close !== null) socket.close(Number(close), "as asked");
  const pings = Number(pingMs) > 0 ? setInterval(() => socket.ping("still here"), Number(pingMs)) : undefined;
  let pinged = 0;
  socket.on("ping", () => pinged++);
  socket.on("message", (data, binary) => {
    const asked = binary ? "" : data.toString();
    if (asked === "whoami") socket.send(JSON.stringify(seen(request)));
    else if (asked === "pings") socket.send(String(pinged));
    else socket.send(data, { binary });
  });
  socket.on("close", (code, reason) => {
    clearInterval(pings);
    console.log(JSON.stringify({ closed: code, reason: reason.toString() }));
  });
  socket.on("error", () => {});
});

server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
