/** proxy_method: what the upstream was asked for decides where its answer ends, not what the client asked for. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Socket, TCPSocketListener } from "bun";
import { get, request } from "../differential/case.ts";
import { exchange, WAIT_END } from "../harness/exchange.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";

/** What a body must not be taken for. */
const FORGED = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";

const port = freePort();
let backend: TCPSocketListener<undefined>;
let gateway: Gateway;
/** Connections that still owe the body that they have announced. */
const owing = new Set<Socket>();

beforeAll(async () => {
  backend = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, chunk) {
        if (owing.delete(socket)) socket.write(FORGED);
        if (chunk.includes(" /late ")) {
          owing.add(socket);
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${FORGED.length}\r\n\r\n`);
        } else if (chunk.includes("HEAD ")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright");
      },
    },
  });
  gateway = await startHopway(`{main}
error_log {prefix}/error.log;
events { }
http {
  {temp_paths}
  access_log off;
  upstream kept { server 127.0.0.1:${backend.port}; keepalive 4; }
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://kept; }
    location /late { proxy_method GET; proxy_pass http://kept; }
    location /head { proxy_method HEAD; proxy_pass http://kept; }
  }
}
`);
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  backend.stop(true);
});

test("HEAD that became GET: the body that comes later is not the next request's answer", async () => {
  const steps = [request("HEAD", "/late"), { waitResponses: 1 }, get("/"), { waitResponses: 2 }];
  const { received } = await exchange(port, steps, [0]);
  expect(received).toEndWith("\r\n\r\nright");
  expect(received).not.toContain("forged");
});

test("GET that became HEAD: the answer is over with its head, and the client is not left waiting", async () => {
  const { received } = await exchange(port, [get("/head"), WAIT_END]);
  expect(received).toStartWith("HTTP/1.1 200 OK\r\n");
  expect(received).toContain("Connection: close\r\n");
  expect(received).toEndWith("\r\n\r\n");
});
