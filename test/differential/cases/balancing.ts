/** Which peer gets which request. One worker on each side, so the order is certain. */
import type { Group } from "../case.ts";
import { get } from "../case.ts";

const times = (
  target: string,
  count: number,
): { readonly name: string; readonly send: string; readonly responses: number } => ({
  name: `${count} times ${target}`,
  send: get(target).repeat(count),
  responses: count,
});
const keys = (
  target: string,
  count: number,
): { readonly name: string; readonly send: string; readonly responses: number } => ({
  name: `${count} keys of ${target}`,
  send: Array.from({ length: count }, (_, i) => get(`${target}?k=key${i}`)).join(""),
  responses: count,
});

export const BALANCING: readonly Group[] = [
  {
    subject: "balancing",
    logFields: "$status $upstream_addr $upstream_status",
    config: `
  upstream round { server 127.0.0.1:{backend}; server 127.0.0.1:{backend2}; server 127.0.0.1:{backend3}; }
  upstream weighted { server 127.0.0.1:{backend} weight=5; server 127.0.0.1:{backend2}; server 127.0.0.1:{backend3} weight=2; }
  upstream backup { server 127.0.0.1:{dead} max_fails=1 fail_timeout=60; server 127.0.0.1:{backend2} backup; server 127.0.0.1:{backend3} backup; }
  upstream downed { server 127.0.0.1:{backend} down; server 127.0.0.1:{backend2}; }
  upstream ip { ip_hash; server 127.0.0.1:{backend}; server 127.0.0.1:{backend2}; server 127.0.0.1:{backend3}; }
  upstream ip-weighted { ip_hash; server 127.0.0.1:{backend} weight=3; server 127.0.0.1:{backend2} weight=2; server 127.0.0.1:{backend3} down; }
  upstream least { least_conn; server 127.0.0.1:{backend}; server 127.0.0.1:{backend2} weight=2; server 127.0.0.1:{backend3}; }
  upstream hashed { hash $arg_k; server 127.0.0.1:{backend}; server 127.0.0.1:{backend2}; server 127.0.0.1:{backend3} weight=2; }
  upstream hashed-down { hash $arg_k; server 127.0.0.1:{backend} down; server 127.0.0.1:{backend2}; server 127.0.0.1:{backend3}; }
  upstream hashed-dead { hash $arg_k; server 127.0.0.1:{dead} max_fails=0; server 127.0.0.1:{backend2}; server 127.0.0.1:{backend3}; }
  upstream single { server 127.0.0.1:{backend}; keepalive 1; }
  upstream conns { server 127.0.0.1:{backend} max_conns=1; server 127.0.0.1:{backend2} backup; }
  server {
    listen {port};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    location /round { proxy_pass http://round; }
    location /weighted { proxy_pass http://weighted; }
    location /backup { proxy_pass http://backup; }
    location /downed { proxy_pass http://downed; }
    location /ip { proxy_pass http://ip; }
    location /ipw { proxy_pass http://ip-weighted; }
    location /least { proxy_pass http://least; }
    location /hashed { proxy_pass http://hashed; }
    location /hdown { proxy_pass http://hashed-down; }
    location /hdead { proxy_pass http://hashed-dead; }
    location /single { proxy_pass http://single; }
    location /conns { proxy_pass http://conns; }
  }`,
    cases: [
      times("/round", 7),
      times("/weighted", 16),
      times("/backup", 5),
      times("/downed", 3),
      times("/ip", 4),
      times("/ipw", 4),
      times("/least", 8),
      times("/single", 3),
      times("/conns", 3),
      keys("/hashed", 24),
      keys("/hdown", 12),
      keys("/hdead", 12),
    ],
  },
];
