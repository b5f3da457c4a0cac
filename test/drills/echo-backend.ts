/** An upstream that answers `GET /echo/TEXT` with its name and TEXT, and echoes WebSocket messages. */

export interface EchoBackend {
  readonly port: number;
  stop(): Promise<void>;
}

export function startEchoBackend(name: string): EchoBackend {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch(request, self) {
      if (self.upgrade(request)) return undefined;
      return new Response(`${name} ${new URL(request.url).pathname.slice("/echo/".length)}`);
    },
    websocket: {
      idleTimeout: 0,
      message(socket, text) {
        socket.send(text);
      },
    },
  });
  return { port: server.port ?? 0, stop: () => server.stop(true) };
}

/** A location of a gateway that passes WebSockets to it. */
export function webSocketLocation({ port }: EchoBackend): string {
  return `location /ws { proxy_pass http://127.0.0.1:${port}; proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }`;
}
