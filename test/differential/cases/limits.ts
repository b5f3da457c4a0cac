/**
 * limit_req and limit_conn. Rates are of one request a minute, so that the time between requests does not count; a request
 * that holds a limit while another comes is one that is proxied to this very server. Each case has its own keys.
 */
import type { Case, Group } from "../case.ts";
import { get, request } from "../case.ts";

/** The same request several times on one connection. */
function times(target: string, count: number): Case {
  return { name: `${count} times ${target}`, send: get(target).repeat(count), responses: count };
}

function all(name: string, ...targets: readonly string[]): Case {
  return { name, send: targets.map((target) => get(target)).join(""), responses: targets.length };
}

const REQ_STATUS = "add_header X-Req $limit_req_status always;";
const CONN_STATUS = "add_header X-Conn $limit_conn_status always;";
const FILES = { ok: "ok\n", "in/ok": "in\n" };

const requests: Group = {
  subject: "limit_req",
  errorLog: "info",
  files: FILES,
  logFields: '$status "$request" $limit_req_status $limit_conn_status',
  config: `
  limit_req_zone $arg_k zone=one:1m rate=1r/m;
  limit_req_zone $arg_k$arg_j zone=two:1m rate=2r/m;
  limit_req_zone $arg_j zone=three:64k rate=1r/m;
  limit_req_zone "$arg_k $uri" zone=uri:64k rate=1r/m;
  limit_req_zone $arg_k zone=reordered:64k rate=1r/m;
  limit_req_zone $http_long zone=long:1m rate=1r/m;
  limit_req_zone same rate=1r/m zone=constant:64k;
  limit_req_zone $binary_remote_addr zone=fast:64k rate=100000r/s;
  large_client_header_buffers 4 100k;
  root {root};
  proxy_http_version 1.0;
  proxy_set_header Connection close;
  ${REQ_STATUS}
  server {
    listen {port};
    location / { limit_req zone=one; try_files /ok =404; }
    location /none { try_files /ok =404; }
    location /burst { limit_req zone=one burst=2 nodelay; try_files /ok =404; }
    location /reordered { limit_req nodelay burst=2 zone=reordered; try_files /ok =404; }
    location /delay { limit_req zone=one burst=5 delay=2; limit_req_dry_run on; try_files /ok =404; }
    location /nodelay { limit_req zone=one nodelay; try_files /ok =404; }
    location /both { limit_req zone=one burst=1 nodelay; limit_req zone=two burst=2 nodelay; try_files /ok =404; }
    location /both-turned { limit_req zone=two burst=2 nodelay; limit_req zone=one burst=1 nodelay; try_files /ok =404; }
    location /three {
      limit_req zone=one burst=9 nodelay; limit_req zone=two burst=9 nodelay; limit_req zone=three burst=9 nodelay;
      try_files /ok =404;
    }
    location /dry { limit_req zone=one; limit_req_dry_run on; try_files /ok =404; }
    location /dry-burst { limit_req zone=one burst=1; limit_req_dry_run on; try_files /ok =404; }
    location /dry-both {
      limit_req zone=one burst=3 delay=1; limit_req zone=two burst=2; limit_req_dry_run on; try_files /ok =404;
    }
    location /status { limit_req zone=one; limit_req_status 429; try_files /ok =404; }
    location /page { limit_req zone=one; limit_req_status 444; try_files /ok =404; }
    location /error-page { limit_req zone=one; error_page 503 /none; try_files /ok =404; }
    location /error-limited { limit_req zone=one; error_page 503 /burst; try_files /ok =404; }
    location /named { limit_req zone=one; error_page 503 = @slow; try_files /ok =404; }
    location @slow { limit_req zone=one burst=9 nodelay; try_files /in/ok =404; }
    location /level-info { limit_req zone=one burst=1; limit_req_log_level info; limit_req_dry_run on; try_files /ok =404; }
    location /level-notice { limit_req zone=one burst=1; limit_req_log_level notice; limit_req_dry_run on; try_files /ok =404; }
    location /level-warn { limit_req zone=one burst=1; limit_req_log_level warn; limit_req_dry_run on; try_files /ok =404; }
    location /level-error { limit_req zone=one burst=1; limit_req_log_level error; limit_req_dry_run on; try_files /ok =404; }
    location /uri { limit_req zone=uri; try_files /ok =404; }
    location /return { limit_req zone=one; return 200 "returned\\n"; }
    location /long { limit_req zone=long; try_files /ok =404; }
    location /constant { limit_req zone=constant; try_files /ok =404; }
    location /fast { limit_req zone=fast burst=20 nodelay; try_files /ok =404; }
    location /rewritten { limit_req zone=one; rewrite ^ /burst last; }
    location /in/ { limit_req zone=one; index none.html ok; }
    location /if { limit_req zone=one; if ($arg_if) { set $x 1; } try_files /ok =404; }
    location /except { limit_except GET { deny all; } limit_req zone=one; try_files /ok =404; }
    location /proxied { limit_req zone=one; proxy_pass http://127.0.0.1:{backend}; }
    location /denied { limit_req zone=one; deny all; }
  }
  server {
    listen {port2};
    limit_req zone=one;
    limit_req_status 429;
    location / { try_files /ok =404; }
    location /own { limit_req zone=two; try_files /ok =404; }
    location /dry { limit_req_dry_run on; try_files /ok =404; }
    location /same-status { limit_req_status 503; try_files /ok =404; }
  }`,
  cases: [
    times("/?k=a", 3),
    times("/none?k=a", 2),
    times("/", 3),
    times("/burst?k=b", 5),
    times("/reordered?k=b", 5),
    times("/delay?k=c", 8),
    times("/nodelay?k=d", 2),
    times("/both?k=e", 4),
    times("/both-turned?k=f", 4),
    times("/both?j=e1", 4),
    times("/both?k=e2&j=f", 3),
    times("/three?k=g&j=h", 4),
    times("/three?k=g1", 3),
    times("/three?j=g2", 3),
    times("/dry?k=i", 3),
    times("/dry-burst?k=j", 4),
    times("/dry-both?k=k", 5),
    times("/status?k=l", 2),
    { name: "closing status", send: [get("/page?k=m") + get("/page?k=m"), { waitEnd: true }] },
    times("/error-page?k=n", 2),
    times("/error-limited?k=o", 3),
    times("/named?k=p", 4),
    times("/level-info?k=q", 3),
    times("/level-notice?k=r", 3),
    times("/level-warn?k=s", 3),
    times("/level-error?k=t", 3),
    all("a key with the URI", "/uri?k=u", "/uri2?k=u", "/uri?k=u", "/uri2?k=u", "/uri?k=v"),
    times("/return?k=w", 3),
    {
      name: "keys of several lengths",
      send: [1, 15, 16, 17, 76, 77, 300, 5000, 65_535, 65_536]
        .map((length) => get("/long", `Long: ${"x".repeat(length)}`).repeat(2))
        .join(""),
      responses: 20,
    },
    {
      name: "keys that differ at their end",
      send: ["aaa", "aab", "aaa"].map((e) => get("/long", `Long: ${"y".repeat(200)}${e}`)).join(""),
      responses: 3,
    },
    times("/constant", 2),
    times("/fast", 10),
    times("/rewritten?k=x", 4),
    times("/in/?k=y", 2),
    times("/if?k=z&if=1", 2),
    { name: "another method", send: request("HEAD", "/except?k=A"), heads: [0] },
    {
      name: "a method that is excepted",
      send: request("POST", "/except?k=B", "Content-Length: 0") + get("/except?k=B") + get("/except?k=B"),
      responses: 3,
    },
    times("/proxied?k=C", 2),
    times("/denied?k=D", 2),
    all("one zone in several locations", "/?k=E", "/burst?k=E", "/status?k=E", "/burst?k=E"),
    { name: "from the server", to: "port2", send: get("/?k=F").repeat(2), responses: 2 },
    {
      name: "own limit in place of the server's",
      to: "port2",
      send: (get("/own?k=G") + get("/?k=G")).repeat(2),
      responses: 4,
    },
    { name: "dry run by location", to: "port2", send: get("/dry?k=H").repeat(2), responses: 2 },
    { name: "status by location", to: "port2", send: get("/same-status?k=I").repeat(2), responses: 2 },
  ],
};

const delays: Group = {
  subject: "limit_req delays",
  errorLog: "info",
  files: FILES,
  logFields: '$status "$request" $limit_req_status',
  config: `
  limit_req_zone $arg_k zone=slow:1m rate=1r/m;
  root {root};
  ${REQ_STATUS}
  server {
    listen {port};
    location / { limit_req zone=slow burst=3; try_files /ok =404; }
    location /partly { limit_req zone=slow burst=3 delay=1; try_files /ok =404; }
  }`,
  cases: [
    {
      name: "a client that leaves",
      send: [get("/?k=a") + get("/?k=a"), { waitResponses: 1 }, { halfClose: true }, { waitEnd: true }],
    },
    {
      name: "a client that leaves later",
      send: [get("/partly?k=b").repeat(3), { waitResponses: 2 }, { halfClose: true }, { waitEnd: true }],
    },
  ],
};

const connections: Group = {
  subject: "limit_conn",
  errorLog: "info",
  files: FILES,
  logFields: '$status "$request" $limit_req_status $limit_conn_status',
  config: `
  limit_conn_zone $arg_k zone=one:1m;
  limit_conn_zone $arg_k$arg_j zone=two:1m;
  limit_conn_zone $http_long zone=long:1m;
  limit_conn_zone $binary_remote_addr zone=address:1m;
  limit_req_zone $arg_k zone=rate:1m rate=1r/m;
  large_client_header_buffers 4 100k;
  root {root};
  proxy_http_version 1.0;
  proxy_set_header Connection close;
  ${CONN_STATUS}
  # The access log of requests from this server to itself: the kernel may give them the port of a client.
  map $server_port $logged { {port3} 0; default 1; }
  server {
    listen {port};
    listen {port3};
    access_log {prefix}/access.log case if=$logged;
    location / { limit_conn one 1; try_files /ok =404; }
    location /outer/ { limit_conn one 1; proxy_pass http://127.0.0.1:{port3}/; }
    location /two/ { limit_conn one 2; proxy_pass http://127.0.0.1:{port3}/; }
    location /two { limit_conn one 2; try_files /ok =404; }
    location /dry { limit_conn one 1; limit_conn_dry_run on; try_files /ok =404; }
    location /dry/ { limit_conn one 1; limit_conn_dry_run on; proxy_pass http://127.0.0.1:{port3}/; }
    location /status { limit_conn one 1; limit_conn_status 429; try_files /ok =404; }
    location /both/ { limit_conn one 1; limit_conn two 3; proxy_pass http://127.0.0.1:{port3}/; }
    location /both { limit_conn two 3; limit_conn one 1; try_files /ok =404; }
    location /unlimited { try_files /ok =404; }
    location /only-two { limit_conn two 1; try_files /ok =404; }
    location /level-info { limit_conn one 1; limit_conn_log_level info; try_files /ok =404; }
    location /level-notice { limit_conn one 1; limit_conn_log_level notice; try_files /ok =404; }
    location /level-warn { limit_conn one 1; limit_conn_log_level warn; limit_conn_dry_run on; try_files /ok =404; }
    location /error-page { limit_conn one 1; error_page 503 /unlimited; try_files /ok =404; }
    location /error-limited { limit_conn one 1; error_page 503 /two; try_files /ok =404; }
    location /missing { limit_conn one 1; error_page 404 /; try_files /none =404; }
    location /long { limit_conn long 1; try_files /ok =404; }
    location /address { limit_conn address 100; try_files /ok =404; }
    location /rate { limit_conn one 1; limit_req zone=rate; try_files /ok =404; }
    location /return { limit_conn one 1; return 200 "returned\\n"; }
    location /backend { limit_conn one 1; proxy_pass http://127.0.0.1:{backend}; }
    location /lost { limit_conn one 1; proxy_pass http://127.0.0.1:{dead}; }
    location /rewritten { limit_conn one 1; rewrite ^ /two last; }
  }
  server {
    listen {port2};
    limit_conn one 1;
    limit_conn_status 429;
    location / { proxy_pass http://127.0.0.1:{port3}/; }
    location /own { limit_conn two 1; proxy_pass http://127.0.0.1:{port3}/two; }
    location /dry { limit_conn_dry_run on; proxy_pass http://127.0.0.1:{port3}/two; }
  }`,
  cases: [
    times("/?k=a", 3),
    times("/", 2),
    times("/outer/?k=b", 2),
    times("/outer/", 2),
    times("/outer/unlimited?k=c", 2),
    times("/outer/two?k=d", 2),
    times("/two/two/two?k=e", 2),
    times("/two/two/two/two?k=e1", 2),
    times("/outer/dry?k=f", 2),
    times("/dry/dry/dry?k=g", 2),
    times("/outer/dry/?k=h", 2),
    times("/outer/status?k=i", 2),
    times("/both/unlimited?k=j&j=j", 2),
    times("/both/only-two?k=k&j=k", 2),
    times("/both/both?k=l&j=l", 2),
    times("/both/both?j=m", 2),
    times("/outer/level-info?k=n", 2),
    times("/outer/level-notice?k=o", 2),
    times("/outer/level-warn?k=p", 2),
    times("/outer/error-page?k=q", 2),
    times("/outer/error-limited?k=r", 2),
    times("/missing?k=s", 2),
    {
      name: "keys of several lengths",
      send: [1, 20, 21, 76, 77, 255, 256, 5000].map((l) => get("/long", `Long: ${"x".repeat(l)}`).repeat(2)).join(""),
      responses: 16,
    },
    times("/address", 3),
    times("/rate?k=t", 2),
    times("/return?k=u", 2),
    times("/backend?k=v", 2),
    times("/lost?k=w", 2),
    times("/rewritten?k=x", 2),
    { name: "HEAD", send: request("HEAD", "/outer/?k=y"), heads: [0] },
    { name: "from the server", to: "port2", send: get("/?k=z").repeat(2), responses: 2 },
    { name: "from the server, another key inside", to: "port2", send: get("/unlimited?k=A").repeat(2), responses: 2 },
    { name: "own limit in place of the server's", to: "port2", send: get("/own?k=B").repeat(2), responses: 2 },
    { name: "dry run by location", to: "port2", send: get("/dry?k=C").repeat(2), responses: 2 },
  ],
};

const peers: Group = {
  subject: "upstreams with a zone",
  logFields: '$status "$request" $upstream_addr $upstream_status',
  config: `
  upstream round { zone z 64k; server 127.0.0.1:{backend}; server 127.0.0.1:{backend2}; server 127.0.0.1:{backend3}; }
  upstream weighted { zone z; server 127.0.0.1:{backend} weight=5; server 127.0.0.1:{backend2}; server 127.0.0.1:{backend3} weight=2; }
  upstream backup { zone z; server 127.0.0.1:{dead} max_fails=1 fail_timeout=60; server 127.0.0.1:{backend2} backup; }
  upstream failing { server 127.0.0.1:{dead} max_fails=2 fail_timeout=60; server 127.0.0.1:{backend}; zone y 64k; }
  upstream least { least_conn; zone z; server 127.0.0.1:{backend}; server 127.0.0.1:{backend2} weight=2; server 127.0.0.1:{backend3}; }
  upstream hashed { zone z; hash $arg_k; server 127.0.0.1:{backend}; server 127.0.0.1:{backend2}; server 127.0.0.1:{backend3} weight=2; }
  upstream ip { zone z; ip_hash; server 127.0.0.1:{backend}; server 127.0.0.1:{backend2}; server 127.0.0.1:{backend3}; }
  upstream single { zone z; server 127.0.0.1:{backend}; }
  upstream self { zone z; server 127.0.0.1:{port3} max_conns=1; }
  upstream self-backup { zone z; server 127.0.0.1:{port3} max_conns=2; server 127.0.0.1:{backend2} backup; }
  map $server_port $logged { {port3} 0; default 1; }
  server {
    listen {port};
    listen {port3};
    access_log {prefix}/access.log case if=$logged;
    proxy_http_version 1.0;
    proxy_set_header Connection close;
    location /round { proxy_pass http://round; }
    location /weighted { proxy_pass http://weighted; }
    location /backup { proxy_pass http://backup; }
    location /failing { proxy_pass http://failing; }
    location /least { proxy_pass http://least; }
    location /hashed { proxy_pass http://hashed; }
    location /ip { proxy_pass http://ip; }
    location /single { proxy_pass http://single; }
    location /self/ { proxy_pass http://self/; }
    location /self-backup/ { proxy_pass http://self-backup/; }
  }`,
  cases: [
    times("/round", 7),
    times("/weighted", 16),
    times("/backup", 4),
    times("/failing", 6),
    times("/least", 8),
    all("keys of hash", ...Array.from({ length: 12 }, (_, i) => `/hashed?k=key${i}`)),
    times("/ip", 3),
    times("/single", 2),
    // Each request holds its server while the next one, inside it, asks for one.
    times("/self/single", 2),
    times("/self/self/single", 2),
    times("/self-backup/self-backup/single", 2),
    times("/self-backup/self-backup/self-backup/single", 2),
  ],
};

export const LIMITS: readonly Group[] = [requests, delays, connections, peers];
