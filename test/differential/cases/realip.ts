/** Addresses of clients behind other proxies: set_real_ip_from, real_ip_header, real_ip_recursive. */
import { type Case, type Group, get } from "../case.ts";

const SHOW = "$remote_addr [$remote_port] $realip_remote_addr $proxy_add_x_forwarded_for";

/** GETs of one target with different fields. */
function reported(target: string, rows: readonly (readonly string[])[]): Case[] {
  return rows.map((fields) => ({
    name: `${target} ${fields.join(" | ") || "no field"}`,
    send: get(target, ...fields),
  }));
}

const TEXTS = [
  "1.2.3.4",
  "1.2.3.4:567",
  "1.2.3.4:0",
  "1.2.3.4:65535",
  "1.2.3.4:65536",
  "1.2.3.4:00080",
  "1.2.3.4:",
  "1.2.3.4:80x",
  "1.2.3",
  "1.2.3.256",
  "255.255.255.255",
  "0.0.0.0",
  "::1",
  "2001:DB8::00:1",
  "[2001:db8::1]:80",
  "[2001:db8::1]",
  "[2001:db8::1]:",
  "[2001:db8::1",
  "[1.2.3.4]:80",
  "::ffff:1.2.3.4",
  "unix:",
  "localhost",
  "junk",
  "-",
  "",
  ",",
  ",1.2.3.4",
  ", 1.2.3.4",
  "1.2.3.4,",
  "1.2.3.4 , ,",
  "9.9.9.9, 1.2.3.4",
  "9.9.9.9,1.2.3.4",
  "9.9.9.9 1.2.3.4",
  "9.9.9.9, 127.0.0.1",
  "9.9.9.9, 127.0.0.1:5, 127.0.0.2",
  "8.8.8.8, 9.9.9.9, 127.0.0.1, 127.0.0.2",
  "127.0.0.3, 127.0.0.4",
  "junk, 127.0.0.1",
  "9.9.9.9;127.0.0.1",
  "9.9.9.9\t127.0.0.1",
];

const SEVERAL = [
  ["X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 5.6.7.8"],
  ["X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 127.0.0.9"],
  ["X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: junk"],
  ["X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: junk, 127.0.0.9"],
  ["X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: junk", "X-Forwarded-For: junk"],
  ["X-Forwarded-For: 1.2.3.4, 127.0.0.9", "X-Forwarded-For: 127.0.0.8, 127.0.0.7"],
  ["X-Forwarded-For: 1.2.3.4", "X-Forwarded-For:", "X-Forwarded-For: 127.0.0.7"],
  ["X-Real-IP: 1.2.3.4", "X-Real-IP: 5.6.7.8"],
  ["X-Client: 1.2.3.4", "X-Client: 5.6.7.8"],
  ["x-client: 1.2.3.4"],
  [],
];

const reading: Group = {
  subject: "real addresses",
  config: `
  server {
    listen {port};
    set_real_ip_from 127.0.0.0/8;
    location /default { return 200 "${SHOW}"; }
    location /default-all { real_ip_recursive on; return 200 "${SHOW}"; }
    location /list { real_ip_header X-Forwarded-For; return 200 "${SHOW}"; }
    location /list-all { real_ip_header X-Forwarded-For; real_ip_recursive on; return 200 "${SHOW}"; }
    location /small { real_ip_header x-forwarded-for; real_ip_recursive on; return 200 "${SHOW}"; }
    location /own { real_ip_header X-Client; return 200 "${SHOW}"; }
    location /none { real_ip_header proxy_protocol; return 200 "${SHOW}"; }
  }
`,
  // In this server the source is the default at the first look (at the server's level), which finds X-Real-IP.
  cases: [
    ...TEXTS.flatMap((text) => reported("/default", [[`X-Real-IP: ${text}`]])),
    ...TEXTS.flatMap((text) => reported("/list", [[`X-Forwarded-For: ${text}`]])),
    ...TEXTS.flatMap((text) => reported("/list-all", [[`X-Forwarded-For: ${text}`]])),
    ...reported("/default-all", [["X-Real-IP: 1.2.3.4, 127.0.0.3"]]),
    ...["/default", "/list", "/list-all", "/small", "/own", "/none"].flatMap((target) => reported(target, SEVERAL)),
  ],
};

const effects: Group = {
  subject: "what a real address changes",
  files: { "x.txt": "x" },
  errorLog: "error",
  logFields: '$remote_addr [$remote_port] [$realip_remote_addr] $status "$request" [$binary_remote_addr]',
  config: `
  geo $where { default elsewhere; 9.0.0.0/8 nine; 2001:db8::/32 docs; 127.0.0.0/8 here; }
  proxy_http_version 1.1;
  proxy_set_header Connection close;
  map $remote_addr $mapped { default other; 9.9.9.9 nines; }
  upstream hashed { ip_hash; server 127.0.0.1:{backend}; server 127.0.0.1:{backend2}; server 127.0.0.1:{backend3}; }
  server {
    listen {port};
    set_real_ip_from 127.0.0.1;
    set_real_ip_from 2001:db8::/32;
    real_ip_header X-Forwarded-For;
    root {root};
    location /show { return 200 "${SHOW} $where $mapped"; }
    location /binary { return 200 "$binary_remote_addr"; }
    location /allow { allow 9.9.9.9; deny all; try_files /x.txt =404; }
    location /deny { deny 9.0.0.0/8; deny 2001:db8::1; allow all; try_files /x.txt =404; }
    location /any { satisfy any; allow 9.9.9.9; deny all; try_files /x.txt =404; }
    location /proxy {
      proxy_set_header Connection close;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_pass http://127.0.0.1:{backend};
    }
    location /hash { proxy_pass http://hashed; }
    location /moved { error_page 403 = /show; deny 9.9.9.9; }
    location /index { rewrite ^ /show last; }
    location /named { error_page 403 = @show; deny 9.9.9.9; }
    location @show { set_real_ip_from 9.9.9.9; real_ip_header X-Other; return 200 "${SHOW}"; }
    location /missing { root {root}; }
  }
  server {
    listen {port2};
    location /off { return 200 "${SHOW}"; }
    location /on { set_real_ip_from 127.0.0.1; return 200 "${SHOW}"; }
    location /to-on { rewrite ^ /on last; }
    location /twice { set_real_ip_from 127.0.0.1; deny 9.9.9.9; error_page 403 = /second; }
    location /second { set_real_ip_from 9.9.9.9; real_ip_header X-Second; return 200 "${SHOW}"; }
    location /first { deny 127.0.0.1; error_page 403 = /late; }
    location /late { set_real_ip_from 127.0.0.1; try_files /none @late; }
    location @late { return 200 "${SHOW}"; }
    location /static { set_real_ip_from 127.0.0.1; root {root}; try_files /x.txt =404; }
    location /other { set_real_ip_from 10.0.0.0/8; proxy_pass http://127.0.0.1:{backend}; }
    location /host { set_real_ip_from localhost; try_files /none @late; }
    location /proxied { set_real_ip_from 127.0.0.1; proxy_set_header Connection close; proxy_set_header X-Real-IP $remote_addr; proxy_pass http://127.0.0.1:{backend}; }
  }
`,
  cases: [
    ...[
      "/show",
      "/binary",
      "/allow",
      "/deny",
      "/any",
      "/proxy",
      "/hash",
      "/moved",
      "/index",
      "/named",
      "/missing",
    ].flatMap((target) =>
      reported(target, [
        ["X-Forwarded-For: 9.9.9.9"],
        ["X-Forwarded-For: 9.8.7.6:54", "X-Other: 5.5.5.5"],
        ["X-Forwarded-For: 2001:db8::1"],
        ["X-Forwarded-For: ::ffff:9.9.9.9"],
        [],
      ]),
    ),
    ...["/off", "/on", "/to-on", "/twice", "/first", "/static", "/other", "/host", "/proxied"].flatMap((target) =>
      reported(target, [["X-Real-IP: 9.9.9.9", "X-Second: 4.4.4.4"], []]).map((one) => ({
        ...one,
        to: "port2" as const,
      })),
    ),
    {
      name: "only for the request that says so",
      send:
        get("/show", "X-Forwarded-For: 9.9.9.9") +
        get("/show") +
        get("/allow") +
        get("/show", "X-Forwarded-For: 8.8.8.8"),
      responses: 4,
    },
  ],
};

const strangers: Group = {
  subject: "real addresses from strangers",
  errorLog: "info",
  logFields: "$remote_addr $realip_remote_addr $status",
  config: `
  set_real_ip_from 10.0.0.0/8;
  set_real_ip_from ::1;
  set_real_ip_from unix:;
  real_ip_header X-Forwarded-For;
  real_ip_recursive on;
  server {
    listen {port};
    listen unix:{prefix}/s.sock;
    location / { return 200 "${SHOW}"; }
    location /deny { deny 127.0.0.1; deny unix:; return 200 "in"; }
    location /none { deny 10.0.0.1; try_files /none =404; }
  }
  server {
    listen {port2};
    set_real_ip_from 0.0.0.0/0;
    real_ip_recursive off;
    location / { return 200 "${SHOW}"; }
  }
  server {
    listen {port3};
    set_real_ip_from ::/0;
    location / { return 200 "${SHOW}"; }
  }
`,
  cases: [
    ...["/", "/deny", "/none"].flatMap((target) =>
      reported(target, [["X-Forwarded-For: 10.0.0.1"], ["X-Forwarded-For: 127.0.0.1, 10.0.0.1"]]),
    ),
    { name: "unix /", send: get("/", "X-Forwarded-For: 9.9.9.9, 10.0.0.1"), to: { unix: "s.sock" } },
    { name: "unix / nothing", send: get("/"), to: { unix: "s.sock" } },
    { name: "unix /none", send: get("/none", "X-Forwarded-For: 10.0.0.1, 10.0.0.1"), to: { unix: "s.sock" } },
    { name: "all of IPv4", send: get("/", "X-Forwarded-For: 9.9.9.9, 10.0.0.1"), to: "port2" },
    { name: "all of IPv6", send: get("/", "X-Forwarded-For: 9.9.9.9, 10.0.0.1"), to: "port3" },
  ],
};

const limits: Group = {
  subject: "limits by real address",
  errorLog: "error",
  logFields: "$remote_addr $status",
  config: `
  limit_req_zone $binary_remote_addr zone=r:1m rate=1r/m;
  limit_req_zone $remote_addr zone=late:1m rate=1r/m;
  server {
    listen {port};
    set_real_ip_from 127.0.0.1;
    location /r { limit_req zone=r; try_files /none =204; }
  }
  server {
    listen {port2};
    location /late { set_real_ip_from 127.0.0.1; limit_req zone=late; try_files /none =204; }
  }
`,
  cases: (
    [
      ["/r", "port"],
      ["/late", "port2"],
    ] as const
  ).flatMap(([target, to]) =>
    ["9.9.9.9", "9.9.9.9", "9.9.9.8", "9.9.9.9:5", "2001:db8::1", "2001:db8:0::1"].map((text, i): Case => {
      return { name: `${target} ${i}: ${text}`, send: get(target, `X-Real-IP: ${text}`), to };
    }),
  ),
};

export const REALIP: readonly Group[] = [reading, effects, strangers, limits];
