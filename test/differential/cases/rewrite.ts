/** return, rewrite, if, set, break. */
import type { Group } from "../case.ts";
import { get, getFrom, gets, post, request } from "../case.ts";

const returns: Group = {
  subject: "return",
  config: `
  server {
    listen {port};
    server_name test;
    default_type text/plain;
    location /text { return 200 "text\\n"; }
    location /typed { default_type application/json; return 200 '{"a":1}'; }
    location /empty-text { return 200 ""; }
    location /no-text { return 404; }
    location /404-text { return 404 "mine\\n"; }
    location /500 { return 500; }
    location /418 { return 418; }
    location /418-text { return 418 "teapot"; }
    location /599 { return 599; }
    location /204-text { return 204 "dropped"; }
    location /304 { return 304; }
    location /301 { return 301 /to/here; }
    location /302 { return 302 http://other.test/x?y; }
    location /303 { return 303 /see; }
    location /307 { return 307 /temp; }
    location /308 { return 308 /perm; }
    location /305 { return 305; }
    location /301-var { return 301 https://$host$request_uri; }
    location /301-rel { return 301 rel; }
    location /url { return http://bare.test/; }
    location /quote { return 301 "/with space\\"quote"; }
    location /401 { return 401; }
    location /405 { return 405; }
    location /408 { return 408; }
    location /413 { return 413; }
    location /416 { return 416; }
    location /421 { return 421; }
    location /429 { return 429; }
    location /503 { return 503; }
    location /507 { return 507; }
    location /400 { return 400; }
    location /494 { return 494; }
    location /495 { return 495; }
    location /497 { return 497; }
    location /499 { return 499; }
    location /relative { absolute_redirect off; return 301 /to; }
    location /no-port { port_in_redirect off; return 301 /to; }
    location /after { return 200 one; return 201 two; }
  }
  server { listen {port2}; if ($arg_x) { return 200 "if in server\\n"; } return 301 $scheme://new.test$request_uri; location / { return 200 never; } }`,
  cases: [
    ...gets(
      "/text",
      "/typed",
      "/empty-text",
      "/no-text",
      "/404-text",
      "/500",
      "/418",
      "/418-text",
      "/599",
      "/204-text",
      "/304",
      "/301",
      "/302",
      "/303",
      "/307",
      "/308",
      "/305",
      "/301-var?a=b",
      "/301-rel",
      "/url",
      "/quote",
      "/401",
      "/405",
      "/408",
      "/413",
      "/416",
      "/421",
      "/429",
      "/503",
      "/507",
      "/400",
      "/494",
      "/495",
      "/497",
      "/499",
      "/relative",
      "/no-port",
      "/after",
    ),
    { name: "redirect for another Host", send: getFrom("Else.test:99", "/301") },
    { name: "redirect in HTTP/1.0 without Host", send: "GET /301 HTTP/1.0\r\n\r\n" },
    { name: "HEAD of a text", send: request("HEAD", "/text") },
    { name: "POST to a return", send: post("/text", "body") },
    { name: "return in the server", to: "port2", send: get("/a?b=c") },
    { name: "return in an if of the server", to: "port2", send: get("/a?x=c") },
    { name: "range of a return", send: get("/text", "Range: bytes=1-2") },
    { name: "MSIE padding", send: get("/no-text", "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0)") },
    { name: "Chrome padding", send: get("/no-text", "User-Agent: Chrome/90") },
  ],
};

const rewrites: Group = {
  subject: "rewrite",
  files: { "app/x.html": "app x\n", "index.html": "root index\n", "plain.txt": "plain\n" },
  config: `
  server {
    listen {port};
    root {root};
    rewrite ^/server/(.*)$ /echo/$1;
    rewrite ^/gone$ /echo/gone? last;
    location /echo/ { return 200 "$uri|$args|$request_uri\\n"; }
    location /last/ { rewrite ^/last/(.*)$ /echo/$1 last; return 200 "not reached\\n"; }
    location /break/ { rewrite ^/break/(.*)$ /plain.txt break; rewrite ^ /never; }
    location /chain/ { rewrite ^/chain/(.*)$ /chain2/$1; rewrite ^/chain2/(.*)$ /echo/chained/$1; }
    location /no-match/ { rewrite ^/other /echo/; return 200 "no match\\n"; }
    location /redirect/ { rewrite ^/redirect/(.*)$ /to/$1 redirect; }
    location /permanent/ { rewrite ^/permanent/(.*)$ /to/$1 permanent; }
    location /absolute/ { rewrite ^/absolute/(.*)$ http://other.test/$1; }
    location /absolute-last/ { rewrite ^/absolute-last/(.*)$ https://other.test/$1 last; }
    location /drop-args/ { rewrite ^/drop-args/(.*)$ /echo/$1? last; }
    location /new-args/ { rewrite ^/new-args/(.*)$ /echo/$1?n=1 last; }
    location /only-args/ { rewrite ^/only-args/(.*)$ /echo/$1?n=1? last; }
    location /escape/ { rewrite ^/escape/(.*)$ /to/$1?u=$1 redirect; }
    location /arg-escape/ { rewrite ^/arg-escape/(.*)$ /echo/x?u=$1 last; }
    location /named/ { rewrite ^/named/(?<first>[^/]+)/(?<rest>.*)$ /echo/$rest/$first last; }
    location /loop/ { rewrite ^/loop/(.*)$ /loop/$1x last; }
    location /case { rewrite (?i)^/CASE$ /echo/ci last; }
    location /many/ { rewrite ^/many/(.)(.)(.)(.)(.)(.)(.)(.)(.)$ /echo/$9$8$7$6$5$4$3$2$1 last; }
    location /if {
      if ($request_method = POST) { return 200 "posted\\n"; }
      if ($http_user_agent ~* "(mozilla|bot)") { return 200 "agent $1\\n"; }
      if ($http_x !~ ^good) { set $bad yes; }
      if ($arg_eq != "1") { set $neq yes; }
      if ($arg_flag) { return 200 "flag $arg_flag\\n"; }
      if ($cookie_c ~ "v(?<num>[0-9]+)") { return 200 "cookie $num\\n"; }
      return 200 "bad=$bad neq=$neq\\n";
    }
    location /if-file {
      if (-f $document_root$arg_p) { return 200 "file\\n"; }
      if (-d $document_root$arg_p) { return 200 "dir\\n"; }
      if (!-e $document_root$arg_p) { return 200 "nothing\\n"; }
      return 200 "else\\n";
    }
    location /if-x { if (-x {root}) { return 200 "x\\n"; } return 200 "not x\\n"; }
    location /if-inherit { add_header X-Outer 1; if ($arg_i) { add_header X-Inner 2; } return 200 "r\\n"; }
    location /if-rewrite { if ($arg_i) { rewrite ^ /echo/from-if last; } return 200 "out\\n"; }
    location /if-break { set $v a; if ($arg_i) { set $v b; break; set $v c; } set $v "\${v}d"; add_header X-V $v; return 200 "$v\\n"; }
    location /set { set $a 1; set $b "$a-\${a}x"; set $a 2; return 200 "$a $b \${undefined_no}$b\\n"; set $undefined_no ""; }
    location /set-uri { set $old $uri; rewrite ^ /set-to break; return 200 "$old $uri\\n"; }
    location /break-then { break; return 200 "not run\\n"; }
    location /captures { if ($uri ~ ^/captures/(.*)$) { set $rest $1; } return 200 "$rest|$1\\n"; }
    location ~ ^/loc/(\\d+)/ { rewrite ^/loc/\\d+/(.*)$ /echo/$1-rw last; }
    location ~ ^/keep/(\\d+)/ { set $k $1; if ($arg_z ~ (.)) { return 200 "$1 $k\\n"; } return 200 "$1 $k\\n"; }
  }`,
  errorLog: "error",
  cases: [
    ...gets(
      "/server/a?b",
      "/gone?x",
      "/last/a?b=c",
      "/break/x",
      "/chain/z",
      "/no-match/",
      "/redirect/a?b=c",
      "/permanent/a",
      "/absolute/a?b",
      "/absolute-last/a",
      "/drop-args/a?b",
      "/new-args/a?b",
      "/new-args/a",
      "/only-args/a?b",
      "/escape/a%20b%3fc%26",
      "/arg-escape/a%20b%26c",
      "/named/1/2/3",
      "/loop/",
      "/case",
      "/many/abcdefghi",
      "/if",
      "/if?flag=0",
      "/if?flag=",
      "/if?flag=1",
      "/if?eq=1",
      "/if-file?p=/app",
      "/if-file?p=/plain.txt",
      "/if-file?p=/no",
      "/if-x",
      "/if-inherit",
      "/if-inherit?i=1",
      "/if-rewrite",
      "/if-rewrite?i=1",
      "/if-break",
      "/if-break?i=1",
      "/set",
      "/set-uri",
      "/break-then",
      "/captures/xyz",
      "/loc/12/abc",
      "/keep/12/?z=y",
      "/keep/12/",
    ),
    { name: "if with POST", send: post("/if", "x") },
    { name: "if with a user agent", send: get("/if", "User-Agent: A Mozilla") },
    { name: "if with a good field", send: get("/if", "X: good one") },
    { name: "if with a cookie", send: get("/if", "Cookie: a=b; c=v77") },
  ],
};

export const REWRITE: readonly Group[] = [returns, rewrites];
