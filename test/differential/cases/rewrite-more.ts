/** The corners of rewrite programs: escaping of captures, nested levels, redirects, logs, variables with several owners. */
import type { Group } from "../case.ts";
import { get, getFrom, gets, post, request } from "../case.ts";

const escaping: Group = {
  subject: "rewrite: escaping",
  config: `
  server {
    listen {port};
    location /set/ { if ($uri ~ ^/set/(.*)$) { set $a $1; } return 200 "[$a][$1]\\n"; }
    location /set-after/ { rewrite ^/set-after/(.*)$ /x/$1; if ($uri ~ ^/x/(.*)$) { set $a $1; break; } return 200 "[$a]\\n"; }
    location /x/ { return 200 "x [$a][$uri][$args]\\n"; }
    location /eq/ { if ($uri ~ ^/eq/(.*)$) { } if ($arg_v = "$1") { return 200 "equal\\n"; } return 200 "differs [$1]\\n"; }
    location /to-path/ { rewrite ^/to-path/(.*)$ /x/$1 last; }
    location /to-args/ { rewrite ^/to-args/(.*)$ /x/?v=$1 last; }
    location /to-both/ { rewrite ^/to-both/(.*)$ /x/$1?v=$1&w=$uri last; }
    location /redirect/ { rewrite ^/redirect/(.*)$ /x/$1 redirect; }
    location /redirect-args/ { rewrite ^/redirect-args/(.*)$ /x/$1?v=$1 redirect; }
    location /redirect-var/ { rewrite ^ /x$uri redirect; }
    location /redirect-literal/ { rewrite ^ /x%20y%41%3Fz%zz%4 redirect; }
    location /return-uri/ { return 301 /x$uri; }
    location /return-capture { if ($uri ~ ^/return-capture(.*)$) { return 301 /x$1; } }
    location /host/ { rewrite ^/host/(.*)$ $scheme://$host/$1 permanent; }
    location /host-q/ { rewrite ^/host-q/(.*)$ https://other.test/$1? permanent; }
    location /host-break/ { rewrite ^/host-break/(.*)$ http://other.test/$1 break; }
    location /amp/ { rewrite ^/amp/(.*)$ /x/$1?a=1&b=2 redirect; }
    location /two-q/ { rewrite ^/two-q/(.*)$ /x/?a?b=$1 last; }
    location /only-q/ { rewrite ^/only-q/(.*)$ ? last; }
    location /q-var/ { set $q "?v=1"; rewrite ^/q-var/(.*)$ /x/$1$q last; }
    location /empty/ { rewrite ^/empty/(.*)$ $1 last; }
    location /relative/ { rewrite ^/relative/(.*)$ x/$1 last; }
    location /plus/ { rewrite ^/plus/(.*)$ /x/?v=$1 last; }
  }`,
  cases: [
    ...gets(
      "/set/plain",
      "/set/a%20b%26c",
      "/set/a+b",
      "/set-after/a%20b",
      "/set-after/a",
      "/eq/a%20b?v=a%20b",
      "/eq/a?v=a",
      "/to-path/a%20b%3fc",
      "/to-path/a?b=c",
      "/to-args/a%20b%3fc%26d",
      "/to-args/a&b?k=1",
      "/to-both/a%20b?k=1",
      "/redirect/a%20b%3fc%26d",
      "/redirect/a&b?k=1",
      "/redirect/%e4%b8%ad",
      "/redirect/%25%23",
      "/redirect-args/a%20b?k",
      "/redirect-var/a%20b%3fc?k",
      "/redirect-literal/",
      "/return-uri/a%20b",
      "/return-capture/a%20b",
      "/host/a%20b?k=1",
      "/host-q/a?k=1",
      "/host-break/a",
      "/amp/z?k=1",
      "/two-q/z?k=1",
      "/only-q/z?k=1",
      "/q-var/z?k=1",
      "/empty/",
      "/empty/z",
      "/relative/z",
      "/plus/a+b",
      "/plus//a+b",
      "/to-args//a%20b",
    ),
    { name: "escapes in the query string only", send: get("/to-args/a&b?c=%20+") },
    { name: "redirect with another Host", send: getFrom("Else.test:81", "/host/x") },
  ],
};

const levels: Group = {
  subject: "rewrite: levels",
  files: { "a.html": "a html\n", "in/b.txt": "b text\n", "error.html": "error page\n" },
  config: `
  server {
    listen {port};
    server_name test;
    root {root};
    set $trace "s";
    if ($arg_s = 1) { set $trace "\${trace}1"; }
    if ($arg_r) { rewrite ^(.*)$ /rewritten$1; }
    if ($arg_b) { break; }
    set $trace "\${trace}e";
    if ($arg_ret) { return 200 "server $trace\\n"; }
    location / { set $trace "\${trace}/"; return 200 "$trace $uri\\n"; }
    location /nested { set $trace "\${trace}n"; location /nested/in { return 200 "in $trace\\n"; } return 200 "out $trace\\n"; }
    location /chain-1 { set $trace "\${trace}1"; rewrite ^ /chain-2; }
    location /chain-2 { set $trace "\${trace}2"; rewrite ^ /chain-3 last; set $trace "\${trace}x"; }
    location /chain-3 { set $trace "\${trace}3"; return 200 "$trace\\n"; }
    location /types { if ($arg_j) { return 200 "j"; } default_type text/x-outer; return 200 "outer"; }
    location /a.html { if ($arg_j) { return 200 "typed by name\\n"; } }
    location /root-in-if/ { if ($arg_i) { root {root}/in; rewrite ^/root-in-if/(.*)$ /$1 break; } return 404; }
    location /root-if/ { rewrite ^/root-if/(.*)$ /$1 break; if ($arg_i) { root {root}/in; } }
    location /status-in-if { error_page 404 /error.html; if ($arg_i) { error_page 404 =410 /error.html; return 404; } return 404; }
    location /error.html { }
    location /header-if { add_header X-A 1; if ($arg_i) { add_header X-B 2; } if ($arg_j) { add_header X-C 3; } return 200 "h\\n"; }
    location /two-ifs { if ($arg_i) { add_header X-B 2; } if ($arg_j) { set $x 1; } return 200 "t\\n"; }
    location /limit { limit_except GET { deny all; } set $trace "\${trace}l"; return 200 "$trace\\n"; }
    location = /exact { return 200 "exact\\n"; }
    location ~ ^/re(x)?/(.*)$ { return 200 "$1|$2|$3\\n"; }
    location ~ ^/named/(?<who>[a-z]+) { return 200 "who=$who\\n"; }
    location /who { return 200 "who=[$who]\\n"; }
    location /uri-loop { rewrite ^/uri-loop(.*)$ /uri-loop$1a; }
    location /nine { rewrite ^/nine/(\\d)$ /nine/x$1; rewrite ^/nine/x0$ /done; rewrite ^/nine/x(.)$ /nine2/$1; }
    location @named { return 200 "named $uri $trace\\n"; }
    location /to-named { try_files /none @named; }
    location /err { error_page 403 = @named; return 403; }
    location /err-text { error_page 404 /chain-3; return 404 "own text\\n"; }
    location /err-page { error_page 404 /chain-3; return 404; }
    location /err-redirect { error_page 301 /chain-3; return 301 /x; }
    location /internal { internal; return 200 "internal $uri\\n"; }
    location /to-internal { rewrite ^ /internal/x last; }
    location /break-static { rewrite ^ /a.html break; }
  }
  server { listen {port2}; rewrite ^/one$ /two; rewrite ^/two$ /three; location /two { return 200 "two\\n"; } location /three { return 200 "three\\n"; } }
  server { listen {port3}; return 200 "$uri in server\\n"; }`,
  cases: [
    ...gets(
      "/",
      "/?s=1",
      "/x?r=1",
      "/x?r=1&b=1",
      "/?ret=1",
      "/nested",
      "/nested/in",
      "/chain-1",
      "/types",
      "/types?j=1",
      "/a.html",
      "/a.html?j=1",
      "/root-in-if/b.txt",
      "/root-in-if/b.txt?i=1",
      "/root-if/b.txt",
      "/root-if/b.txt?i=1",
      "/status-in-if",
      "/status-in-if?i=1",
      "/header-if",
      "/header-if?i=1",
      "/header-if?i=1&j=1",
      "/two-ifs?i=1",
      "/two-ifs?i=1&j=1",
      "/limit",
      "/exact",
      "/re/abc",
      "/rex/abc",
      "/named/joe",
      "/who",
      "/uri-loop",
      "/nine/0",
      "/nine/5",
      "/to-named",
      "/err",
      "/err-text",
      "/err-page",
      "/err-redirect",
      "/internal",
      "/to-internal",
      "/break-static",
    ),
    { name: "limited method", send: post("/limit", "x") },
    { name: "HEAD of a return", send: request("HEAD", "/exact") },
    { name: "server rewrites in a row", to: "port2", send: get("/one") },
    { name: "server rewrite of the middle", to: "port2", send: get("/two") },
    { name: "no location", to: "port2", send: get("/none") },
    { name: "return of the server", to: "port3", send: get("/any") },
    { name: "POST to the return of the server", to: "port3", send: post("/any", "body") },
  ],
};

const logs: Group = {
  subject: "rewrite: logs",
  errorLog: "notice",
  config: `
  server {
    listen {port};
    server_name test;
    rewrite_log on;
    rewrite ^/server/(.*)$ /x/$1;
    location /x { rewrite_log off; rewrite ^ /y break; return 200 "$uri\\n"; }
    location /a { rewrite ^/a/(.*)$ /x/$1?k=$1 last; rewrite ^/(a)$ /b permanent; return 200 "end\\n"; }
    location /if { if ($arg_i ~* ^Y(.)) { return 200 "yes $1\\n"; } if ($arg_i !~ ^n) { return 200 "not n\\n"; } return 200 "no\\n"; }
    location /unset { return 200 "[$never][$never]\\n"; set $never 1; }
    location /unset-quiet { uninitialized_variable_warn off; return 200 "[$never]\\n"; }
    location /unset-if { if ($never) { return 200 x; } if ($never = "") { return 200 "empty\\n"; } }
    location /empty { rewrite ^/empty/(.*)$ $1 last; }
    location /bad-rate { set $limit_rate junk; return 200 "$limit_rate\\n"; }
    location /rate { set $limit_rate 2k; return 200 "$limit_rate\\n"; }
    location /f { if (-f /root/\${arg_p}\\0) { return 200 x; } if (-e /etc/passwd/x) { return 200 y; } return 200 "n\\n"; }
  }`,
  cases: gets(
    "/server/z",
    "/a/b?c=d",
    "/a",
    "/if?i=yz",
    "/if?i=n",
    "/if?i=x",
    "/if",
    "/unset",
    "/unset-quiet",
    "/unset-if",
    "/empty/",
    "/bad-rate",
    "/rate",
    "/f",
  ),
};

const owners: Group = {
  subject: "rewrite: variables with several owners",
  config: `
  map $arg_k $m { default "m-default"; a "m-a"; }
  map $arg_k $mv { volatile; default "v-default"; a "v-a"; }
  geo $g { default g-default; }
  split_clients $arg_k $sp { * sp; }
  map $arg_k $later { default later; ~^(?<cap>.+)x cap-map; }
  server {
    listen {port};
    location /before { set $m set; return 200 "$m\\n"; }
    location /after { set $x $m; set $m set; return 200 "$x $m\\n"; }
    location /volatile { set $x $mv; set $mv set; set $args "k=a"; return 200 "$x $mv\\n"; }
    location /cached { set $x $m; set $args "k=a"; return 200 "$x $m $arg_k\\n"; }
    location /uncached { set $x $mv; set $args "k=a"; return 200 "$x $mv\\n"; }
    location /geo { set $y $g; set $g mine; return 200 "$y $g $sp\\n"; }
    location /field { set $http_x mine; return 200 "[$http_x][$http_y]\\n"; }
    location /arg { set $arg_z mine; return 200 "[$arg_z]\\n"; }
    location /cap { if ($arg_k ~ "^(?<cap>.)") { } set $old $cap; set $cap set; return 200 "$old $cap\\n"; }
    location /cap-map { set $x $later; return 200 "[$cap][$1] $x\\n"; }
    location /cap-unset { return 200 "[$cap]\\n"; }
    location /alternatives { if ($arg_k ~ "^(?<one>a)|(?<two>b)") { return 200 "[$one][$two][$1][$2]\\n"; } return 200 "none\\n"; }
    location /args { set $args ""; return 200 "[$args][$is_args][$query_string][$arg_k][$request_uri]\\n"; }
    location /args-self { set $args "$args&more=1"; rewrite ^ /args-end last; }
    location /args-end { return 200 "[$args][$arg_more]\\n"; }
    location /self { set $v "a"; set $v "$v$v"; set $v "$v$v"; return 200 "$v\\n"; }
    location /CaSe { set $MixedCase 1; return 200 "$mixedcase \${MIXEDCASE}\\n"; }
    location /redirected { set $keep kept; set $m kept-too; try_files /none /kept; }
    location /kept { return 200 "$keep $m\\n"; }
    location /id { set $a $request_id; set $b $request_id; if ($a = $b) { return 200 "same\\n"; } return 200 "other\\n"; }
    location /falsy { if ($arg_k) { return 200 "true\\n"; } return 200 "false\\n"; }
    location /not-regex { if ($arg_k !~ "a(.)") { return 200 "no [$1]\\n"; } return 200 "yes [$1]\\n"; }
    location /forget { if ($arg_k ~ "a(.)") { set $c $1; } if ($arg_k ~ "zz") { set $d 1; } return 200 "[$c][$1]\\n"; }
    location /caseless { if ($arg_k ~* "^ABC$") { return 200 "i\\n"; } if ($arg_k ~ "^ABC$") { return 200 "c\\n"; } return 200 "none\\n"; }
    location /eq-case { if ($arg_k = ABC) { return 200 "equal\\n"; } if ($arg_k != abc) { return 200 "neither\\n"; } return 200 "lower\\n"; }
  }`,
  cases: gets(
    "/before?k=a",
    "/after?k=a",
    "/volatile",
    "/cached?k=b",
    "/uncached?k=b",
    "/geo",
    "/field",
    "/arg?z=1",
    "/cap?k=xy",
    "/cap-map?k=abx",
    "/cap-map?k=ab",
    "/cap-unset",
    "/alternatives?k=a",
    "/alternatives?k=b",
    "/alternatives?k=c",
    "/args?k=1",
    "/args-self?k=1",
    "/args-self",
    "/self",
    "/CaSe",
    "/redirected",
    "/id",
    "/falsy",
    "/falsy?k=",
    "/falsy?k=0",
    "/falsy?k=00",
    "/falsy?k=1",
    "/falsy?k=false",
    "/not-regex?k=ab",
    "/not-regex?k=b",
    "/forget?k=ab",
    "/caseless?k=abc",
    "/caseless?k=ABC",
    "/eq-case?k=ABC",
    "/eq-case?k=abc",
    "/eq-case?k=x",
  ),
};

const proxied: Group = {
  subject: "rewrite: proxied",
  config: `
  server {
    listen {port};
    proxy_http_version 1.1; proxy_set_header Connection "";
    location /plain/ { proxy_pass http://127.0.0.1:{backend}; }
    location /break/ { rewrite ^/break/(.*)$ /up/$1 break; proxy_pass http://127.0.0.1:{backend}; }
    location /break-uri/ { rewrite ^/break-uri/(.*)$ /up/$1 break; proxy_pass http://127.0.0.1:{backend}/fixed/; }
    location /args/ { set $args "x=y z"; proxy_pass http://127.0.0.1:{backend}; }
    location /args-uri/ { set $args "x=y"; proxy_pass http://127.0.0.1:{backend}/fixed/; }
    location /in-if/ { if ($arg_i) { proxy_pass http://127.0.0.1:{backend2}; } proxy_pass http://127.0.0.1:{backend}; }
    location /inherit/ { if ($arg_i) { add_header X-If 1; } proxy_pass http://127.0.0.1:{backend}; }
    location /inherit-uri/ { if ($arg_i) { set $x 1; } proxy_pass http://127.0.0.1:{backend}/fixed/; }
    location /header-if/ { proxy_set_header Connection ""; proxy_set_header X-V $v; if ($arg_i) { set $v yes; } proxy_pass http://127.0.0.1:{backend}; }
    location /last/ { rewrite ^/last/(.*)$ /plain/$1 last; }
    location /drop/ { rewrite ^/drop/(.*)$ /up/$1? break; proxy_pass http://127.0.0.1:{backend}; }
    location /limit/ { limit_except GET { proxy_pass http://127.0.0.1:{backend2}; } proxy_pass http://127.0.0.1:{backend}; }
  }`,
  cases: [
    ...gets(
      "/plain/a%20b?c=d",
      "/plain//a/../b",
      "/break/a%20b?c=d",
      "/break/a%3fb%23c%25",
      "/break-uri/a?c",
      "/args/a%20b?c",
      "/args-uri/a",
      "/in-if/x",
      "/in-if/x?i=1",
      "/inherit/x?i=1",
      "/inherit-uri/x?i=1",
      "/header-if/x",
      "/header-if/x?i=1",
      "/last/a%20b?c",
      "/drop/a?c=d",
      "/drop/a",
      "/limit/a",
    ),
    { name: "POST where the method is limited", send: post("/limit/a", "body") },
  ],
};

export const REWRITE_MORE: readonly Group[] = [escaping, levels, logs, owners, proxied];
