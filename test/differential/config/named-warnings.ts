/** Configurations that load, most of them with warnings; and those whose faults lie in two places at once. */
import { http, location, type NamedCase, server } from "./named-case.ts";

const TWO = (first: string, second: string): string =>
  `server {\nlisten 18080;\n${first}\n}\nserver {\nlisten 18080;\n${second}\n}`;

export const WARNINGS: readonly NamedCase[] = [
  http("one name in two servers", TWO("server_name a;", "server_name a;")),
  http("one name twice in one of two servers", TWO("server_name a a;", "server_name b;")),
  http("one name in two cases of letters", TWO("server_name A;", "server_name a;")),
  http("no names in two servers", TWO("", "")),
  http("an empty name in two servers", TWO('server_name "";', 'server_name "";')),
  http("a name and its dotted form", TWO("server_name a.b;", "server_name .a.b;")),
  http("a dotted form and a wildcard", TWO("server_name .a.b;", "server_name *.a.b;")),
  http("one wildcard at the front twice", TWO("server_name *.a;", "server_name *.a;")),
  http("one wildcard at the end twice", TWO("server_name a.*;", "server_name a.*;")),
  http("one expression twice", TWO("server_name ~a;", "server_name ~a;")),
  http(
    "a name that one address has twice and the other once",
    `${TWO("server_name a;", "server_name b;")}\nserver {\nlisten 18081;\nserver_name a;\n}`,
  ),
  http(
    "names on addresses that a wildcard covers",
    "server { listen 18080; server_name a; }\nserver { listen 127.0.0.1:18080; server_name a; }\nserver { listen 127.0.0.1:18080; server_name a; }",
  ),
  http("a malformed wildcard in one server", "server { listen 18080; server_name a*b; }"),
  http("a malformed wildcard in one of two servers", TWO("server_name a*b;", "")),
  http("two stars in one of two servers", TWO("server_name *.*.a;", "")),
  http("two dots in one of two servers", TWO("server_name a..b;", "")),
  http("a name with a slash and a name twice", TWO("server_name a/b;", "server_name a/b;")),
  http(
    "default servers of two addresses",
    "server { listen 18080 default_server; }\nserver { listen 18081 default_server; }",
  ),
  http("two default servers", "server { listen 18080 default_server; }\nserver { listen 18080 default_server; }"),
  http(
    "two default servers of one address in two forms",
    "server { listen 18080 default_server; }\nserver { listen *:18080 default_server; }",
  ),
  http("socket options twice", "server { listen 18080 backlog=5; }\nserver { listen 18080 backlog=5; }"),
  http("bind twice", "server { listen 18080 bind; }\nserver { listen 18080 bind; }"),
  http("socket options and then none", "server { listen 18080 backlog=5; }\nserver { listen 18080; }"),
  http("ports in a range that overlaps a port", "server { listen 18080-18082; listen 18081; }"),
  http("ports in two ranges of two servers", "server { listen 18080-18082; }\nserver { listen 18081-18083; }"),
  http("types twice", "types { text/a a; text/b a; }"),
  http("types twice in two blocks", "types { text/a a; }\ntypes { text/b a; }"),
  http("types twice on two levels", "types { text/a a; }\nserver { types { text/b a; } }"),
  http("MIME types twice on two lines", "gzip_types text/a text/b;\ngzip_types text/b text/c;"),
  http("MIME types twice on two levels", "gzip_types text/a;\nserver { gzip_types text/a; }"),
  http("all MIME types, then one", "gzip_types *;\ngzip_types text/html;"),
  http("several warnings in order", "gzip_types text/html;\ncharset_types text/html;\nserver { server_name a/b; }"),
  http("a warning before an error", "gzip_types text/html;\nfoo;"),
  http("an error before a warning", "foo;\ngzip_types text/html;"),
  http("methods of balancing twice", "upstream a { ip_hash; least_conn; server 127.0.0.1; }"),
  http("a method after keepalive", "upstream a { keepalive 5; ip_hash; server 127.0.0.1; }"),
  http("networks twice", "geo $x { 10.0.0.0/8 a; 10.0.0.0/8 b; }"),
  http("networks with low bits", "geo $x { 10.0.0.1/8 a; }"),
  location("access rules with low bits", "allow 10.0.0.1/8;\ndeny fe80::1/16;"),
  location("conditions twice", "proxy_next_upstream error error;\nproxy_ignore_headers Expires Expires;"),
  location("an index that is absolute before the last", "index /a b;"),
  http("a time that is too long", "keepalive_timeout 300000000000d;"),
  // Which of two faults is told first.
  http(
    "an unknown variable and a duplicate location",
    "server { return 200 $nonesuch; location /a { } location /a { } }",
  ),
  http(
    "a duplicate location and then an unknown variable",
    "server { location /a { } location /a { } return 200 $nonesuch; }",
  ),
  http("an unknown variable before an unknown directive", "server { return 200 $nonesuch; }\nfoo;"),
  http(
    "an unknown host and a duplicate location",
    "server { location /a { proxy_pass http://nonesuch.invalid; } location /a { } }",
  ),
  http(
    "an unknown upstream host before an unknown directive",
    "server { location / { proxy_pass http://nonesuch.invalid; } }\nfoo;",
  ),
  http("an empty upstream before an unknown directive", "upstream a { }\nfoo;"),
  http(
    "a port on an upstream above its block",
    "server { location / { proxy_pass http://a:80; } }\nupstream a { server 127.0.0.1; }",
  ),
  http(
    "a port on an upstream below its block",
    "upstream a { server 127.0.0.1; }\nserver { location / { proxy_pass http://a:80; } }",
  ),
  http(
    "buffers that do not fit at http, and do in the server",
    "proxy_buffer_size 64k;\nserver { proxy_buffers 8 64k; }",
  ),
  http(
    "buffers that do not fit in the server, and do in its location",
    "server { proxy_buffer_size 64k; location / { proxy_buffers 8 64k; } }",
  ),
  http("buffers that do not fit in an if", "server { location / { if ($host) { } proxy_busy_buffers_size 1k; } }"),
  http("a malformed header at http that servers replace", "proxy_set_header A $;\nserver { proxy_set_header A b; }"),
  http("a malformed header at http that a server inherits", "proxy_set_header A $;\nserver { }"),
  http("a malformed body in a location", "server { location / { proxy_set_body ${; } }\n\n"),
  http("a map of an unknown variable that is used", "map $nonesuch $x { default a; }\nserver { return 200 $x; }"),
  http("two unknown variables", "server { return 200 $nonesuch2$nonesuch1; }"),
  http(
    "duplicate locations in nested ones",
    "server { location /b { location /b/1 { } location /b/1 { } } location /a { } location /a { } }",
  ),
  http(
    "duplicate locations in two servers",
    "server { location /b { } location /b { } }\nserver { location /a { } location /a { } }",
  ),
  http(
    "listen options in the second server and a bad directive",
    "server { listen 18080 bind; }\nserver { listen 18080 bind; foo; }",
  ),
  http(
    "a regular expression that is bad in the second server",
    "server { server_name a; }\nserver { server_name ~[; }",
  ),
  { name: "errors after the http block", text: "events { }\nhttp { }\nfoo;\n" },
  { name: "no events and a bad http", text: "http { foo; }\n" },
  { name: "no events and a duplicate location", text: "http { server { location / { } location / { } } }\n" },
  { name: "too few connections", text: "events { worker_connections 1; }\nhttp { server { listen 18080; } }\n" },
  {
    name: "too few connections and an unknown thread pool",
    text: "events { worker_connections 1; }\nhttp { aio threads=a; server { listen 18080; } }\n",
  },
  {
    name: "a thread pool that is declared late",
    text: "events { }\nhttp { aio threads=a; }\nthread_pool a threads=1;\n",
  },
  server(
    "a zone without size that another block has",
    "listen 18080;\n}\nupstream a { zone z; server 127.0.0.1; }\nserver {",
  ),
  server("an include of types with one twice", "include types;", { types: "types {\ntext/a a;\ntext/b a;\n}\n" }),
];
