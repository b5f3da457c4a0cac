/** Corners of what the proxy changes in responses: cookies, redirects, hidden lines, X-Accel targets; and its variables. */
import { type BackendStep, type Behaviour, plainAnswer } from "../../harness/recording-backend.ts";
import { type Group, get, gets, post, request } from "../case.ts";

const KEEP = 'proxy_http_version 1.1; proxy_set_header Connection "";';

function answer(...steps: readonly BackendStep[]): Behaviour {
  return { steps };
}

function redirect(...fields: readonly string[]): Behaviour {
  return answer(["HTTP/1.1 302 Found", ...fields, "Content-Length: 0", "", ""].join("\r\n"));
}

export const PROXY_REWRITES: readonly Group[] = [
  {
    subject: "cookies of the upstream",
    config: `
  server {
    listen {port};
    ${KEEP}
    proxy_cookie_path /outer/ /o/;
    location /none/ { proxy_cookie_path off; proxy_pass http://127.0.0.1:{backend}/; }
    location /outer/ { proxy_pass http://127.0.0.1:{backend}/; }
    location /own/ { proxy_cookie_path / /own/; proxy_pass http://127.0.0.1:{backend}/; }
    location /domain/ { proxy_cookie_domain .up.test .front.test; proxy_pass http://127.0.0.1:{backend}/; }
    location /domain-any/ { proxy_cookie_domain ~^.*$ any.test; proxy_pass http://127.0.0.1:{backend}/; }
    location /domain-var/ { proxy_cookie_domain $arg_d $host; proxy_pass http://127.0.0.1:{backend}/; }
    location /path-re/ { proxy_cookie_path ~*^/APP/(\\w+) /$1/; proxy_pass http://127.0.0.1:{backend}/; }
    location /path-case/ { proxy_cookie_path /APP/ /u/; proxy_pass http://127.0.0.1:{backend}/; }
    location /path-empty/ { proxy_cookie_path /app "/; added"; proxy_pass http://127.0.0.1:{backend}/; }
    location /all-on/ { proxy_cookie_flags ~. secure httponly samesite=none; proxy_pass http://127.0.0.1:{backend}/; }
    location /all-off/ { proxy_cookie_flags ~. nosecure nohttponly nosamesite; proxy_pass http://127.0.0.1:{backend}/; }
    location /strict/ { proxy_cookie_flags ~. SameSite=STRICT; proxy_pass http://127.0.0.1:{backend}/; }
    location /lax-then-none/ { proxy_cookie_flags ~. samesite=lax samesite=none secure; proxy_pass http://127.0.0.1:{backend}/; }
    location /off-then-on/ { proxy_cookie_flags ~. nosamesite samesite=lax nosecure; proxy_pass http://127.0.0.1:{backend}/; }
    location /by-name/ { proxy_cookie_flags SESSION secure; proxy_cookie_flags $arg_n httponly; proxy_cookie_flags ~^s samesite=lax; proxy_pass http://127.0.0.1:{backend}/; }
    location /flag-var/ { proxy_cookie_flags ~. $arg_f; proxy_pass http://127.0.0.1:{backend}/; }
    location /flags-and-path/ { proxy_cookie_path /app/ /; proxy_cookie_flags session secure; proxy_pass http://127.0.0.1:{backend}/; }
  }`,
    behaviours: {
      jar: answer(
        plainAnswer(
          "jar\n",
          "Set-Cookie: session=1; Domain=up.test; Path=/app/x; Secure; HttpOnly; SameSite=Lax",
          "Set-Cookie: session=2;path=/outer/;domain=.UP.test;secure=1;httponly=2;samesite",
          "Set-Cookie:   spaced = 3 ;  Path = /app/y ;; Domain = up.test ; Max-Age=5 ",
          "set-cookie: s=",
          "Set-Cookie: nameless",
          "Set-Cookie: path=/app/; path=/app/z; path=/outer/q",
          "Set-Cookie: a=b; domain; path; SECURE",
          "Set-Cookie: =v; path=/app/",
          "Set-Cookie:",
          'Set-Cookie: q="x;y"; path="/app/"',
        ),
      ),
    },
    cases: [
      ...gets(
        ...[
          "none",
          "outer",
          "own",
          "domain",
          "domain-any",
          "path-re",
          "path-case",
          "path-empty",
          "all-on",
          "all-off",
        ].map((where) => `/${where}/jar`),
        ...["strict", "lax-then-none", "off-then-on", "flags-and-path"].map((where) => `/${where}/jar`),
        "/domain-var/jar?d=up.test",
        "/domain-var/jar",
        "/by-name/jar?n=S",
        "/by-name/jar",
        "/flag-var/jar?f=secure",
        "/flag-var/jar",
        "/flag-var/jar?f=wrong",
      ),
    ],
  },
  {
    subject: "redirects of the upstream",
    config: `
  server {
    listen {port};
    server_name front.test;
    ${KEEP}
    location /one/ { proxy_pass http://127.0.0.1:{backend}/two/; location /one/nested/ { proxy_pass http://127.0.0.1:{backend}/three/; } }
    location = /exact { proxy_pass http://127.0.0.1:{backend}/for-exact; }
    location ~ ^/regex/ { proxy_pass http://127.0.0.1:{backend}; }
    location /variable/ { set $b 127.0.0.1:{backend}; proxy_pass http://$b; }
    location /relative/ { absolute_redirect off; proxy_redirect http://up.test/ /rel/; proxy_pass http://127.0.0.1:{backend}/; }
    location /absolute/ { proxy_redirect http://up.test/ /abs/; proxy_pass http://127.0.0.1:{backend}/; }
    location /no-port/ { port_in_redirect off; proxy_redirect http://up.test/ /np/; proxy_pass http://127.0.0.1:{backend}/; }
    location /own-name/ { server_name_in_redirect on; proxy_redirect http://up.test/ /sn/; proxy_pass http://127.0.0.1:{backend}/; }
    location /empty/ { proxy_redirect http://up.test/ ""; proxy_pass http://127.0.0.1:{backend}/; }
    location /grow/ { proxy_redirect / http://$http_host/longer/; proxy_pass http://127.0.0.1:{backend}/; }
    location /url/ { proxy_redirect ~^(?<scheme_of>\\w+)://(?<host_of>[^/]+)(?<rest_of>/.*)?$ $scheme://new.test/$scheme_of/$host_of$rest_of; proxy_pass http://127.0.0.1:{backend}/; }
    location /hidden/ { proxy_hide_header Location; proxy_pass http://127.0.0.1:{backend}/; }
    location /if/ { if ($arg_x) { set $y 1; } proxy_redirect http://up.test/ /in-if/; proxy_pass http://127.0.0.1:{backend}/; }
  }`,
    behaviours: {
      up: redirect("Location: http://up.test/a?b#c", "X-After: 1"),
      "up-root": redirect("Location: http://up.test"),
      slash: redirect("X-Before: 1", "Location: /a/b"),
      none: redirect("X-Only: 1"),
      "empty-value": redirect("Location:"),
      two: redirect("Location: http://127.0.0.1:{backend}/two/x"),
      three: redirect("Location: http://127.0.0.1:{backend}/three/x"),
      exact: redirect("Location: http://127.0.0.1:{backend}/for-exact?x"),
      whole: redirect("Location: http://127.0.0.1:{backend}/regex/x"),
      created: answer("HTTP/1.1 201 Created\r\nLocation: http://up.test/new\r\nContent-Length: 0\r\n\r\n"),
      ok: answer(plainAnswer("ok\n", "Location: http://up.test/new")),
      "refresh-up": answer(plainAnswer("r\n", "Refresh: 3; URL=http://up.test/r")),
      "refresh-quoted": answer(plainAnswer("r\n", "Refresh: 3; url='http://up.test/r'")),
      "refresh-only": answer(plainAnswer("r\n", "refresh: 3", "Refresh: 4;uRl=http://up.test/")),
    },
    cases: [
      ...gets(
        ...["/one/two", "/one/nested/three", "/one/nested/two", "/one/slash"],
        ...["/regex/whole", "/regex/slash", "/variable/whole", "/variable/slash"],
        ...["relative", "absolute", "no-port", "own-name", "empty", "grow", "url", "hidden"].flatMap((where) => [
          `/${where}/up`,
          `/${where}/slash`,
        ]),
        ...["up-root", "none", "empty-value", "created", "ok", "refresh-up", "refresh-quoted", "refresh-only"].map(
          (what) => `/absolute/${what}`,
        ),
        "/url/up-root",
        "/if/up",
        "/if/up?x=1",
      ),
      { name: "exact", send: get("/exact", "X-Behave: exact") },
      {
        name: "absolute for another Host and port",
        send: request("GET", "/absolute/up").replace("test", "Other.test:99"),
      },
      { name: "absolute without Host", send: "GET /absolute/up HTTP/1.0\r\n\r\n" },
      { name: "HEAD", send: request("HEAD", "/absolute/up") },
    ],
  },
  {
    subject: "lines of the upstream",
    config: `
  server {
    listen {port};
    ${KEEP}
    proxy_hide_header X-Outer;
    location /plain/ { proxy_pass http://127.0.0.1:{backend}/; }
    location /own-hide/ { proxy_hide_header x-own; proxy_pass http://127.0.0.1:{backend}/; }
    location /own-pass/ { proxy_pass_header X-Outer; proxy_pass_header Server; proxy_pass http://127.0.0.1:{backend}/; }
    location /pass-all/ { proxy_pass_header Date; proxy_pass_header Server; proxy_pass_header X-Pad; proxy_pass_header X-Accel-Expires; proxy_pass_header X-Accel-Charset; proxy_pass_header Connection; proxy_pass_header Keep-Alive; proxy_pass_header Transfer-Encoding; proxy_pass http://127.0.0.1:{backend}/; }
    location /hide-all/ { proxy_hide_header Content-Type; proxy_hide_header Last-Modified; proxy_hide_header Set-Cookie; proxy_hide_header Content-Length; proxy_hide_header Vary; proxy_pass http://127.0.0.1:{backend}/; }
    location /tokens/ { server_tokens off; proxy_pass_header Server; proxy_pass http://127.0.0.1:{backend}/; }
    location /charset/ { charset koi8-r; proxy_pass http://127.0.0.1:{backend}/; }
    location /charset-override/ { charset utf-8; override_charset on; proxy_pass http://127.0.0.1:{backend}/; }
    location /added/ { add_header X-Added 1; add_header Vary added; proxy_pass http://127.0.0.1:{backend}/; }
  }`,
    behaviours: {
      lines: answer(
        plainAnswer(
          "lines\n",
          "server: own/1",
          "DATE: Thu, 01 Jan 2015 00:00:00 GMT",
          "X-Outer: o",
          "x-own: w",
          "X-Pad: p",
          "Vary: A",
          "vary: B",
          "Link: <a>; rel=x",
          "Cache-Control: no-cache",
          "Expires: Thu, 01 Jan 2015 00:00:00 GMT",
          "Last-Modified: Thu, 01 Jan 2015 00:00:00 GMT",
          'ETag: "e"',
          "Accept-Ranges: bytes",
          "Content-Encoding: br",
          "Content-Language: de",
          "Status: 201 Made",
          "WWW-Authenticate: Basic",
          "X-Accel-Expires: 10",
          "X-Accel-Buffering: no",
          "Keep-Alive: timeout=5",
          "Proxy-Connection: keep-alive",
          "Upgrade: h2c",
          "Trailer: X-T",
          "X-Empty:",
          "X_Under: 1",
          "Set-Cookie: a=1",
          "Set-Cookie: b=2",
        ),
      ),
      bare: answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
      types: answer('HTTP/1.1 200 OK\r\nContent-Type: text/html;  charset="utf-8"; x=y\r\nContent-Length: 2\r\n\r\nok'),
      "no-type": answer("HTTP/1.1 200 OK\r\nContent-Type:\r\nContent-Length: 2\r\n\r\nok"),
      "bad-date": answer("HTTP/1.1 200 OK\r\nLast-Modified: yesterday\r\nContent-Length: 2\r\n\r\nok"),
      gone: answer(
        "HTTP/1.1 410 Gone Away\r\nLast-Modified: Thu, 01 Jan 2015 00:00:00 GMT\r\nContent-Length: 2\r\n\r\nok",
      ),
      "not-modified": answer(
        'HTTP/1.1 304 Not Modified\r\nETag: "e"\r\nContent-Type: a/b\r\nLast-Modified: Thu, 01 Jan 2015 00:00:00 GMT\r\n\r\n',
      ),
      "nothing-more": answer("HTTP/1.1 204 No Content\r\nContent-Type: a/b\r\nX-A: 1\r\n\r\n"),
    },
    cases: [
      ...gets(
        ...["plain", "own-hide", "own-pass", "pass-all", "hide-all", "tokens", "added"].flatMap((where) => [
          `/${where}/lines`,
          `/${where}/bare`,
        ]),
        ...["types", "no-type", "bad-date", "gone", "not-modified", "nothing-more"].map((what) => `/plain/${what}`),
      ),
      { name: "HEAD", send: request("HEAD", "/plain/lines") },
      ...gets("/charset/lines", "/charset/types", "/charset/bare", "/charset-override/lines", "/charset-override/bare"),
      { name: "a failed condition is the upstream's business", send: get("/plain/lines", 'If-Match: "other"') },
      { name: "conditional requests are the upstream's business", send: get("/plain/lines", 'If-None-Match: "e"') },
    ],
  },
  {
    subject: "X-Accel-Redirect",
    files: { "file.txt": "protected file\n", "a b.txt": "with a space\n" },
    config: `
  server {
    listen {port};
    ${KEEP}
    location / { proxy_pass http://127.0.0.1:{backend}/; }
    location /hide/ { proxy_hide_header Set-Cookie; proxy_hide_header Content-Type; proxy_pass http://127.0.0.1:{backend}/; }
    location /ignored/ { proxy_ignore_headers X-Accel-Redirect; proxy_pass http://127.0.0.1:{backend}/; }
    location /shown/ { proxy_ignore_headers X-Accel-Redirect; proxy_pass_header X-Accel-Redirect; proxy_pass http://127.0.0.1:{backend}/; }
    location /protected/ { internal; alias {root}/; add_header X-From "$upstream_http_x_other $upstream_status $request_method $uri $args"; }
    location /special/ { internal; types { a/special txt; } default_type b/special; alias {root}/; }
    location /again/ { internal; proxy_pass http://127.0.0.1:{backend2}/second/; add_header X-Tries "$upstream_addr|$upstream_status|$upstream_response_length"; }
    location @named { return 200 "named $uri $is_args$args $request_method\\n"; }
  }`,
    logFields:
      '$status $upstream_addr $upstream_status "$upstream_response_length" $upstream_http_x_other $proxy_host $proxy_port "$request"',
    behaviours: Object.fromEntries(
      [
        ["to-file", "/protected/file.txt"],
        ["to-escaped", "/protected/a%20b.txt?x=%20y"],
        ["to-missing", "/protected/none"],
        ["to-nowhere", "/protected/../etc"],
        ["to-escaped-up", "/protected/%2e%2e/etc"],
        ["to-query", "?x=1"],
        ["to-named", "@named"],
        ["to-unnamed", "@none"],
        ["to-again", "/again/x%20y?q=1"],
        ["to-url", "http://127.0.0.1/x"],
        ["to-empty", ""],
        ["to-special", "/special/file.txt"],
      ].map(([name, to]) => [
        name,
        answer(
          plainAnswer(
            "unseen",
            `X-Accel-Redirect: ${to}`,
            "X-Other: o",
            "Set-Cookie: a=1",
            "Cache-Control: private",
            "Expires: Thu, 01 Jan 2015 00:00:00 GMT",
            "Content-Disposition: attachment",
            'ETag: "up"',
            "Last-Modified: Thu, 01 Jan 2015 00:00:00 GMT",
          ),
        ),
      ]),
    ),
    cases: [
      ...gets(
        ...["to-file", "to-escaped", "to-missing", "to-nowhere", "to-escaped-up", "to-query", "to-named"].map(
          (n) => `/${n}`,
        ),
        ...["to-unnamed", "to-again", "to-url", "to-empty"].map((n) => `/${n}`),
        "/hide/to-file",
        "/to-special",
        "/ignored/to-file",
        "/shown/to-file",
      ),
      { name: "POST to a name", send: post("/to-named?x=1", "abc") },
      { name: "POST to another upstream", send: post("/to-again", "abc") },
      { name: "HEAD to a file", send: request("HEAD", "/to-file") },
    ],
  },
  {
    subject: "upstream variables",
    logFields:
      "$upstream_addr|$upstream_status|$upstream_response_length|$upstream_cache_status|$upstream_http_x_a|$upstream_http_set_cookie|" +
      "$upstream_http_none|$upstream_cookie_sid|$upstream_cookie_none|$proxy_host|$proxy_port|$proxy_add_x_forwarded_for",
    config: `
  upstream two { server 127.0.0.1:{dead} max_fails=0; server 127.0.0.1:{backend} max_fails=0; }
  upstream none { server 127.0.0.1:{dead} max_fails=0; server 127.0.0.1:{dead} max_fails=0; }
  upstream off { server 127.0.0.1:{backend} down; }
  server {
    listen {port};
    ${KEEP}
    location / { proxy_pass http://127.0.0.1:{backend}/; add_header X-Seen "$upstream_addr $upstream_status $proxy_host $upstream_http_x_a"; }
    location /two/ { proxy_pass http://two/; }
    location /none/ { proxy_pass http://none/; }
    location /off/ { proxy_pass http://off/; }
    location /unix/ { proxy_pass http://unix:{socket}:/; }
    location /twice/ { error_page 502 503 = @second; proxy_intercept_errors on; proxy_pass http://none/; }
    location @second { proxy_pass http://127.0.0.1:{backend2}; }
    location /static { return 200 "$upstream_addr-$proxy_host-$proxy_port-$upstream_http_x-$proxy_add_x_forwarded_for\\n"; }
    location /sent/ { proxy_set_header Connection ""; proxy_set_header X-Vars "$proxy_host $proxy_port $upstream_addr $upstream_status"; proxy_set_header X-Length $proxy_internal_body_length; proxy_set_header X-Chunked $proxy_internal_chunked; proxy_pass http://127.0.0.1:{backend}/; }
  }`,
    behaviours: {
      fields: answer(
        plainAnswer(
          "fields\n",
          "X-A: 1",
          "x-a: 2",
          "Set-Cookie: Sid = abc ; path=/",
          "Set-Cookie: sid=second",
          "X_A: 3",
        ),
      ),
    },
    cases: [
      ...gets(
        "/fields",
        "/two/fields",
        "/two/fields?2",
        "/none/x",
        "/off/x",
        "/unix/fields",
        "/twice/x",
        "/static",
        "/sent/x",
      ),
      { name: "two X-Forwarded-For", send: get("/fields", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2") },
      { name: "length of a POST", send: post("/sent/x", "abc") },
      {
        name: "length of a chunked POST",
        send: request("POST", "/sent/x", "Transfer-Encoding: chunked") + "3\r\nabc\r\n0\r\n\r\n",
      },
    ],
  },
];
