/** `listen ... proxy_protocol`: headers of versions 1 and 2, whole and broken, and real addresses from them. */
import { HALF_CLOSE, NEXT_PACKET, WAIT_END } from "../../harness/exchange.ts";
import { type Case, type Group, get } from "../case.ts";

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const INET = "\x01\x02\x03\x04\x05\x06\x07\x08\x10\x92\x00\x50";
const INET6 = `${`\x20\x01\x0d\xb8${"\0".repeat(11)}\x01`.repeat(2)}\x10\x92\x00\x50`;
const MAPPED = `${"\0".repeat(10)}\xff\xff\x09\x09\x09\x09${"\0".repeat(16)}\0\0\0\0`;

/** A header of version 2. */
function binary(command: number, family: number, payload: string, lengthSaid = payload.length): string {
  return SIGNATURE + String.fromCharCode(command, family, lengthSaid >> 8, lengthSaid & 255) + payload;
}

const GOOD: readonly (readonly [name: string, header: string])[] = [
  ["TCP4", "PROXY TCP4 1.2.3.4 5.6.7.8 4242 80\r\n"],
  ["TCP6", "PROXY TCP6 2001:db8::1 2001:DB8::2 4242 80\r\n"],
  ["TCP4 with IPv6", "PROXY TCP4 ::1 ::2 4242 80\r\n"],
  ["not in its shortest form", "PROXY TCP6 2001:0DB8:0:0::0001 0:0::1 4242 80\r\n"],
  ["no address at all", "PROXY TCP4 a.b:c d 4242 80\r\n"],
  ["empty addresses", "PROXY TCP4   4242 80\r\n"],
  ["port 0", "PROXY TCP4 1.2.3.4 5.6.7.8 0 0\r\n"],
  ["port 65535", "PROXY TCP4 1.2.3.4 5.6.7.8 65535 65535\r\n"],
  ["port with zeros in front", "PROXY TCP4 1.2.3.4 5.6.7.8 0000080 0000081\r\n"],
  ["broadcast", "PROXY TCP4 255.255.255.255 5.6.7.8 1 2\r\n"],
  ["UNKNOWN", "PROXY UNKNOWN\r\n"],
  ["UNKNOWN with addresses", "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"],
  ["UNKNOWN without a space", "PROXY UNKNOWNandmore\r\n"],
  ["UNKNOWN with line feeds", "PROXY UNKNOWN a\nb\rc\r\n"],
  ["UNKNOWN, long", `PROXY UNKNOWN ${"x".repeat(400)}\r\n`],
  ["2: inet", binary(0x21, 0x11, INET)],
  ["2: inet6", binary(0x21, 0x21, INET6)],
  ["2: mapped", binary(0x21, 0x21, MAPPED)],
  ["2: inet and more", binary(0x21, 0x11, `${INET}\x01\0\x02h2`)],
  ["2: inet and half a type", binary(0x21, 0x11, `${INET}\x01`)],
  ["2: LOCAL", binary(0x20, 0x00, "")],
  ["2: LOCAL with addresses", binary(0x20, 0x11, INET)],
  ["2: another command", binary(0x2f, 0x11, INET)],
  ["2: datagrams", binary(0x21, 0x12, INET)],
  ["2: unspecified", binary(0x21, 0x00, "")],
  ["2: unix", binary(0x21, 0x31, "x".repeat(216))],
  ["2: another family", binary(0x21, 0xf1, "abc")],
];

/** Answered with `broken header`. */
export const BROKEN_HEADERS: readonly (readonly [name: string, header: string])[] = [
  ["none", ""],
  ["lower case", "proxy TCP4 1.2.3.4 5.6.7.8 4242 80\r\n"],
  ["no such protocol", "PROXY TCP5 1.2.3.4 5.6.7.8 4242 80\r\n"],
  ["datagrams", "PROXY UDP4 1.2.3.4 5.6.7.8 4242 80\r\n"],
  ["without a protocol", "PROXY \r\n"],
  ["two spaces", "PROXY  TCP4 1.2.3.4 5.6.7.8 4242 80\r\n"],
  ["two spaces after the protocol", "PROXY TCP4  1.2.3.4 5.6.7.8 4242 80\r\n"],
  ["a letter in an address", "PROXY TCP4 1.2.3.x 5.6.7.8 4242 80\r\n"],
  ["an address too few", "PROXY TCP4 1.2.3.4 4242 80\r\n"],
  ["no ports", "PROXY TCP4 1.2.3.4 5.6.7.8\r\n"],
  ["one port", "PROXY TCP4 1.2.3.4 5.6.7.8 4242\r\n"],
  ["three ports", "PROXY TCP4 1.2.3.4 5.6.7.8 4242 80 81\r\n"],
  ["empty port", "PROXY TCP4 1.2.3.4 5.6.7.8  80\r\n"],
  ["port 65536", "PROXY TCP4 1.2.3.4 5.6.7.8 65536 80\r\n"],
  ["server port 65536", "PROXY TCP4 1.2.3.4 5.6.7.8 80 65536\r\n"],
  ["huge port", `PROXY TCP4 1.2.3.4 5.6.7.8 ${"9".repeat(30)} 80\r\n`],
  ["negative port", "PROXY TCP4 1.2.3.4 5.6.7.8 -1 80\r\n"],
  ["line feed alone", "PROXY TCP4 1.2.3.4 5.6.7.8 4242 80\n"],
  ["carriage return alone", "PROXY TCP4 1.2.3.4 5.6.7.8 4242 80\r"],
  ["zero byte", "PROXY TCP4 1.2.3.4\0 5.6.7.8 4242 80\r\n"],
  ["2: signature wrong at its end", binary(0x21, 0x11, INET).replace("QUIT\n", "QUIT\r")],
];

/** Refused with other words, or none. */
const REFUSED: readonly (readonly [name: string, header: string])[] = [
  ["2: version 1", binary(0x11, 0x11, INET)],
  ["2: version 3", binary(0x31, 0x11, INET)],
  ["2: inet too short", binary(0x21, 0x11, INET.slice(1))],
  ["2: inet6 too short", binary(0x21, 0x21, INET)],
];

const SHOW =
  "[$proxy_protocol_addr] [$proxy_protocol_port] [$proxy_protocol_server_addr] [$proxy_protocol_server_port] $remote_addr [$remote_port]";

const listening: Group = {
  subject: "PROXY protocol",
  errorLog: "info",
  logFields: `$status "$request" $request_length ${SHOW}`,
  config: `
  server {
    listen {port} proxy_protocol;
    listen unix:{prefix}/s.sock proxy_protocol;
    location / { return 200 "${SHOW}"; }
  }
`,
  cases: [
    ...GOOD.map(([name, header]): Case => ({ name, send: header + get("/") })),
    ...[...BROKEN_HEADERS, ...REFUSED].map(
      ([name, header]): Case => ({ name: `refused: ${name}`, send: [header + get("/"), WAIT_END] }),
    ),
    ...GOOD.slice(0, 2).map(
      ([name, header]): Case => ({
        name: `${name}, then the request`,
        send: [header, NEXT_PACKET, get("/"), { waitResponses: 1 }],
      }),
    ),
    { name: "over a unix socket", send: `${GOOD[0]?.[1]}${get("/")}`, to: { unix: "s.sock" } },
    { name: "two requests", send: `${GOOD[0]?.[1]}${get("/")}${get("/2")}`, responses: 2 },
    { name: "a second header", send: `${GOOD[0]?.[1]}${get("/")}${GOOD[0]?.[1]}`, responses: 2 },
    { name: "a bad request", send: `${GOOD[0]?.[1]}GET\r\n\r\n` },
  ],
};

const real: Group = {
  subject: "real addresses by the PROXY protocol",
  errorLog: "error",
  logFields: "$remote_addr [$remote_port] $realip_remote_addr $status",
  config: `
  real_ip_header proxy_protocol;
  server {
    listen {port} proxy_protocol;
    server_name trusting;
    set_real_ip_from 127.0.0.1;
    location / { return 200 "${SHOW} $proxy_add_x_forwarded_for"; }
    location /deny { deny 1.2.3.4; try_files /none =404; }
  }
  server {
    listen {port};
    server_name other;
    location / { return 200 "${SHOW}"; }
    location /here { set_real_ip_from 127.0.0.1; try_files /none @here; }
    location @here { return 200 "${SHOW}"; }
  }
  server {
    listen {port2} proxy_protocol;
    set_real_ip_from 10.0.0.0/8;
    location / { return 200 "${SHOW}"; }
    location /deny { deny 1.2.3.4; try_files /none =404; }
  }
  server {
    listen {port3};
    set_real_ip_from 127.0.0.1;
    location / { return 200 "${SHOW}"; }
  }
`,
  cases: [
    ...GOOD.flatMap(([name, header]): Case[] => [
      { name, send: header + get("/", "X-Forwarded-For: 7.7.7.7") },
      { name: `untrusted: ${name}`, send: header + get("/"), to: "port2" },
    ]),
    ...["/deny", "/"].map(
      (target): Case => ({
        name: `trusted ${target}`,
        send: `${GOOD[0]?.[1]}${get(target)}${get(target)}`,
        responses: 2,
      }),
    ),
    { name: "untrusted /deny", send: `${GOOD[0]?.[1]}${get("/deny")}`, to: "port2" },
    {
      name: "a server that does not say it",
      send: `${GOOD[0]?.[1]}${get("/").replace("Host: test", "Host: other")}${get("/here").replace("Host: test", "Host: other")}`,
      responses: 2,
    },
    { name: "no PROXY protocol", send: get("/"), to: "port3" },
    { name: "a header that nobody wants", send: `${GOOD[0]?.[1]}`, to: "port3" },
  ],
};

const shared: Group = {
  subject: "PROXY protocol behind a shared socket",
  errorLog: "info",
  config: `
  server {
    listen {port};
    location / { return 200 "any address"; }
  }
  server {
    listen 127.0.0.1:{port} proxy_protocol;
    location / { return 200 "this address $proxy_protocol_addr"; }
  }
  server {
    listen {port2} proxy_protocol;
    location / { return 200 "any address"; }
  }
  server {
    listen 127.0.0.1:{port2};
    location / { return 200 "this address"; }
  }
`,
  cases: [
    { name: "wanted", send: `${GOOD[0]?.[1]}${get("/")}` },
    { name: "wanted and not there", send: ["HELLO", WAIT_END] },
    { name: "not wanted", send: get("/"), to: "port2" },
    { name: "not wanted and there", send: [`${GOOD[0]?.[1]}`, WAIT_END], to: "port2" },
    { name: "silent", send: [NEXT_PACKET, HALF_CLOSE, WAIT_END] },
    { name: "silent after the header", send: [`${GOOD[0]?.[1]}`, NEXT_PACKET, HALF_CLOSE, WAIT_END] },
    { name: "half a request", send: [`GET / HT`, NEXT_PACKET, HALF_CLOSE, WAIT_END], to: "port2" },
    { name: "half a request after the header", send: [`${GOOD[0]?.[1]}GET / HT`, NEXT_PACKET, HALF_CLOSE, WAIT_END] },
  ],
};

export const PROXY_PROTOCOL: readonly Group[] = [listening, real, shared];
