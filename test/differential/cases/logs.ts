/** access_log: escaping, conditions, formats, several logs, paths with variables; read back through the gateway itself. */

import { WAIT_END } from "../../harness/exchange.ts";
import type { Case, Group } from "../case.ts";
import { get, post, request } from "../case.ts";

const odd = 'a"b\\c\x01\x7f\xe9\td';
const odds: readonly Case[] = [
  { name: "odd bytes in a field", send: get("/x", `User-Agent: ${odd}`) },
  { name: "odd bytes in the request", send: get('/x"y\\z%01?q="\xe9') },
  { name: "empty and missing", send: get("/x", "User-Agent:") },
  { name: "bad request", send: ["GE T / HTTP/1.1\r\n\r\n", WAIT_END] },
  { name: "POST", send: post("/x", "body") },
  { name: "HEAD", send: request("HEAD", "/x") },
  { name: "off", send: get("/off") },
  { name: "own log", send: get("/own") },
  { name: "several logs", send: get("/both") },
  { name: "if that is true", send: get("/if?log=1") },
  { name: "if that is 0", send: get("/if?log=0") },
  { name: "if that is empty", send: get("/if?log=") },
  { name: "subrequest of an error page", send: get("/page") },
];

/** Each format has its own file, which a last request reads back, so the files are compared as bodies. */
export const LOGS: readonly Group[] = [
  {
    subject: "logs",
    logFields: '"$request" $status "$http_user_agent" "$http_none" "$arg_q" $request_length',
    config: `
  log_format json escape=json '{"ua":"$http_user_agent","r":"$request","none":"$http_none"}';
  log_format none escape=none '$http_user_agent|$request|$http_none';
  log_format default_named escape=default '$http_user_agent|$http_none';
  log_format joined 'a ' 'b ' "$status";
  log_format quoted '\\"$status\\" $\{status}x';
  server {
    listen {port};
    default_type text/plain;
    access_log {prefix}/json.log json;
    access_log {prefix}/none.log none;
    access_log {prefix}/named.log default_named;
    access_log {prefix}/access.log case;
    access_log {prefix}/joined.log joined;
    access_log {prefix}/quoted.log quoted;
    location / { return 200 "$status\\n"; }
    location /off { access_log off; return 200 "off\\n"; }
    location /own { access_log {prefix}/own.log joined; access_log {prefix}/access.log case; return 200 "own\\n"; }
    location /both { access_log {prefix}/both1.log joined; access_log {prefix}/both2.log joined; return 200 "both\\n"; }
    location /if { access_log {prefix}/if.log joined if=$arg_log; return 200 "if\\n"; }
    location /page { error_page 404 /after; return 404; }
    location /after { return 200 "after\\n"; }
    location /buffered { access_log {prefix}/buffered.log joined buffer=4k flush=50ms; return 200 "buffered\\n"; }
    location /var { access_log {prefix}/var-$arg_name.log joined; return 200 "var\\n"; }
    location /read/ { access_log off; etag off; add_header Last-Modified ""; alias {prefix}/; }
    location /combined { access_log {prefix}/combined.log; return 200 "x"; }
  }`,
    cases: [
      ...odds,
      { name: "buffered with a flush", send: [get("/buffered"), { waitResponses: 1 }, { pauseMs: 150 }] },
      { name: "variable in the path", send: get("/var?name=one") },
      { name: "variable in the path again", send: get("/var?name=one") },
      ...["json", "none", "named", "joined", "quoted", "own", "both1", "both2", "if", "buffered", "var-one"].map(
        (file) => ({
          name: `what ${file}.log holds`,
          send: [request("GET", `/read/${file}.log`, "Connection: close"), WAIT_END],
        }),
      ),
    ],
  },
];
