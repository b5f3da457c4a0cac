/** Variables where requests are malformed or odd, and the corners of map, geo and split_clients. */
import type { Group } from "../case.ts";
import { get, getFrom, gets, inPackets, post, request, thenHalfClose } from "../case.ts";

const LOGGED = [
  "status",
  "request",
  "request_method",
  "request_uri",
  "uri",
  "args",
  "is_args",
  "host",
  "http_host",
  "server_name",
  "server_protocol",
  "scheme",
  "https",
  "content_length",
  "content_type",
  "remote_user",
  "bytes_sent",
  "request_length",
  "request_completion",
  "request_filename",
  "document_root",
  "pipe",
  "connection_requests",
  "sent_http_content_type",
  "sent_http_content_length",
  "sent_http_connection",
  "sent_http_keep_alive",
  "sent_http_transfer_encoding",
  "sent_http_location",
  "sent_http_last_modified",
  "sent_http_etag",
  "sent_http_date_is_not_kept",
  "sent_http_server",
  "sent_http_allow",
  "sent_http_x_a",
  "limit_rate",
  "proxy_protocol_addr",
  "proxy_protocol_port",
  "proxy_protocol_server_addr",
  "proxy_protocol_server_port",
] as const;

const odd: Group = {
  subject: "variables: odd requests",
  files: { "f.html": "file\n", "dir/": "" },
  logFields: LOGGED.map((name) => `${name}=[$${name}]`).join(" "),
  errorLog: false,
  config: `
  server {
    listen {port};
    server_name first.test second.test;
    root {root};
    location /t { return 200 "text\\n"; }
    location /close { return 444; }
    location /err { return 503; }
    location /err-page { error_page 500 =202 /t; return 500; }
    location /err-page-own { error_page 500 = /t; return 500; }
    location /err-keep { error_page 500 /t; return 500; }
    location /rewritten { rewrite ^ /t?new=1 last; }
    location /rewritten-drop { rewrite ^ /t? last; }
    location /headers { add_header X-A 1; add_header X-B 2; return 200 "h\\n"; }
    location /alias/ { alias {root}/dir/; return 200 "$document_root $request_filename $realpath_root\\n"; }
    location ~ ^/regex-alias/(.*)$ { alias {root}/$1; return 200 "$document_root $request_filename\\n"; }
    location /var-root { root {root}/$arg_r; return 200 "$document_root $request_filename\\n"; }
    location /no-root { root {root}/none; return 200 "[$realpath_root]\\n"; }
    location /rate { limit_rate 1m; return 200 "$limit_rate\\n"; }
    location /closing { keepalive_timeout 0; return 200 "c\\n"; }
    location /keep { keepalive_timeout 75s 20s; return 200 "k\\n"; }
  }`,
  cases: [
    ...gets(
      "/t",
      "/t?",
      "/t?a?b",
      "/t%20x?a%20b",
      "/f.html",
      "/dir",
      "/dir/",
      "/none",
      "/err",
      "/err-page",
      "/err-page-own",
      "/err-keep",
      "/rewritten",
      "/rewritten?old=1",
      "/rewritten-drop?old=1",
      "/rewritten-drop",
      "/headers",
      "/alias/x.txt",
      "/regex-alias/y.txt",
      "/var-root?r=sub",
      "/var-root",
      "/no-root",
      "/rate",
      "/closing",
      "/keep",
    ),
    { name: "no Host", send: "GET /t HTTP/1.0\r\n\r\n" },
    { name: "Host of another case with a port", send: getFrom("SECOND.test:8080", "/t") },
    { name: "Host with a final dot", send: getFrom("second.test.", "/t") },
    { name: "HTTP/0.9", send: thenHalfClose("GET /t\r\n") },
    { name: "three pipelined", send: get("/t?1") + get("/t?2") + get("/t?3"), responses: 3 },
    { name: "two in turn", send: [get("/t?1"), { waitResponses: 1 }, get("/t?2"), { waitResponses: 2 }] },
    { name: "HEAD", send: request("HEAD", "/f.html") },
    { name: "OPTIONS", send: request("OPTIONS", "/f.html") },
    { name: "a method of its own", send: request("PURGE", "/t") },
    { name: "POST in packets", send: inPackets(1, request("POST", "/t", "Content-Length: 6"), "abc", "def") },
    { name: "chunked POST", send: `${request("POST", "/t", "Transfer-Encoding: chunked")}3\r\nabc\r\n0\r\n\r\n` },
    { name: "Connection: close", send: get("/t", "Connection: close") },
    { name: "keep-alive of HTTP/1.0", send: "GET /keep HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n" },
    { name: "If-None-Match", send: get("/f.html", "If-Modified-Since: Thu, 01 Jan 2015 00:00:00 GMT") },
    ...[
      "Basic am9l",
      "Basic am9lOg==",
      "Basic OnNlY3JldA==",
      "Basic am9lOnNlY3JldA",
      "basic  am9lOnNlY3JldA==",
      "Basic",
      "Basic ",
      "Basic am9lOnNlY3JldA==x",
      "Basic am9l OnNlY3JldA==",
      "Basic am9lOnNlY3J-dA==",
      "Basic am9lOnNlY3JldA_=",
      "Basic a",
      "Basicam9lOnNlY3JldA==",
    ].map((value) => ({ name: `Authorization: ${value}`, send: get("/t", `Authorization: ${value}`) })),
  ],
};

/** What nginx has read of a request that it refuses in the middle differs by where it stops: those fields are left out. */
const UNREAD = new Set<string>(["host", "http_host", "request_length", "request_uri", "uri", "server_protocol"]);

const malformed: Group = {
  subject: "variables: malformed requests",
  logFields: LOGGED.filter((name) => !UNREAD.has(name))
    .map((name) => `${name}=[$${name}]`)
    .join(" "),
  errorLog: false,
  config: `
  server {
    listen {port};
    server_name first.test second.test;
    location /t { return 200 "text\\n"; }
  }`,
  cases: [
    { name: "no Host in HTTP/1.1", send: "GET /t HTTP/1.1\r\n\r\n" },
    { name: "empty Host", send: "GET /t HTTP/1.1\r\nHost:\r\n\r\n" },
    { name: "two Hosts", send: "GET /t HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" },
    { name: "a bad Host", send: getFrom("a b", "/t") },
    { name: "garbage", send: "garbage\r\n\r\n" },
    { name: "a bad method", send: "get /t HTTP/1.1\r\nHost: x\r\n\r\n" },
    { name: "a bad version", send: "GET /t HTTP/3.0\r\nHost: x\r\n\r\n" },
    { name: "a version of letters", send: "GET /t HTTP/x\r\nHost: x\r\n\r\n" },
    { name: "a path above the root", send: get("/../x") },
    { name: "a bad escape", send: get("/%zz") },
    { name: "a bad field", send: "GET /t HTTP/1.1\r\nHost: x\r\nbad field\r\n\r\n" },
    { name: "a long line", send: `GET /${"x".repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n` },
    { name: "a long field", send: `GET /t HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(9000)}\r\n\r\n` },
    { name: "Content-Length of letters", send: request("POST", "/t", "Content-Length: x") },
  ],
};

const fields: Group = {
  subject: "variables: fields, cookies, arguments",
  errorLog: "error",
  config: `
  underscores_in_headers on;
  server {
    listen {port};
    location /h { return 200 "[$http_x_a][$http_x][$http_x_a_b][$http_user_agent][$http_accept][$http_connection]\\n"; }
    location /c { return 200 "[$cookie_a][$cookie_ab][$cookie_a_b][$cookie_][$http_cookie]\\n"; }
    location /a { return 200 "[$arg_a][$arg_ab][$arg_a_b][$arg_][$arg_x]\\n"; }
    location /s { add_header X-S s1; add_header X-Seen "$sent_http_content_type|$sent_http_x_s|$sent_http_content_length"; return 200 "s\\n"; }
    location /braces { return 200 "\${http_x}_\${arg_a}x$http_x-$arg_a.\${uri}\${args}\\n"; }
    location /case { return 200 "$HTTP_X $Arg_A $URI\\n"; }
  }`,
  cases: [
    { name: "one field", send: get("/h", "X-A: one") },
    { name: "a field twice", send: get("/h", "X-Q: 0", "X-A-B: 1", "X: y") },
    { name: "a field of another case", send: get("/h", "x-a: lower", "X: 1") },
    { name: "a field with an underscore", send: get("/h", "X_A: under") },
    { name: "a field with both", send: get("/h", "X-A_B: both") },
    { name: "an empty field", send: get("/h", "X-A:") },
    { name: "a field of bytes", send: get("/h", "X-A: \xe9\xff") },
    { name: "cookies", send: get("/c", "Cookie: a=1; ab=2; a-b=3; a_b=4") },
    { name: "cookies of other cases", send: get("/c", "Cookie: AB=1; A=2") },
    { name: "a cookie with spaces", send: get("/c", "Cookie: a = 1 ; ab=2") },
    { name: "a cookie without a value", send: get("/c", "Cookie: a; a=1; ab=2") },
    { name: "a cookie that is a name only", send: get("/c", "Cookie: a") },
    { name: "a cookie without a value before another name", send: get("/c", "Cookie: a;ab=2;a=3") },
    { name: "cookies with commas", send: get("/c", "Cookie: x=1,a=2,ab=3;a=4") },
    { name: "a cookie with a comma in it", send: get("/c", "Cookie: a=1,2; ab=3") },
    { name: "an empty cookie", send: get("/c", "Cookie: a=; ab=") },
    { name: "quoted cookies", send: get("/c", 'Cookie: a="1;2"; ab="x"') },
    { name: "cookie fields in turn", send: get("/c", "Cookie: ab=1", "Cookie: a=2", "Cookie: ab=3") },
    { name: "a cookie with a space before the sign", send: get("/c", "Cookie: a b=1; a=2") },
    { name: "a cookie in the name of another", send: get("/c", "Cookie: xa=1; yab=2;  a=3") },
    ...gets(
      "/a?a=1",
      "/a?ab=1&a=2",
      "/a?a&a=2",
      "/a?x=1;a=2",
      "/a?&a=1&",
      "/a?a==1",
      "/a?a=1#frag",
      "/a?A=1",
      "/a?xa=1&ya=2",
      "/a?a=1&a=2",
      "/a?a_b=1&a-b=2",
      "/a?a=%31+x",
      "/a?x",
      "/a?x=",
      "/a?=1&a=",
      "/s",
      "/braces?a=1",
      "/case?a=1",
    ),
  ],
};

const bodies: Group = {
  subject: "variables: bodies",
  logFields:
    '$status body=[$request_body] file=[$request_body_file] length=[$request_length] content=[$content_length] "$request"',
  errorLog: false,
  config: `
  server {
    listen {port};
    proxy_http_version 1.1; proxy_set_header Connection "";
    location /up/ { proxy_set_header Connection ""; proxy_set_header X-Body "$request_body"; proxy_pass http://127.0.0.1:{backend}/; }
    location /set/ { proxy_set_body "<$request_body>"; proxy_pass http://127.0.0.1:{backend}/; }
    location /none/ { proxy_read_timeout 300ms; proxy_pass_request_body off; proxy_pass http://127.0.0.1:{backend}/; }
    location /return { return 200 "[$request_body]\\n"; }
  }`,
  cases: [
    { name: "proxied", send: post("/up/x", "the body") },
    { name: "proxied GET", send: get("/up/x") },
    {
      name: "proxied, chunked",
      send: `${request("POST", "/up/x", "Transfer-Encoding: chunked")}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`,
    },
    { name: "proxied in packets", send: inPackets(1, request("POST", "/up/x", "Content-Length: 6"), "abc", "def") },
    { name: "another body set", send: post("/set/x", "inner") },
    { name: "body not passed", send: post("/none/x", "inner") },
    { name: "body of a return", send: post("/return", "unread") },
    { name: "two on a connection", send: post("/up/1", "first") + post("/up/2", "second"), responses: 2 },
  ],
};

const unixSocket: Group = {
  subject: "variables: unix socket",
  logFields: "[$remote_addr][$status]",
  errorLog: false,
  config: `
  geo $place { default elsewhere; 127.0.0.0/8 loop; 255.255.255.255 none; }
  geo $ranged { ranges; default elsewhere; 127.0.0.0-127.255.255.255 loop; }
  server {
    listen {port};
    listen unix:{prefix}/s.sock;
    location / { return 200 "[$server_addr][$remote_addr][$remote_port][$binary_remote_addr][$server_port][$tcpinfo_rtt][$place][$ranged][$proxy_add_x_forwarded_for]\\n"; }
  }`,
  cases: [{ name: "a request", to: { unix: "s.sock" }, send: get("/") }],
};

const tables: Group = {
  subject: "map, geo, split_clients: corners",
  errorLog: "warn",
  files: { "geo.inc": "10.9.0.0/16 included;\n", "ranges.inc": "10.9.0.0-10.9.0.9 included;\n" },
  config: `
  map $arg_k $names { hostnames; default none; volatile; .example.com dot; *.example.com.org wild; mail.* mail; mail.example.* longer; exact.example.com exact; ~^re\\d regex; "" empty; }
  map $arg_k $escaped { \\~tilde tilde; \\default named; \\hostnames hosts; \\\\slash slash; \\include inc; \\volatile vol; x "a b"; y '"quoted"'; z \${arg_v}s; }
  map $arg_k$arg_j $two { ab AB; "a b" spaced; }
  map $arg_k $deep { default $names; q "$two!$escaped"; }
  map "" $constant { "" matched; default other; }
  map $arg_k $multi { ~^(\\w)(\\w) $2$1; ~(?<tail>\\d+)$ "$tail-$1"; ~*\\.PHP$ php; }
  map $arg_k $regex_empty { ~^$ "regex"; default "fallback"; }
  map $http_upgrade $conn { default upgrade; "" ""; }
  map $status $loggable { ~^[23] 0; default 1; }
  geo $arg_ip $net { default d; 10.0.0.0/8 ten; 10.1.0.0/16 one; 10.1.0.0/16 again; 10.2.3.4/16 low; delete 10.1.0.0/16; delete 10.77.0.0/16; 255.255.255.255 last; 0.0.0.0/1 half; include {root}/geo.inc; 2001:db8::/32 docs; 2001:db8:1::/48 site; ::ffff:10.5.0.0/112 mapped; 10.1.1.1/32 host; }
  geo $arg_ip $nodefault { 10.0.0.0/8 ten; }
  geo $arg_ip $rng { ranges; default d; 10.0.0.0-10.255.255.255 ten; 10.1.0.0-10.1.255.255 one; 10.1.2.0-10.1.2.255 inner; 10.1.2.0-10.1.2.255 again; 10.2.0.0-10.2.0.255 two; delete 10.2.0.0-10.2.0.255; delete 11.0.0.0-11.0.0.1; include {root}/ranges.inc; 127.0.0.1-127.0.0.1 self; }
  geo $rng_self { ranges; 127.0.0.0-127.255.255.255 loop; }
  geo $via { proxy 127.0.0.0/8; proxy 10.0.0.0/8; proxy_recursive; default d; 1.0.0.0/8 one; 2.0.0.0/8 two; 10.0.0.0/8 ten; 127.0.0.0/8 loop; 2001:db8::/32 docs; }
  geo $via_one { proxy 127.0.0.1; default d; 1.0.0.0/8 one; 10.0.0.0/8 ten; 127.0.0.0/8 loop; }
  split_clients $arg_k $third { 33.3% a; 33.3% b; .5% c; 10.% d; * e; }
  split_clients $arg_k $norest { 0.01% tiny; 50% half; }
  split_clients "$arg_k$remote_addr" $mixed { 50% x; 50% y; }
  server {
    listen {port};
    location /names { return 200 "$names\\n"; }
    location /escaped { return 200 "$escaped\\n"; }
    location /two { return 200 "$two|$deep|$constant\\n"; }
    location /multi { return 200 "$multi|$1|$2|$tail\\n"; }
    location /re { return 200 "$regex_empty\\n"; }
    location /geo { return 200 "$net|$nodefault|$rng|$rng_self\\n"; }
    location /via { return 200 "$via|$via_one\\n"; }
    location /split { return 200 "$third|$norest|$mixed\\n"; }
    location /status { add_header X-Log $loggable always; return 404; }
    location /status-200 { add_header X-Log $loggable always; return 200; }
  }`,
  cases: [
    ...[
      "",
      "example.com",
      "a.example.com",
      "A.EXAMPLE.com.",
      "example.com.org",
      "x.y.example.com.org",
      "mail.x",
      "mail.example.x",
      "mail",
      "exact.example.com",
      "re5",
      "RE5",
      "other",
      ".",
    ].map((name) => ({ name: `hostnames "${name}"`, send: get(`/names?k=${name}`) })),
    ...["~tilde", "default", "hostnames", "\\slash", "include", "volatile", "x", "y", "z", "none"].map((name) => ({
      name: `escaped "${name}"`,
      send: get(`/escaped?k=${name}&v=val`),
    })),
    ...gets(
      "/two?k=a&j=b",
      "/two?k=ab",
      "/two?k=q",
      "/two?k=mail.x",
      "/multi?k=xy9",
      "/multi?k=9",
      "/multi?k=-12",
      "/multi?k=.php",
      "/re?k=",
      "/re",
      "/status",
      "/status-200",
    ),
    ...[
      "10.200.0.1",
      "10.1.5.5",
      "10.1.1.1",
      "10.1.2.9",
      "10.2.9.9",
      "10.2.0.7",
      "10.5.0.1",
      "10.9.0.5",
      "11.0.0.1",
      "1.1.1.1",
      "200.1.1.1",
      "255.255.255.255",
      "2001:db8::1",
      "2001:db8:1::1",
      "2001:db9::",
      "::ffff:10.1.1.1",
      "::ffff:10.5.0.1",
      "[::1]",
      "10.1.1.1:80",
      "[2001:db8::1]:80",
      "10.1.1",
      "10.1.1.256",
      "10.1.1.1 ",
      "",
      "unix:",
      "unix:/x",
      "10.1.1.1:x",
    ].map((ip) => ({ name: `geo "${ip}"`, send: get(`/geo?ip=${ip}`) })),
    { name: "geo of none", send: get("/geo") },
    ...[
      "1.2.3.4",
      "1.2.3.4, 10.0.0.1",
      "2.2.2.2, 1.2.3.4, 10.0.0.1",
      "1.2.3.4,10.0.0.1",
      "1.2.3.4 , 10.0.0.1 ,",
      "junk",
      "1.2.3.4, junk",
      "junk, 10.0.0.1",
      "1.2.3.4:80",
      "2001:db8::1",
      "[2001:db8::1]:99",
      "",
      ",",
      " ",
    ].map((list) => ({ name: `X-Forwarded-For "${list}"`, send: get("/via", `X-Forwarded-For: ${list}`) })),
    {
      name: "two X-Forwarded-For",
      send: get("/via", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 10.0.0.1"),
    },
    {
      name: "three X-Forwarded-For",
      send: get("/via", "X-Forwarded-For: 2.2.2.2", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 10.0.0.1"),
    },
    ...Array.from({ length: 24 }, (_, i) => ({ name: `split ${i}`, send: get(`/split?k=${"x".repeat(i)}${i}`) })),
  ],
};

export const VARIABLES_MORE: readonly Group[] = [odd, malformed, fields, bodies, unixSocket, tables];
