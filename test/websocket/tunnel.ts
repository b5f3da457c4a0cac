/** A gateway with a WebSocket location before a backend of the test's choice. */
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";

/** The lines that nginx needs for tunnels. */
export const UPGRADE_LINES =
  'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";';

/** A running gateway whose one server listens on `port` of 127.0.0.1. */
export interface RunningTunnel {
  readonly gateway: Gateway;
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts hopway; `location` holds the directives of `location /`, apart from proxy_pass, `http` those of the http block. */
export async function startTunnel(backendPort: number, location: string, http = ""): Promise<RunningTunnel> {
  const port = freePort();
  const gateway = await startHopway(`
    {main}
    error_log {prefix}/error.log info;
    events {}
    http {
      {temp_paths}
      ${http}
      access_log {prefix}/access.log websocket;
      server {
        listen 127.0.0.1:${port};
        location / { proxy_pass http://127.0.0.1:${backendPort}; ${location} }
      }
    }`);
  return {
    gateway,
    port,
    async stop() {
      await gateway.stop();
      gateway.remove();
    },
  };
}
