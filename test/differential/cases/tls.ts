/** TLS towards clients: variables, certificates of clients, the choice of a server, HTTP on the wrong port. */
import { HALF_CLOSE, NEXT_PACKET, RESET, WAIT_END } from "../../harness/exchange.ts";
import { type Case, type CaseTls, type Group, get, getFrom, request } from "../case.ts";

const IDENTITY =
  "ssl_certificate {certs}/server.crt; ssl_certificate_key {certs}/server.key; ssl_protocols TLSv1.2 TLSv1.3;";
const NEW = {} as const satisfies CaseTls;
const OLD = { maxVersion: "TLSv1.2" } as const satisfies CaseTls;

const CLIENT_VARIABLES = ["s_dn", "i_dn", "s_dn_legacy", "i_dn_legacy", "serial", "fingerprint", "v_start", "v_end"]
  .map((name) => `$ssl_client_${name}`)
  .join("|");

const variables: Group = {
  subject: "TLS variables",
  errorLog: "info",
  logFields: "$ssl_protocol $ssl_cipher $scheme $https $ssl_server_name $status",
  config: `
  # The certificates were made for 30 days some moments ago: in their first second it is 30, then 29.
  map $ssl_client_v_remain $remaining { ~^(?:29|30)$ "29 or 30"; default $ssl_client_v_remain; }
  server {
    listen 127.0.0.1:{port} ssl;
    ${IDENTITY}
    ssl_client_certificate {certs}/authority.crt;
    ssl_verify_client optional;
    proxy_http_version 1.0;
    location /connection {
      return 200 "$scheme|$https|$server_port|$ssl_protocol|$ssl_cipher|$ssl_server_name|$ssl_session_reused|$ssl_early_data";
    }
    location /client { return 200 "$ssl_client_verify|${CLIENT_VARIABLES}"; }
    location /remain { return 200 "$remaining"; }
    location /raw { return 200 "$ssl_client_raw_cert"; }
    location /cert { return 200 "$ssl_client_cert"; }
    location /escaped { return 200 "$ssl_client_escaped_cert"; }
    location /to { proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Cert $ssl_client_escaped_cert; proxy_pass http://127.0.0.1:{backend}; }
    location /redirect { return 301 /there; }
    location /folder/ { proxy_pass http://127.0.0.1:{backend}; }
    location /relative { absolute_redirect off; return 301 /there; }
    location /portless { port_in_redirect off; return 301 /there; }
    location /moved { proxy_pass http://127.0.0.1:{backend}; proxy_redirect http:// $scheme://; }
  }
  server {
    listen 127.0.0.1:{port2};
    location / { return 200 "$scheme|$https|$ssl_protocol|$ssl_client_verify|$ssl_session_id|$ssl_client_s_dn|"; }
    location /redirect { return 301 /there; }
  }
`,
  cases: [
    ...(["/connection", "/client", "/to", "/redirect", "/folder", "/relative", "/portless", "/moved"] as const).flatMap(
      (target): Case[] => [
        { name: `1.3 ${target}`, send: get(target), tls: NEW },
        { name: `1.2 ${target}`, send: get(target), tls: { ...OLD, serverName: "Name.Test" } },
      ],
    ),
    ...(["/client", "/remain", "/raw", "/cert", "/escaped", "/to"] as const).flatMap((target): Case[] => [
      { name: `1.3 ${target} with a certificate`, send: get(target), tls: { certificate: "client" } },
      { name: `1.2 ${target} with a certificate`, send: get(target), tls: { ...OLD, certificate: "client" } },
    ]),
    { name: "without TLS", send: get("/"), to: "port2" },
    { name: "redirects without TLS", send: get("/redirect"), to: "port2" },
    { name: "two requests", send: get("/connection") + get("/client"), responses: 2, tls: NEW },
    { name: "two packets", send: [get("/connection"), NEXT_PACKET, get("/client"), { waitResponses: 2 }], tls: NEW },
    { name: "half a request", send: ["GET / HT", NEXT_PACKET, HALF_CLOSE, WAIT_END], tls: NEW },
    { name: "nothing", send: [NEXT_PACKET, HALF_CLOSE, WAIT_END], tls: NEW },
    { name: "a bad request", send: "GE T / HTTP/1.1\r\n\r\n", tls: NEW },
    { name: "HTTP/1.0", send: "GET /connection HTTP/1.0\r\n\r\n", tls: NEW },
  ],
};

const clients: readonly (readonly [name: string, tls: CaseTls])[] = [
  ["none", NEW],
  ["good", { certificate: "client" }],
  ["good, TLS 1.2", { ...OLD, certificate: "client" }],
  ["revoked", { certificate: "revoked" }],
  ["of a stranger", { certificate: "stranger" }],
  ["its own authority", { certificate: "alone" }],
  ["a long chain", { certificate: "deep" }],
  ["a long chain, TLS 1.2", { ...OLD, certificate: "deep" }],
];

function verifying(name: string, directives: string): Group {
  return {
    subject: `client certificates: ${name}`,
    errorLog: "info",
    config: `
  server {
    listen 127.0.0.1:{port} ssl;
    ${IDENTITY}
    ${directives}
    location / { return 200 "$ssl_client_verify $ssl_client_serial"; }
    location /pages {
      error_page 495 /bad;
      error_page 496 =403 @none;
      return 200 "let in";
    }
    location = /bad { return 200 "$status $ssl_client_verify"; }
    location @none { return 200 "none"; }
  }
`,
    cases: clients.flatMap(([who, tls]): Case[] => [
      { name: who, send: get("/"), tls },
      { name: `${who}, two requests`, send: get("/a") + get("/pages"), responses: 2, tls },
      { name: `${who}, HTTP/1.0`, send: "GET /pages HTTP/1.0\r\n\r\n", tls },
    ]),
  };
}

const AUTHORITY = "ssl_client_certificate {certs}/authority.crt;";
const PAGES = "error_page 495 /bad; error_page 496 /missing; location = /missing { return 200 missing; }";

const verification: readonly Group[] = [
  verifying("on", `ssl_verify_client on; ${AUTHORITY}`),
  verifying("on with pages", `ssl_verify_client on; ${AUTHORITY} ${PAGES}`),
  verifying("optional", `ssl_verify_client optional; ${AUTHORITY}`),
  verifying("optional_no_ca", "ssl_verify_client optional_no_ca;"),
  verifying("optional_no_ca with authorities", `ssl_verify_client optional_no_ca; ${AUTHORITY}`),
  verifying("off", `ssl_verify_client off; ${AUTHORITY}`),
  verifying("a deep one", `ssl_verify_client on; ${AUTHORITY} ssl_verify_depth 2;`),
  verifying("depth 0", `ssl_verify_client on; ${AUTHORITY} ssl_verify_depth 0;`),
  verifying("revoked ones", `ssl_verify_client on; ${AUTHORITY} ssl_crl {certs}/authority.crl; ssl_verify_depth 2;`),
];

const wrongPort: Group = {
  subject: "HTTP on a port for TLS",
  errorLog: "info",
  config: `
  server {
    listen 127.0.0.1:{port} ssl;
    server_name first;
    ${IDENTITY}
    location / { return 200 "inside"; }
  }
  server {
    listen 127.0.0.1:{port} ssl;
    server_name redirects;
    ${IDENTITY}
    error_page 497 https://$host:$server_port$request_uri;
    location / { return 200 "inside"; }
  }
  server {
    listen 127.0.0.1:{port} ssl;
    server_name answers;
    ${IDENTITY}
    error_page 497 =200 @plain;
    location / { return 200 "inside"; }
    location @plain { return 200 "$scheme|$https|$ssl_protocol|"; }
  }
  server {
    listen 127.0.0.1:{port} ssl;
    server_name moves;
    ${IDENTITY}
    error_page 497 =301 https://$host$request_uri;
    location / { return 200 "inside"; }
  }
`,
  cases: [
    { name: "GET", send: get("/x?y") },
    { name: "HTTP/1.0", send: "GET / HTTP/1.0\r\n\r\n" },
    { name: "redirect", send: getFrom("redirects", "/x?y=1") },
    { name: "HEAD", send: request("HEAD", "/"), heads: [0] },
    { name: "answer", send: getFrom("answers", "/") },
    { name: "moved", send: getFrom("moves", "/a") },
    { name: "POST", send: `${request("POST", "/", "Content-Length: 4")}body` },
    { name: "two requests", send: get("/") + get("/"), responses: 1 },
    { name: "a bad request", send: "G\r\n\r\n" },
    { name: "half a request", send: ["GET / HT", NEXT_PACKET, HALF_CLOSE, WAIT_END] },
    { name: "nothing", send: [NEXT_PACKET, HALF_CLOSE, WAIT_END] },
    { name: "a reset", send: [NEXT_PACKET, RESET] },
    { name: "half a hello", send: ["\x16\x03\x01\x02\x00\x01", NEXT_PACKET, HALF_CLOSE, WAIT_END] },
    { name: "half a hello and a reset", send: ["\x16\x03\x01\x02\x00\x01", NEXT_PACKET, RESET] },
    { name: "over TLS", send: getFrom("redirects", "/x"), tls: NEW },
  ],
};

const named: Group = {
  subject: "the server that a client names",
  errorLog: "info",
  config: `
  server {
    listen 127.0.0.1:{port} ssl;
    ${IDENTITY}
    location / { return 200 "default $ssl_server_name $host"; }
  }
  server {
    listen 127.0.0.1:{port} ssl;
    server_name exact.test;
    ${IDENTITY}
    client_max_body_size 1;
    location / { return 200 "exact $ssl_server_name $host"; }
  }
  server {
    listen 127.0.0.1:{port} ssl;
    server_name *.wild.test;
    ${IDENTITY}
    location / { return 200 "wild $ssl_server_name $host"; }
  }
  server {
    listen 127.0.0.1:{port} ssl;
    server_name tail.*;
    ${IDENTITY}
    location / { return 200 "tail $ssl_server_name $host"; }
  }
  server {
    listen 127.0.0.1:{port} ssl;
    server_name ~^(?<who>.+)\\.regex\\.test$;
    ${IDENTITY}
    location / { return 200 "regex $who $1 $ssl_server_name $host"; }
  }
  server {
    listen 127.0.0.1:{port} ssl;
    server_name bare.test;
    location / { return 200 "without certificates $ssl_server_name $host"; }
  }
  server {
    listen 127.0.0.1:{port} ssl;
    server_name rejected.test;
    ssl_reject_handshake on;
  }
  server {
    listen 127.0.0.1:{port} ssl;
    server_name private.test;
    ${IDENTITY}
    ssl_verify_client optional;
    ${AUTHORITY}
    location / { return 200 "private $ssl_client_verify $host"; }
  }
  server {
    listen 127.0.0.1:{port2} ssl;
    ssl_reject_handshake on;
  }
  server {
    listen 127.0.0.1:{port2} ssl;
    server_name only.test;
    ${IDENTITY}
    location / { return 200 "only $host"; }
  }
  server {
    listen 127.0.0.1:{port3} ssl;
    server_name single.test;
    ${IDENTITY}
    location / { return 200 "single $ssl_server_name $host"; }
  }
`,
  cases: [
    ...[
      "exact.test",
      "EXACT.test",
      "a.wild.test",
      "a.b.wild.test",
      "wild.test",
      "tail.example",
      "joe.regex.test",
      "bare.test",
      "rejected.test",
      "private.test",
      "unknown.test",
      "exact.test.",
    ].flatMap((serverName): Case[] => [
      { name: `SNI ${serverName}`, send: getFrom(serverName, "/"), tls: { serverName } },
      { name: `SNI ${serverName}, another Host`, send: getFrom("other", "/"), tls: { serverName } },
      { name: `SNI ${serverName}, Host of the exact one`, send: getFrom("exact.test", "/"), tls: { serverName } },
      { name: `SNI ${serverName}, Host of the private one`, send: getFrom("private.test", "/"), tls: { serverName } },
      { name: `SNI ${serverName}, no Host`, send: "GET / HTTP/1.0\r\n\r\n", tls: { serverName } },
    ]),
    { name: "no SNI", send: getFrom("exact.test", "/"), tls: NEW },
    { name: "no SNI, private", send: getFrom("private.test", "/"), tls: NEW },
    { name: "no SNI, regex", send: getFrom("joe.regex.test", "/"), tls: NEW },
    {
      name: "regex twice",
      send: getFrom("joe.regex.test", "/") + getFrom("jim.regex.test", "/"),
      responses: 2,
      tls: { serverName: "joe.regex.test" },
    },
    {
      name: "private, in TLS 1.2",
      send: getFrom("private.test", "/"),
      tls: { ...OLD, serverName: "private.test", certificate: "client" },
    },
    {
      name: "a body too large",
      send: `${request("POST", "/", "Content-Length: 4").replace("test", "exact.test")}body`,
      tls: { serverName: "exact.test" },
    },
    { name: "rejected by default", send: getFrom("only.test", "/"), to: "port2", tls: NEW },
    { name: "rejected by name", send: getFrom("only.test", "/"), to: "port2", tls: { serverName: "else.test" } },
    { name: "not rejected", send: getFrom("only.test", "/"), to: "port2", tls: { serverName: "only.test" } },
    { name: "HTTP where all is rejected", send: getFrom("only.test", "/"), to: "port2" },
    {
      name: "a single server, its name",
      send: getFrom("single.test", "/"),
      to: "port3",
      tls: { serverName: "single.test" },
    },
    { name: "a single server, another", send: getFrom("x", "/"), to: "port3", tls: { serverName: "y" } },
  ],
};

const V1 = "PROXY TCP4 192.0.2.7 192.0.2.8 1234 443\r\n";

const behindProxy: Group = {
  subject: "TLS behind the PROXY protocol",
  errorLog: "info",
  config: `
  server {
    listen 127.0.0.1:{port} ssl proxy_protocol;
    ${IDENTITY}
    error_page 497 =200 @plain;
    location @plain { return 200 "plain $proxy_protocol_addr"; }
  }
  server {
    listen 127.0.0.1:{port2} ssl;
    ${IDENTITY}
    error_page 497 =200 @plain;
    location @plain { return 200 "plain"; }
  }
`,
  cases: [
    { name: "HTTP after the header", send: V1 + get("/") },
    { name: "in two packets", send: [V1, NEXT_PACKET, get("/"), { waitResponses: 1 }] },
    { name: "no header", send: ["HELLO", WAIT_END] },
    {
      name: "half a hello after the header",
      send: [`${V1}\x16\x03\x01\x02\x00\x01`, NEXT_PACKET, HALF_CLOSE, WAIT_END],
    },
    { name: "silence after the header", send: [V1, NEXT_PACKET, HALF_CLOSE, WAIT_END] },
    { name: "a header that nobody wants", send: [V1, WAIT_END], to: "port2" },
  ],
};

export const TLS: readonly Group[] = [variables, ...verification, wrongPort, named, behindProxy];
