/** Parts of configurations that rows share. */
import type { BackendHabits } from "../strict-backend.ts";

/** What a location of WebSockets has. */
export const LINES = `proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;`;
export const TO_BACKEND = "proxy_pass http://127.0.0.1:{backend};";

/** A server with one location. */
export function location(name: string, ...lines: readonly string[]): string {
  return server(`location ${name} {\n      ${lines.join("\n      ")}\n    }`);
}

/** A server for example.com on the port under test. */
export function server(...parts: readonly string[]): string {
  return `  server {\n    listen 127.0.0.1:{port};\n    server_name example.com;\n    ${parts.join("\n    ")}\n  }`;
}

/** The map that most people copy, with what plain requests need. */
export const MAP = "  map $http_upgrade $connection_upgrade { default upgrade; '' close; }\n";
/** Lines that tunnels never meet. */
export const NO_EFFECT = "proxy_buffering off; client_max_body_size 1; gzip on; keepalive_timeout 1h;";
/** An application with Socket.IO at its usual path. */
export const SOCKET_IO: BackendHabits = { path: "/socket.io/" };
/** What Socket.IO asks for first. */
export const POLLING = "/socket.io/?EIO=4&transport=polling";
/** TLS in front of the backend; whoever does not say its name is turned away. */
export const TLS_SITE = `  server { listen 127.0.0.1:{tls} ssl default_server; ssl_reject_handshake on; }
  server {
    listen 127.0.0.1:{tls} ssl;
    server_name vendor.example.com 127.0.0.1;
    ssl_certificate {root}/example.com.crt;
    ssl_certificate_key {root}/example.com.key;
    location / {
      ${TO_BACKEND}
      ${LINES}
    }
  }
`;
