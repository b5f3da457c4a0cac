/** Requests that are refused, cut or fall silent at every stage, in servers chosen by name: who logs what, and how far. */

import { type ClientStep, HALF_CLOSE, NEXT_PACKET, RESET, WAIT_END } from "../../harness/exchange.ts";
import type { Case, Group } from "../case.ts";
import { request } from "../case.ts";

const LINE = "POST /proxied HTTP/1.1\r\n";
const FIRST = "Host: first\r\n";
const SECOND = "Host: second\r\n";
const CHUNKED = "Transfer-Encoding: chunked\r\n";

/** How far the client comes before it leaves or falls silent. */
const STAGES: readonly (readonly [stage: string, sent: string])[] = [
  ["nothing", ""],
  ["an empty line", "\r\n"],
  ["the method", "POS"],
  ["the request line but for its end", "POST /proxied HTTP/1.1"],
  ["the request line", LINE],
  ["half a field", `${LINE}Hos`],
  ["a field but for its end", `${LINE}Host: second`],
  ["the first server's name", LINE + FIRST],
  ["the second server's name", LINE + SECOND],
  ["the second server's name and half a field", `${LINE}${SECOND}X-Half: a`],
  ["a field that is left out", `${LINE}${SECOND}X_Odd: a\r\n`],
  ["all fields", `${LINE}${SECOND}Content-Length: 5\r\n`],
  ["no byte of the body", `${LINE}${SECOND}Content-Length: 5\r\n\r\n`],
  ["half the body", `${LINE}${SECOND}Content-Length: 5\r\n\r\nab`],
  ["half a chunk", `${LINE}${SECOND}${CHUNKED}\r\n5\r\nab`],
  ["half the body that nobody reads", `POST /return HTTP/1.1\r\n${SECOND}Content-Length: 5\r\n\r\nab`],
  ["half the body that is streamed", `POST /streamed HTTP/1.1\r\n${SECOND}Content-Length: 5\r\n\r\nab`],
];

/** Each stage with an end to it. */
function stages(name: string, ...end: readonly ClientStep[]): Case[] {
  return STAGES.map(([stage, sent]) => ({
    name: `${name} after ${stage}`,
    send: sent === "" ? [NEXT_PACKET, ...end] : [sent, NEXT_PACKET, ...end],
    upstreamEnd: true,
  }));
}

const refused = (name: string, ...lines: readonly string[]): Case => ({
  name: `refused: ${name}`,
  send: [`${["GET /return HTTP/1.1", ...lines].join("\r\n")}\r\n\r\n`, WAIT_END],
});

const servers = `
  large_client_header_buffers 2 512;
  server {
    listen {port};
    server_name first;
    location / { return 200 "first\\n"; }
    location /return { return 200 "first $content_length\\n"; }
    location /proxied { proxy_pass http://127.0.0.1:{backend}; }
    location /streamed { proxy_request_buffering off; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:{backend}; }
  }
  server {
    listen {port};
    server_name second;
    error_page 400 = @bad;
    location @bad { return 400 "second's page $status\\n"; }
    location / { return 200 "second\\n"; }
    location /empty { return 204; }
    location /return { return 200 "second $content_length\\n"; }
    location /proxied { proxy_pass http://127.0.0.1:{backend}; }
    location /streamed { proxy_request_buffering off; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:{backend}; }
  }`;

const LOG_FIELDS =
  '$status "$request" $host $server_name $request_length $request_completion "$http_x_after" "$http_host"';

const leaving: Group = {
  subject: "clients that leave",
  errorLog: "info",
  logFields: LOG_FIELDS,
  config: servers,
  cases: [...stages("FIN", HALF_CLOSE, WAIT_END), ...stages("reset", RESET)],
};

const silent: Group = {
  subject: "clients that fall silent",
  errorLog: "info",
  logFields: LOG_FIELDS,
  config: `
  client_header_timeout 1s;
  client_body_timeout 1s;
  lingering_timeout 1s;
${servers}`,
  cases: stages("silence", WAIT_END).filter(({ name }) =>
    /after (?:nothing|an empty line|the request line|the second server's name|half .*)$/.test(name),
  ),
};

const refusals: Group = {
  subject: "refused by the server that is named",
  errorLog: "info",
  logFields: LOG_FIELDS,
  config: servers,
  cases: [
    refused("bad field before the name", "X A: b", "Host: second", "X-After: 1"),
    refused("bad field after the name", "Host: second", "X A: b", "X-After: 1"),
    refused("second name", "Host: first", "Host: second", "X-After: 1"),
    refused("first name again", "Host: second", "Host: first", "X-After: 1"),
    refused("two names, then a bad field", "Host: second", "Host: first", "X A: b"),
    refused("a bad field, then two names", "Host: second", "X A: b", "Host: first"),
    refused("bad name", "X-Before: 1", "Host: se/cond", "X-After: 1"),
    refused("no name", "X-After: 1"),
    refused("bad length", "Host: second", "Content-Length: x", "X-After: 1"),
    refused("two lengths", "Host: second", "Content-Length: 1", "X-Between: 1", "Content-Length: 1", "X-After: 1"),
    refused("unknown coding", "Host: second", "Transfer-Encoding: gzip", "X-After: 1"),
    refused("length and coding", "Host: second", "Transfer-Encoding: chunked", "Content-Length: 1"),
    refused("long field", "Host: second", `X-Long: ${"a".repeat(600)}`, "X-After: 1"),
    refused("long field before the name", `X-Long: ${"a".repeat(600)}`, "Host: second"),
    refused("two of a field that may come once", "Host: second", "If-Match: a", "If-Match: b", "X-After: 1"),
    refused("left out before the name", "X_Odd: 1", "Host: second", "X A: b"),
    refused("left out after the name", "Host: second", "X_Odd: 1", "X A: b"),
    refused("left out before and after", "X_Odd: 1", "Host: second", "X_Odder:   2  ", "X_Empty:", "X A: b"),
    refused("bare CRs at a line's end", "Host: second\r\r", "Content-Length: 1", "Content-Length: 1"),
    { name: "left out of a good request", send: request("GET", "/", "X_Odd: 1", "Host_: 2") },
    {
      name: "left out around the name of a good request",
      send: "GET / HTTP/1.1\r\nX_Before: 1\r\nHost: second\r\nX_After: 2  \r\n\r\n",
    },
    refused("TRACE", "Host: second"),
    { name: "refused: TRACE, named", send: ["TRACE / HTTP/1.1\r\nHost: second\r\n\r\n", WAIT_END] },
    { name: "refused: absolute form", send: ["GET http://second/return HTTP/1.1\r\nX A: b\r\n\r\n", WAIT_END] },
    {
      name: "refused: absolute form and another name",
      send: ["GET http://second/return HTTP/1.1\r\nHost: first\r\nX A: b\r\n\r\n", WAIT_END],
    },
    {
      name: "refused in a pipeline",
      send: [
        "GET /return HTTP/1.1\r\nHost: second\r\n\r\nGET /return HTTP/1.1\r\nHost: second\r\nX A: b\r\n\r\n",
        { waitResponses: 2 },
        WAIT_END,
      ],
    },
    ...[
      ["bad size", "xyz\r\n"],
      ["bad size after a chunk", "3\r\nabc\r\nxyz\r\n"],
      ["no line end after a chunk", "3\r\nabcd"],
    ].flatMap(([why, body]): Case[] =>
      ["return", "proxied", "streamed"].map((target) => ({
        name: `chunked to /${target}: ${why}`,
        send: [`POST /${target} HTTP/1.1\r\n${SECOND}${CHUNKED}\r\n${body}`, NEXT_PACKET],
      })),
    ),
    ...["empty", "proxied", "streamed"].map(
      (target): Case => ({
        name: `chunked to /${target}: bad size in a later packet`,
        send: [`POST /${target} HTTP/1.1\r\n${SECOND}${CHUNKED}\r\n3\r\nabc\r\n`, NEXT_PACKET, "xyz\r\n", NEXT_PACKET],
      }),
    ),
  ],
};

export const BROKEN_OFF: readonly Group[] = [leaving, silent, refusals];
