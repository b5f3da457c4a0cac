// A client of the ws package that does nothing but answer pings. Argument: URL. Writes a line for each of them.
import WebSocket from "ws";

const socket = new WebSocket(process.argv[2]);
let pings = 0;
socket.on("ping", () => {
  pings++;
  console.log(JSON.stringify({ pings }));
});
socket.on("error", () => {});
