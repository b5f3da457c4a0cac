/** Broken configurations, tried with nginx -t and hopway -t: the first error must have the same words and position. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const NGINX = "/usr/sbin/nginx";
const HOPWAY = resolve(import.meta.dir, "../../bin/hopway");

const installed = existsSync(NGINX);
if (!installed) console.log("nginx is not installed: the comparison of configuration errors is skipped");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hopway-errors-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** One configuration that nginx refuses. `text` is the main file; `files` are beside it. */
interface Case {
  readonly name: string;
  readonly text: string;
  readonly files?: Readonly<Record<string, string>>;
  /** Text of -g. */
  readonly globals?: string;
}

/** In the http block, with its lines starting at line 3. */
function http(name: string, text: string, files: Readonly<Record<string, string>> = {}): Case {
  return { name, text: `events { }\nhttp {\n${text}\n}\n`, files };
}

/** In a server, with its lines starting at line 4. */
function server(name: string, text: string, files: Readonly<Record<string, string>> = {}): Case {
  return http(name, `server {\n${text}\n}`, files);
}

/** In a location, with its lines starting at line 5. */
function location(name: string, text: string): Case {
  return server(name, `location / {\n${text}\n}`);
}

const CASES: readonly Case[] = [
  // Words and blocks.
  { name: "empty directive", text: "events { }\n;" },
  { name: "semicolon after a block", text: "events { };" },
  { name: "brace first", text: "{ }" },
  { name: "closing brace first", text: "events { }\n}" },
  { name: "closing brace inside a directive", text: "events { worker_connections 10 }" },
  { name: "no end of a directive", text: "events { }\nuser nobody" },
  { name: "no end of a block", text: "events { }\nhttp {\n\n" },
  { name: "no end of a nested block", text: "events { }\nhttp {\nserver {\n}\n" },
  { name: "no end of a quotation", text: 'events { }\nuser "nobody;\n\n' },
  { name: "text after a quotation", text: 'events { }\nuser "no"body;' },
  { name: "a word that is too long", text: `events { }\nuser ${"x".repeat(5000)};\n` },
  { name: "a quotation that is too long", text: `events { }\nuser "${"x".repeat(5000)};\n` },
  { name: "a comment that is too long", text: `events { }\n# ${"x".repeat(5000)}\nfoo;` },
  { name: "a word of 4096 characters", text: `events { }\n${"x".repeat(4096)};` },
  { name: "a word of 4095 characters", text: `events { }\nfoo ${"x".repeat(4095)};` },
  { name: "an unclosed variable", text: "events { }\nuser ${nobody;" },
  { name: "windows line ends", text: "events { }\r\nfoo;\r\n" },
  { name: "an early error before a syntax error", text: "foo;\n}" },
  { name: "a syntax error before a late error", text: "events { }\n}\nfoo;" },
  { name: "a multi-line directive", text: "events { }\nfoo\n  bar\n  baz;" },
  { name: "an empty file", text: "" },
  { name: "comments only", text: "# nothing\n" },
  // -g.
  { name: "-g without an end", text: "events { }", globals: "daemon off" },
  { name: "-g unknown", text: "events { }", globals: "foo bar;" },
  { name: "-g with a block", text: "events { }", globals: "events { }" },
  { name: "-g that the file repeats", text: "daemon off;\nevents { }", globals: "daemon off;" },
  { name: "-g with a stray brace", text: "events { }", globals: "}" },
  { name: "-g in the wrong place", text: "events { }", globals: "server_name a;" },
  // Include.
  { name: "a missing include", text: "events { }\ninclude none.conf;" },
  { name: "include without a name", text: "events { }\ninclude;" },
  { name: "include with two names", text: "events { }\ninclude a b;" },
  { name: "include with a block", text: "events { }\ninclude a { }" },
  { name: "an error in an include", text: "events { }\ninclude d/*.conf;", files: { "d/a.conf": "\n\nfoo;" } },
  { name: "a brace in an include", text: "events { }\nhttp { include a; }", files: { a: "}\n" } },
  { name: "an open block in an include", text: "events { }\nhttp { include a; }", files: { a: "server {\n\n" } },
  { name: "a missing include in an include", text: "events { }\ninclude a;", files: { a: "\ninclude b;" } },
  // Places and counts.
  { name: "no events", text: "http { }" },
  { name: "two https", text: "events { }\nhttp { }\nhttp { }" },
  { name: "two events", text: "events { }\nevents { }" },
  { name: "unknown in main", text: "events { }\nfoo bar;" },
  { name: "an unknown block", text: "events { }\nfoo {\nbar;\n}" },
  { name: "server outside http", text: "events { }\nserver { }" },
  { name: "http with an argument", text: "events { }\nhttp x { }" },
  { name: "http without a block", text: "events { }\nhttp;" },
  { name: "events without a block", text: "events;" },
  { name: "worker_processes with a block", text: "worker_processes 1 { }" },
  { name: "worker_processes twice", text: "worker_processes 1;\nworker_processes 1;\nevents { }" },
  { name: "worker_processes of letters", text: "worker_processes x;\nevents { }" },
  { name: "worker_processes without a number", text: "worker_processes;\nevents { }" },
  { name: "worker_connections of letters", text: "events { worker_connections x; }" },
  { name: "worker_connections twice", text: "events {\nworker_connections 9;\nworker_connections 9;\n}" },
  { name: "worker_connections outside events", text: "worker_connections 9;\nevents { }" },
  { name: "daemon neither on nor off", text: "daemon maybe;\nevents { }" },
  { name: "pid twice", text: "pid a;\npid b;\nevents { }" },
  { name: "unknown error_log level", text: "error_log stderr foo;\nevents { }" },
  { name: "use of an unknown method", text: "events { use foo; }" },
  http("unknown in http", "foo;"),
  http("listen in http", "listen 80;"),
  http("location in http", "location / { }"),
  http("a flag with a wrong word", "sendfile yes;"),
  http("a flag without a word", "sendfile;"),
  http("a flag with two words", "sendfile on off;"),
  http("a flag twice", "sendfile on;\nsendfile on;"),
  http("a time with a wrong unit", "client_header_timeout 5x;"),
  http("a time twice", "client_header_timeout 5;\nclient_header_timeout 5;"),
  http("months for milliseconds", "client_body_timeout 1M;"),
  http("a size with a wrong unit", "client_max_body_size 1x;"),
  http("a negative size", "client_max_body_size -1;"),
  http("buffers without a size", "large_client_header_buffers 4;"),
  http("no buffers", "large_client_header_buffers 0 8k;"),
  http("types with a block inside", "types {\ntext/html html;\nfoo {\n}\n}"),
  http("types without a block", "types text/html html;"),
  http("keepalive_timeout of letters", "keepalive_timeout x;"),
  http("default_type without a type", "default_type;"),
  http("log_format without a format", "log_format x;"),
  http("log_format twice", "log_format x a;\nlog_format x b;"),
  http("access_log with an unknown format", "access_log off.log nonesuch;"),
  // Servers and locations.
  server("unknown in server", "foo;"),
  server("listen without an address", "listen;"),
  server("listen on an invalid port", "listen 99999;"),
  server("listen on no port", "listen 127.0.0.1:;"),
  server("listen with an unknown parameter", "listen 8080 foo;"),
  server("listen twice", "listen 8080;\nlisten 8080;"),
  http("two default servers", "server { listen 8080 default_server; }\nserver { listen 8080 default_server; }"),
  server("an unclosed IPv6 address", "listen [::1;"),
  server("server_name with a bad start", "server_name *b;"),
  server("server_name of a dot", "server_name .;"),
  server("server_name with a bad regular expression", "server_name ~(;"),
  server("server_name without a pattern", "server_name ~;"),
  server("location without a path", "location { }"),
  server("location with an unknown modifier", "location % / { }"),
  server("location with a bad regular expression", "location ~ *a { }"),
  server("location with too many arguments", "location ~ a b { }"),
  server("the same location twice", "location /a { }\nlocation /a { }"),
  server("the same exact location twice", "location = /a { }\nlocation = /a { }"),
  server("a location outside the one around it", "location /a {\nlocation /b { }\n}"),
  server("a location in an exact one", "location = /a {\nlocation /a/b { }\n}"),
  server("a named location in a location", "location /a {\nlocation @b { }\n}"),
  server("alias in server", "alias /x;"),
  location("root twice", "root /a;\nroot /b;"),
  location("root and alias", "root /a;\nalias /b;"),
  location("root with $document_root", "root $document_root/a;"),
  location("return without a code", "return;"),
  location("return with an invalid code", "return foo;"),
  location("return with a code too large", "return 1000;"),
  location("an unknown variable", "return 200 $nonesuch;"),
  location("a malformed variable", "return 200 ${a;"),
  location("set without a dollar", "set a b;"),
  location("set of a fixed variable", "set $host b;"),
  location("set without a value", "set $a;"),
  location("if without a condition", "if { }"),
  location("if with an unknown operator", "if ($host ^ a) { }"),
  location("if without parentheses", "if $host { }"),
  location("if with a directive that may not stand there", "if ($host) { listen 80; }"),
  location("rewrite with one argument", "rewrite a;"),
  location("rewrite with a bad flag", "rewrite a b foo;"),
  location("rewrite with a bad regular expression", "rewrite [ b;"),
  location("break with an argument", "break a;"),
  location("error_page with one argument", "error_page 404;"),
  location("error_page with a bad code", "error_page 200 /x;"),
  location("error_page with a code of letters", "error_page x /x;"),
  location("try_files with one argument", "try_files $uri;"),
  location("try_files with a bad code", "try_files $uri =x;"),
  location("expires of letters", "expires x;"),
  location("add_header with one argument", "add_header a;"),
  location("add_header with a bad parameter", "add_header a b c;"),
  location("satisfy something else", "satisfy some;"),
  location("allow of letters", "allow x;"),
  location("internal with an argument", "internal x;"),
  location("limit_rate of letters", "limit_rate x;"),
  // Proxying and upstreams.
  location("proxy_pass without a scheme", "proxy_pass 127.0.0.1;"),
  location("proxy_pass with an unknown scheme", "proxy_pass ftp://127.0.0.1;"),
  location("proxy_pass without an address", "proxy_pass http://;"),
  location("proxy_pass to an invalid port", "proxy_pass http://127.0.0.1:99999;"),
  location("proxy_pass twice", "proxy_pass http://127.0.0.1;\nproxy_pass http://127.0.0.1;"),
  location("proxy_pass to an unknown host", "proxy_pass http://nonesuch.invalid;"),
  server("proxy_pass with a path in a regular expression", "location ~ a {\nproxy_pass http://127.0.0.1/b;\n}"),
  server("proxy_pass in server", "proxy_pass http://127.0.0.1;"),
  location("proxy_set_header with one argument", "proxy_set_header a;"),
  location("proxy_http_version 3", "proxy_http_version 3;"),
  location("proxy_read_timeout of letters", "proxy_read_timeout x;"),
  location("proxy_read_timeout twice", "proxy_read_timeout 1;\nproxy_read_timeout 1;"),
  location("proxy_buffers with one argument", "proxy_buffers 8;"),
  location("proxy_buffers of letters", "proxy_buffers 8 x;"),
  location("proxy_busy_buffers_size too large", "proxy_busy_buffers_size 1m;"),
  location("proxy_busy_buffers_size too small", "proxy_busy_buffers_size 1k;"),
  location("proxy_next_upstream unknown", "proxy_next_upstream foo;"),
  location("proxy_redirect with three words", "proxy_redirect a b c;"),
  location("proxy_redirect default without proxy_pass", "proxy_redirect default;"),
  location("proxy_cookie_flags without a name", "proxy_cookie_flags;"),
  location("proxy_ignore_headers unknown", "proxy_ignore_headers foo;"),
  http("upstream without a name", "upstream { server 127.0.0.1; }"),
  http("upstream without servers", "upstream a { }"),
  http("upstream twice", "upstream a { server 127.0.0.1; }\nupstream a { server 127.0.0.1; }"),
  http("a server with an unknown parameter", "upstream a {\nserver 127.0.0.1 foo;\n}"),
  http("a server with a bad weight", "upstream a {\nserver 127.0.0.1 weight=x;\n}"),
  http("a server with an invalid port", "upstream a {\nserver 127.0.0.1:99999;\n}"),
  http("a server without a host", "upstream a {\nserver;\n}"),
  http("an unknown host", "upstream a {\nserver nonesuch.invalid;\n}"),
  http("a backup with ip_hash", "upstream a {\nip_hash;\nserver 127.0.0.1 backup;\n}"),
  http("ip_hash with an argument", "upstream a {\nip_hash x;\n}"),
  http("keepalive without a number", "upstream a {\nserver 127.0.0.1;\nkeepalive;\n}"),
  http("keepalive of letters", "upstream a {\nserver 127.0.0.1;\nkeepalive x;\n}"),
  http("hash with an unknown word", "upstream a {\nhash $uri foo;\nserver 127.0.0.1;\n}"),
  http("a location in an upstream", "upstream a {\nlocation / { }\n}"),
  // Maps.
  http("map with one argument", "map $host { }"),
  http("map of no variable", "map $host x { }"),
  http("map with three words", "map $host $x {\na b c;\n}"),
  http("map with a repeated key", "map $host $x {\na b;\na c;\n}"),
  http("map with two defaults", "map $host $x {\ndefault b;\ndefault c;\n}"),
  http("map with a bad regular expression", "map $host $x {\n~( b;\n}"),
  http("map with a block inside", "map $host $x {\na b;\nc {\n}\n}"),
  http("map with a missing include", "map $host $x {\ninclude none;\n}"),
  http("split_clients with a bad part", "split_clients $host $x {\nfoo a;\n}"),
  http("split_clients over a hundred", "split_clients $host $x { 60% a; 60% b; }"),
  http("geo with a bad network", "geo $x {\nfoo a;\n}"),
  http("geo of no variable", "geo x {\n}"),
  http("map of a lone dollar", "map $host $ { }"),
  http("map of a fixed variable", "map $arg_x $host { a b; }"),
  http("map with one word", "map $host $x {\nfoo;\n}"),
  http("map with a malformed source", "map ${host $x { }"),
  http("map with a malformed value", "map $host $x {\na ${b;\n}"),
  http("map with an unknown variable as value", "map $host $x {\na $nonesuch;\n}\nserver { return 200 $x; }"),
  http("map with an unknown source that nobody uses", "map $nonesuch $x {\na b;\n}"),
  http("map with a repeated key of another case", "map $host $x {\na b;\nA c;\n}"),
  http("map of host names with two stars", "map $host $x {\nhostnames;\n*.*.a b;\n}"),
  http("map of host names with a star inside", "map $host $x {\nhostnames;\na*b c;\n}"),
  http("map of host names with two dots", "map $host $x {\nhostnames;\na..b c;\n}"),
  http("map of host names with both wildcards", "map $host $x {\nhostnames;\n.a.b c;\n*.a.b d;\n}"),
  http("map of host names with a name and its dotted form", "map $host $x {\nhostnames;\na.b c;\n.a.b d;\n}"),
  http("map of host names with a repeated end", "map $host $x {\nhostnames;\na.* c;\na.* d;\n}"),
  http("map with a fixed name in its pattern", "map $arg_x $x {\n~(?<host>.) c;\n}"),
  http("split_clients of no variable", "split_clients $host x { }"),
  http("split_clients with zero", "split_clients $host $x {\n0% a;\n}"),
  http("split_clients with three decimals", "split_clients $host $x {\n1.234% a;\n}"),
  http("split_clients with a lone percent sign", "split_clients $host $x {\n% a;\n}"),
  http("split_clients with a share after the rest", "split_clients $host $x {\n* a;\n10% b;\n}"),
  http("geo with three words", "geo $x {\na b c;\n}"),
  http("geo with one word", "geo $x {\na;\n}"),
  http("geo with three names", "geo $a $b $c { }"),
  http("geo of a fixed variable", "geo $host { }"),
  http("geo with a prefix too long", "geo $x {\n10.0.0.0/33 a;\n}"),
  http("geo with a prefix of letters", "geo $x {\n10.0.0.0/x a;\n}"),
  http("geo with a short address", "geo $x {\n10.0/16 a;\n}"),
  http("geo with late ranges", "geo $x {\n10.0.0.0/8 a;\nranges;\n}"),
  http("geo with late ranges after default", "geo $x {\ndefault a;\nranges;\n}"),
  http("geo with a network among ranges", "geo $x {\nranges;\n10.0.0.0/8 a;\n}"),
  http("geo with a range upside down", "geo $x {\nranges;\n10.0.0.9-10.0.0.1 a;\n}"),
  http("geo with crossing ranges", "geo $x {\nranges;\n10.0.0.1-10.0.0.9 a;\n10.0.0.5-10.0.0.12 b;\n}"),
  http("geo with a range up to the last address", "geo $x {\nranges;\n10.0.0.0-255.255.255.255 a;\n}"),
  http("geo with a bad proxy", "geo $x {\nproxy foo;\n}"),
  http("geo that deletes nonsense", "geo $x {\ndelete foo;\n}"),
  location("set of a lone dollar", "set $ a;"),
  location("set of a variable in braces", "set ${a} b;\nreturn 200 $a;"),
  location("set to an unknown variable", "set $a $nonesuch;"),
  location("set to a malformed variable", "set $a ${b;"),
  location("set to a lone dollar", "set $a $;"),
  location("set to a name without a closing brace", 'set $a "${b";'),
  location("if of nothing", "if () { }"),
  location("if with an open end", "if ($host { }"),
  location("if of a lone dollar", "if ($) { }"),
  location("if of a word", "if (a = b) { }"),
  location("if of a variable and a word", "if ($host a) { }"),
  location("if with too many words", "if ($host = a b) { }"),
  location("if with a missing value", "if ($host =) { }"),
  location("if of an unknown variable", "if ($nonesuch) { }"),
  location("if with a bad regular expression", "if ($host ~ *a) { }"),
  location("if with an unclosed group", 'if ($host ~ "(a") { }'),
  location("if with an unknown file test", "if (-z /x) { }"),
  location("if with a file test of nothing", "if (-f) { }"),
  location("if with a file test of two files", "if (-f a b) { }"),
  location("if with a long file test", "if (!-fx a) { }"),
  location("if with a negated nothing", "if (!$host) { }"),
  location("if with ==", "if ($host == a) { }"),
  location("proxy_pass with a URI in an if", "if ($host) { proxy_pass http://127.0.0.1/x; }"),
  server("an if in a server with a location's directive", "if ($host) { root /x; }"),
  server("an if in a server with a location", "if ($host) { location / { } }"),
  server("a fixed name in a rewrite", "rewrite (?<uri>.) /x;"),
  location("rewrite to nothing", 'rewrite a "";'),
  location("rewrite to a malformed variable", "rewrite a /${b;"),
  location("rewrite to an unknown variable", "rewrite a /$nonesuch;"),
  location("rewrite with four arguments", "rewrite a b last c;"),
  location("rewrite_log maybe", "rewrite_log maybe;"),
  location("uninitialized_variable_warn twice", "uninitialized_variable_warn on;\nuninitialized_variable_warn off;"),
  location("return of a relative URL alone", "return /x;"),
  location("return of a negative code", "return -1;"),
  location("return of a code and a malformed variable", "return 301 ${x;"),
  location("return with three arguments", "return 200 a b;"),
  location("return of an unknown scheme", "return ftp://x;"),
  server("an if in an if of a server", "if ($host) {\nif ($uri) { }\n}"),
  location("an if in an if", "if ($host) {\nif ($uri) { }\n}"),
  http("if outside servers", "if ($host) { }"),
  http("set outside servers", "set $a b;"),
  // Shared zones and limits.
  http("limit_req_zone without a zone", "limit_req_zone $uri rate=1r/s rate=2r/s;"),
  http("limit_req_zone with two arguments", "limit_req_zone $uri zone=a:1m;"),
  http("limit_req_zone without a size", "limit_req_zone $uri zone=a rate=1r/s;"),
  http("limit_req_zone with an empty size", "limit_req_zone $uri zone=a: rate=1r/s;"),
  http("limit_req_zone with a malformed size", "limit_req_zone $uri zone=a:1x rate=1r/s;"),
  http("limit_req_zone with two colons", "limit_req_zone $uri zone=a:1m:b rate=1r/s;"),
  http("limit_req_zone that is too small", "limit_req_zone $uri zone=a:32767 rate=1r/s;"),
  http("limit_req_zone without a name", "limit_req_zone $uri zone=:1m rate=1r/s;"),
  http("limit_req_zone with a rate of nothing", "limit_req_zone $uri zone=a:1m rate=;"),
  http("limit_req_zone with a rate of 0", "limit_req_zone $uri zone=a:1m rate=0r/s;"),
  http("limit_req_zone with a rate per hour", "limit_req_zone $uri zone=a:1m rate=1r/h;"),
  http("limit_req_zone with a unit alone", "limit_req_zone $uri zone=a:1m rate=r/m;"),
  http("limit_req_zone with half a request", "limit_req_zone $uri zone=a:1m rate=0.5r/s;"),
  http("limit_req_zone with another parameter", "limit_req_zone $uri zone=a:1m burst=1;"),
  http("limit_req_zone twice", "limit_req_zone $uri zone=a:1m rate=1r/s;\nlimit_req_zone $host zone=a:1m rate=1r/s;"),
  http(
    "limit_req_zone twice with other sizes",
    "limit_req_zone $uri zone=a:1m rate=1r/s;\nlimit_req_zone $uri zone=a:2m rate=1r/s;",
  ),
  http("limit_req_zone with a malformed key", "limit_req_zone ${uri zone=a:1m rate=1r/s;"),
  http("limit_req_zone with an unknown key", "limit_req_zone $nonesuch zone=a:1m rate=1r/s;"),
  http("limit_req without a zone", "limit_req burst=1;"),
  http("limit_req of an unknown zone", "limit_req zone=nonesuch;"),
  http("limit_req of a zone without a name", "limit_req zone=;"),
  http("limit_req without arguments", "limit_req;"),
  http("limit_req with four arguments", "limit_req zone=a burst=1 nodelay delay=1;"),
  http("limit_req with a burst of 0", "limit_req zone=a burst=0;"),
  http("limit_req with a burst of -1", "limit_req zone=a burst=-1;"),
  http("limit_req with a delay of 0", "limit_req zone=a delay=0;"),
  http("limit_req with a word", "limit_req zone=a often;"),
  http("limit_req of the zone's name alone", "limit_req a;"),
  http("limit_req twice", "limit_req_zone $uri zone=a:1m rate=1r/s;\nlimit_req zone=a;\nlimit_req zone=a burst=1;"),
  http("limit_req of a zone of limit_conn", "limit_conn_zone $uri zone=a:1m;\nlimit_req zone=a;"),
  http("limit_req_status of 399", "limit_req_status 399;"),
  http("limit_req_status of 600", "limit_req_status 600;"),
  http("limit_req_status of a word", "limit_req_status many;"),
  http("limit_req_status twice", "limit_req_status 500;\nlimit_req_status 501;"),
  http("limit_req_log_level debug", "limit_req_log_level debug;"),
  http("limit_req_dry_run maybe", "limit_req_dry_run maybe;"),
  http("limit_conn_zone without a zone", "limit_conn_zone $uri rate=1r/s;"),
  http("limit_conn_zone with one argument", "limit_conn_zone $uri;"),
  http("limit_conn_zone with three arguments", "limit_conn_zone $uri zone=a:1m zone=a:1m;"),
  http("limit_conn_zone without a size", "limit_conn_zone $uri zone=a;"),
  http("limit_conn_zone that is too small", "limit_conn_zone $uri zone=a:1k;"),
  http("limit_conn_zone without a name", "limit_conn_zone $uri zone=:1m;"),
  http("limit_conn_zone twice", "limit_conn_zone $uri zone=a:1m;\nlimit_conn_zone $uri zone=a:1m;"),
  server("limit_conn_zone in a server", "limit_conn_zone $uri zone=a:1m;"),
  http("limit_conn of an unknown zone", "limit_conn nonesuch 1;"),
  http("limit_conn of nothing", 'limit_conn "" 1;'),
  http("limit_conn of 0", "limit_conn a 0;"),
  http("limit_conn of a word", "limit_conn a many;"),
  http("limit_conn of 65535", "limit_conn a 65535;"),
  http("limit_conn of 65536", "limit_conn a 65536;"),
  http("limit_conn without a number", "limit_conn a;"),
  http("limit_conn twice", "limit_conn_zone $uri zone=a:1m;\nlimit_conn a 1;\nlimit_conn a 2;"),
  http("limit_conn of a zone of limit_req", "limit_req_zone $uri zone=a:1m rate=1r/s;\nserver {\nlimit_conn a 1;\n}"),
  http("limit_conn_status of 200", "limit_conn_status 200;"),
  http("limit_conn_log_level crit", "limit_conn_log_level crit;"),
  http("limit_conn_dry_run twice", "limit_conn_dry_run on;\nlimit_conn_dry_run on;"),
  http("zone without a name", 'upstream u { zone "" 1m; server 127.0.0.1; }'),
  http("zone with a malformed size", "upstream u { zone z 1mm; server 127.0.0.1; }"),
  http("zone that is too small", "upstream u { zone z 16k; server 127.0.0.1; }"),
  http("zone without a size anywhere", "upstream u { zone z; server 127.0.0.1; }"),
  http(
    "zone of two sizes",
    "upstream u { zone z 64k; server 127.0.0.1; }\nupstream v { zone z 128k; server 127.0.0.1; }",
  ),
  http("zone of another use", "limit_conn_zone $uri zone=z:1m;\nupstream u { zone z 1m; server 127.0.0.1; }"),
];

describe.skipIf(!installed)("the first error", () => {
  for (const [index, { name, text, files, globals }] of CASES.entries()) {
    test(name, () => {
      const prefix = join(folder, String(index));
      mkdirSync(join(prefix, "logs"), { recursive: true });
      for (const [path, content] of Object.entries({ "nginx.conf": text, ...files })) {
        mkdirSync(dirname(join(prefix, path)), { recursive: true });
        writeFileSync(join(prefix, path), content, "latin1");
      }
      const args = [
        "-t",
        "-p",
        prefix,
        "-c",
        "nginx.conf",
        "-e",
        "logs/error.log",
        ...(globals ? ["-g", globals] : []),
      ];
      const theirs = firstError(NGINX, args);
      expect(theirs).not.toBe("");
      const ours = firstError(HOPWAY, args);
      // Where nginx names no place and hopway can, it does.
      expect(/ in \S+:\d+$/.test(theirs) ? ours : ours.replace(/ in \S+:\d+$/, "")).toBe(theirs);
    });
  }
});

/** The first error of a run, without the name of the program. */
function firstError(program: string, args: readonly string[]): string {
  const { stderr } = spawnSync(program, args, { encoding: "latin1" });
  const line = stderr.split("\n").find((candidate) => /^\w+: \[(?:emerg|alert|crit)\]/.test(candidate)) ?? "";
  return line.replace(/^\w+: /, "");
}
