/** Variables of core, proxy and rewrite; map, geo, split_clients. */
import type { Group } from "../case.ts";
import { get, getFrom, gets, post } from "../case.ts";

/** Left out: what differs by time or process, which `volatile` looks at the shape of. */
const CORE = [
  "arg_a",
  "arg_A",
  "arg_none",
  "args",
  "query_string",
  "is_args",
  "binary_remote_addr",
  "body_bytes_sent",
  "bytes_sent",
  "connection_requests",
  "content_length",
  "content_type",
  "cookie_a",
  "cookie_none",
  "document_root",
  "document_uri",
  "host",
  "http_user_agent",
  "http_host",
  "http_cookie",
  "http_x_a",
  "http_none",
  "http_referer",
  "http_via",
  "http_x_forwarded_for",
  "https",
  "limit_rate",
  "nginx_version",
  "proxy_protocol_addr",
  "proxy_host",
  "proxy_port",
  "proxy_add_x_forwarded_for",
  "realpath_root",
  "remote_addr",
  "remote_port",
  "remote_user",
  "request",
  "request_body",
  "request_completion",
  "request_filename",
  "request_length",
  "request_method",
  "request_uri",
  "scheme",
  "server_addr",
  "server_name",
  "server_port",
  "server_protocol",
  "status",
  "uri",
  "pipe",
  "sent_http_content_type",
  "sent_http_x",
  "hostname",
  "proxy_internal_body_length",
].filter((name) => !["nginx_version", "proxy_internal_body_length", "hostname"].includes(name));

const shape = (variable: string, pattern: string): string =>
  `if ($${variable} !~ "${pattern}") { set $bad "$bad ${variable}=$${variable}"; }`;

const core: Group = {
  subject: "variables",
  files: { "file.txt": "x" },
  logFields: `${CORE.map((name) => `${name}=[$${name}]`).join(" ")} $sent_http_location $sent_http_content_length $sent_http_x_own $sent_http_connection $sent_http_last_modified $sent_http_transfer_encoding $sent_http_keep_alive`,
  errorLog: "error",
  config: `
  server {
    listen {port};
    server_name test;
    root {root};
    default_type text/plain;
    location /all { return 200 "${CORE.map((name) => `${name}=[$${name}]`).join("\\n")}\\n"; }
    location /volatile {
      set $bad "";
      ${shape("connection", "^[0-9]+$")}
      ${shape("msec", "^[0-9]+\\.[0-9]{3}$")}
      ${shape("request_time", "^0\\.[0-9]{3}$")}
      ${shape("connection_time", "^[0-9]\\.[0-9]{3}$")}
      ${shape("time_iso8601", "^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-9:]{8}[+-][0-9:]{5}$")}
      ${shape("time_local", "^[0-3][0-9]/[A-Z][a-z]{2}/20[0-9]{2}:[0-9:]{8} [+-][0-9]{4}$")}
      ${shape("request_id", "^[0-9a-f]{32}$")}
      ${shape("pid", "^[0-9]+$")}
      ${shape("nginx_version", "^1\\.[0-9]+\\.[0-9]+$")}
      ${shape("hostname", "^.")}
      ${shape("tcpinfo_rtt", "^[0-9]+$")}
      ${shape("tcpinfo_snd_cwnd", "^[0-9]+$")}
      return 200 "bad: [$bad]\\n";
    }
    location /same-id { set $first $request_id; if ($first = $request_id) { return 200 "same\\n"; } return 200 "changes\\n"; }
    location /up/ {
      proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header X-Vars "$proxy_host|$proxy_port|$proxy_add_x_forwarded_for|$request_body|$content_length|$uri|$upstream_addr";
      add_header X-Up "$upstream_addr|$upstream_status|$upstream_http_x_a|$upstream_http_etag|$upstream_response_length|$upstream_http_none|$upstream_cookie_a|$upstream_cache_status";
      proxy_pass http://127.0.0.1:{backend}/;
    }
    location /redirect { add_header X-Own own; return 301 /to; }
    location /file.txt { }
    location ~ ^/cap/(?<one>\\w+)/(\\w+)/?(?<three>\\w*)$ { return 200 "$one|$1|$2|$3|$three|$4\\n"; }
    location /syntax { return 200 "\${uri}x $uri- $\{arg_a}_b $arg_a.$arg_b\\n"; }
    location /long { return 200 "$http_x_long_name_with_many_parts $cookie_long-name $arg_long\\n"; }
    location /assign { set $args "c=d"; set $limit_rate 100k; return 200 "$args|$query_string|$is_args|$arg_c|$limit_rate|$request_uri\\n"; }
  }`,
  cases: [
    { name: "all of a plain request", send: get("/all?a=1&b=%20") },
    {
      name: "all of a request with everything",
      send: post(
        "/all?A=up&a=low",
        "body",
        "Content-Type: text/x",
        "User-Agent: agent/1",
        "Referer: http://r.test/",
        "Cookie: a=b; c=d",
        "Cookie: a=z",
        "X-Forwarded-For: 1.2.3.4",
        "X-A: x",
        "Via: 1.1 v",
        "Authorization: Basic am9lOnNlY3JldA==",
      ),
    },
    { name: "all of HTTP/1.0", send: "GET /all HTTP/1.0\r\n\r\n" },
    { name: "all of an absolute URI", send: "GET http://Abs.test:81/all?x HTTP/1.1\r\nHost: other\r\n\r\n" },
    { name: "all of the second on a connection", send: get("/all") + get("/all"), responses: 2 },
    { name: "shape of the volatile ones", send: get("/volatile") },
    { name: "X-Forwarded-For twice", send: get("/up/x", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2") },
    { name: "X-Forwarded-For empty", send: get("/up/x", "X-Forwarded-For:") },
    { name: "upstream variables", send: get("/up/many-fields") },
    { name: "proxied POST", send: post("/up/plain", "the body") },
    { name: "cookies in one field", send: get("/all", "Cookie: x=1;a=2 ; b=3") },
    { name: "cookie with an odd name", send: get("/all", "Cookie: xa=1; A=2; a=3=4; b") },
    { name: "Authorization is not Basic", send: get("/all", "Authorization: Bearer x") },
    { name: "Authorization is broken", send: get("/all", "Authorization: Basic !!!") },
    { name: "Host with port", send: getFrom("Test:81", "/all") },
    { name: "long names", send: get("/long?long=x", "X-Long-Name-With-Many-Parts: v", "Cookie: long-name=c") },
    ...gets(
      "/same-id",
      "/redirect",
      "/file.txt",
      "/cap/a/b/c",
      "/cap/a/b",
      "/syntax?a=1&b=2",
      "/assign?x=y",
      "/all?",
      "/all?a=&a=2",
      "/all?xa=1&a",
      "/all?&&a=b",
      "/all?a%62=1",
    ),
  ],
};

const maps: Group = {
  subject: "map, geo, split_clients",
  files: { "map.inc": "inc1 included;\n~^inc2 $arg_v;\n" },
  config: `
  map $arg_k $simple { default "the default"; one 1; "two words" 2; TWO upper; "" empty; three $arg_v; ~^re(.*)$ "regex $1"; ~*^CI(?<rest>.*)$ "ci $rest"; \\default literal; include {root}/map.inc; ~^x "first x"; ~^xy "second"; }
  map $arg_k $no_default { a b; }
  map $host $by_host { hostnames; default none; exact.test exact; .dot.test dot; *.wild.test wild; www.trail.* trail; *.a.wild.test "longer wild"; }
  map "$arg_a:$arg_b" $combined { default no; "1:2" yes; ~^(?<l>.*):(?<r>.*)$ "$r:$l"; }
  map $arg_k $chain { default $simple; c "chained \${simple}!"; }
  map $arg_n $volatile { volatile; default "n"; 1 $uri; }
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  geo $arg_ip $place { default nowhere; 10.0.0.0/8 ten; 10.1.0.0/16 ten-one; 10.1.2.3 host; 192.168.0.0/16 home; ::1 six; 2001:db8::/32 docs; 127.0.0.1/32 local; }
  geo $arg_ip $ranged { ranges; default none; 10.0.0.0-10.0.0.255 first; 10.0.1.0-10.0.3.17 second; }
  geo $who { default other; 127.0.0.0/8 loopback; }
  geo $arg_ip $proxied { default d; proxy 127.0.0.1; proxy_recursive; 10.0.0.0/8 ten; delete 10.1.0.0/16; }
  split_clients "$arg_k" $split { 10% ten; 20.5% twenty; 33.33% third; * rest; }
  split_clients "\${arg_k}salt" $half { 50% a; * ""; }
  server {
    listen {port};
    location /map { return 200 "$simple|$no_default|$chain\\n"; }
    location /host { return 200 "$by_host\\n"; }
    location /combined { return 200 "$combined\\n"; }
    location /volatile { set $a $volatile; rewrite ^ /changed break; return 200 "$a $volatile\\n"; }
    location /upgrade { return 200 "$connection_upgrade\\n"; }
    location /geo { return 200 "$place $ranged $who $proxied\\n"; }
    location /split { return 200 "$split $half\\n"; }
  }`,
  cases: [
    ...gets(
      "/map",
      "/map?k=one",
      "/map?k=ONE",
      "/map?k=two%20words",
      "/map?k=TWO",
      "/map?k=two",
      "/map?k=three&v=val",
      "/map?k=rexyz",
      "/map?k=ciABC",
      "/map?k=default",
      "/map?k=inc1",
      "/map?k=inc2x&v=9",
      "/map?k=xy",
      "/map?k=a",
      "/map?k=c",
      "/map?k=",
      "/combined?a=1&b=2",
      "/combined?a=3&b=4",
      "/volatile?n=1",
      "/upgrade",
      "/geo",
      "/geo?ip=10.2.2.2",
      "/geo?ip=10.1.9.9",
      "/geo?ip=10.1.2.3",
      "/geo?ip=192.168.7.7",
      "/geo?ip=8.8.8.8",
      "/geo?ip=junk",
      "/geo?ip=::1",
      "/geo?ip=2001:db8::7",
      "/geo?ip=10.0.0.0",
      "/geo?ip=10.0.0.255",
      "/geo?ip=10.0.1.0",
      "/geo?ip=10.0.3.17",
      "/geo?ip=10.0.3.18",
      "/geo?ip=127.0.0.1",
      ...Array.from({ length: 16 }, (_, i) => `/split?k=client${i}`),
    ),
    ...[
      "exact.test",
      "EXACT.test",
      "dot.test",
      "a.dot.test",
      "x.wild.test",
      "wild.test",
      "y.a.wild.test",
      "www.trail.org",
      "none.test",
    ].map((host) => ({ name: `hostnames: ${host}`, send: getFrom(host, "/host") })),
    { name: "map of Upgrade", send: get("/upgrade", "Upgrade: websocket") },
  ],
};

export const VARIABLES: readonly Group[] = [core, maps];
