/** Which server and which location answers. */
import type { Group } from "../case.ts";
import { getFrom, gets } from "../case.ts";

const named = (...hosts: readonly string[]): Group["cases"] =>
  hosts.map((host) => ({ name: `Host: ${host}`, send: getFrom(host, "/") }));

const serverNames: Group = {
  subject: "server_name",
  config: `
  server_names_hash_bucket_size 128;
  server { listen {port}; server_name first.test; return 200 "first $server_name\\n"; }
  server { listen {port} default_server; server_name _; return 200 "default $server_name\\n"; }
  server { listen {port}; server_name exact.test other.test "" ; return 200 "exact $server_name $host\\n"; }
  server { listen {port}; server_name *.wild.test; return 200 "leading $server_name\\n"; }
  server { listen {port}; server_name *.sub.wild.test; return 200 "longer leading $server_name\\n"; }
  server { listen {port}; server_name .dot.test; return 200 "dot $server_name\\n"; }
  server { listen {port}; server_name www.trail.*; return 200 "trailing $server_name\\n"; }
  server { listen {port}; server_name www.trail.more.*; return 200 "longer trailing $server_name\\n"; }
  server { listen {port}; server_name ~^(?<who>[a-z]+)\\.re\\.test$; return 200 "regex $who $1 $server_name\\n"; }
  server { listen {port}; server_name "~^u\\d{2,3}\\.re2\\.test$"; return 200 "quantifier\\n"; }
  server { listen {port}; server_name ~.*\\.test$; return 200 "any regex $server_name\\n"; }
  server { listen {port2}; server_name only.test; server_name_in_redirect on; return 302 /x; }
  server { listen {port3}; return 200 "nameless [$server_name]\\n"; }
  server { listen 127.0.0.1:{port3}; server_name here.test; return 200 "address\\n"; }`,
  cases: [
    ...named(
      "first.test",
      "FIRST.TEST",
      "first.test:99",
      "first.test.",
      "exact.test",
      "other.test",
      "nobody.invalid",
      "a.wild.test",
      "a.b.wild.test",
      "wild.test",
      "x.sub.wild.test",
      "sub.wild.test",
      "dot.test",
      "a.dot.test",
      "www.trail.com",
      "www.trail.co.uk",
      "www.trail.more.com",
      "www.trail",
      "joe.re.test",
      "joe7.re.test",
      "u12.re2.test",
      "u1.re2.test",
      "zzz.test",
      "127.0.0.1",
    ),
    { name: "no Host in HTTP/1.0", send: "GET / HTTP/1.0\r\n\r\n" },
    { name: "the host of an absolute URI wins", send: "GET http://first.test/ HTTP/1.1\r\nHost: exact.test\r\n\r\n" },
    { name: "server_name in redirect", to: "port2", send: getFrom("foo.test", "/") },
    { name: "another port has its own servers", to: "port3", send: getFrom("first.test", "/") },
    { name: "address and wildcard", to: "port3", send: getFrom("here.test", "/") },
  ],
};

const locations: Group = {
  subject: "locations",
  config: `
  server {
    listen {port};
    location = / { return 200 "exact root\\n"; }
    location / { return 200 "root\\n"; }
    location = /exact { return 200 "exact\\n"; }
    location /exact { return 200 "prefix of exact\\n"; }
    location /images/ { return 200 "images\\n"; }
    location ^~ /images/raw/ { return 200 "images raw, no regex\\n"; }
    location ~ \\.(gif|jpg)$ { return 200 "regex $1\\n"; }
    location ~* \\.PNG$ { return 200 "regex without case\\n"; }
    location ~ ^/user/(?<name>[^/]+)/(\\d+)$ { return 200 "user $name $2\\n"; }
    location ~ ^/second { return 200 "first regex\\n"; }
    location ~ ^/second/x { return 200 "second regex\\n"; }
    location /nested/ {
      location /nested/in/ { return 200 "nested in\\n"; }
      location ~ \\.txt$ { return 200 "nested regex\\n"; }
      location = /nested/eq { return 200 "nested exact\\n"; }
      return 200 "nested\\n";
    }
    location ^~ /outer/ {
      location ~ \\.gif$ { return 200 "regex in outer\\n"; }
      return 200 "outer\\n";
    }
    location /abc { return 200 "abc\\n"; }
    location /abcdef { return 200 "abcdef\\n"; }
    location /ab { return 200 "ab\\n"; }
    location "/with space" { return 200 "space\\n"; }
    location /caf\xc3\xa9 { return 200 "utf-8\\n"; }
    location ~ "^/q{2,3}$" { return 200 "quantifier\\n"; }
    location /slash/ { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:{backend}; }
    location ~ ^/!neg(?!ative) { return 200 "lookahead\\n"; }
    location /empty { }
    location /internal { internal; return 200 "seen\\n"; }
  }`,
  cases: [
    ...gets(
      "/",
      "/?a=b",
      "/other",
      "/exact",
      "/exact/",
      "/exactly",
      "/images/",
      "/images/a.gif",
      "/images/raw/a.gif",
      "/a.jpg",
      "/a.JPG",
      "/a.png",
      "/a.PnG",
      "/user/joe/42",
      "/user/joe/x",
      "/second/x",
      "/nested/",
      "/nested/in/x",
      "/nested/a.txt",
      "/nested/in/a.txt",
      "/nested/eq",
      "/nested/a.gif",
      "/outer/a.gif",
      "/outer/a.jpg",
      "/a",
      "/ab",
      "/abc",
      "/abcd",
      "/abcdef",
      "/abcdefg",
      "/with%20space",
      "/caf%C3%A9",
      "/qq",
      "/q",
      "/slash",
      "/slash?x=y",
      "/slash/",
      "/!neg",
      "/!negative",
      "/empty",
      "/internal",
      "/images/../exact",
      "//exact",
      "/EXACT",
      "/exact?/images/",
    ),
  ],
};

export const SERVERS: readonly Group[] = [serverNames, locations];
