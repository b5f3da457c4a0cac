/** Users and passwords: forms of passwords, files that are wrong, realms, `satisfy`, who may come in and who may not. */
import { HALF_CLOSE, WAIT_END } from "../../harness/exchange.ts";
import { type Case, type Group, get, gets, post, request } from "../case.ts";

function credentials(user: string, password: string): string {
  return `Authorization: Basic ${Buffer.from(`${user}:${password}`, "latin1").toString("base64")}`;
}

function asUser(target: string, user: string, password: string): Case {
  return { name: `GET ${target} as ${user} with "${password}"`, send: get(target, credentials(user, password)) };
}

const LONG = "x".repeat(80);

/** Every form that nginx knows; the password is "secret" where the name does not say otherwise. */
const USERS: Readonly<Record<string, string>> = {
  plain: "{PLAIN}secret",
  sha: "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
  ssha: "{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0",
  sshabare: "{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
  sshashort: "{SSHA}c2VjcmV0",
  apr1: "$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/",
  md5: "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1",
  sha256: "$5$abc$qsg6EHbUzHQzF1POlD7zUwBINSELQxypPaeDcZe6vH0",
  sha512: "$6$abc$IdWKNKTJEb8LxY7CGg8YBXlvtfZzFw7Mp/r6niK9YB2mdvgY..TKjv1T..8RadRt2qvUHYRLr/TsVArtr91iR1",
  bcrypt: "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
  bcryptbroken: "$2y$05$abcdefghijklmnop",
  bcryptlong: "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i",
  des: "abNANd1rDfiNc",
  bare: "secret",
  empty: "",
};

const HTPASSWD = [
  "# a comment",
  "",
  "#commented:{PLAIN}secret",
  "\r",
  ...Object.entries(USERS).map(([user, stored]) => `${user}:${stored}`),
  "more:{PLAIN}secret:with a comment",
  "windows:{PLAIN}secret\r",
  "twice:{PLAIN}first",
  "twice:{PLAIN}second",
  "colon:{PLAIN}a",
  "pre:{PLAIN}x",
  "prefix:{PLAIN}secret",
  " space:{PLAIN}secret",
  "emptypassword:{PLAIN}",
  "last:{PLAIN}secret",
].join("\n");

const OPEN = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:{backend};';

export const AUTH_BASIC: readonly Group[] = [
  {
    subject: "passwords",
    errorLog: "info",
    files: {
      htpasswd: HTPASSWD,
      broken: "jo\njoe:{PLAIN}secret\nann\nbob:{PLAIN}secret\n",
      "folder/": "",
      nothing: "",
      large: `${"#".repeat(70_000)}\n${"x".repeat(3000)}:y\njoe:{PLAIN}secret\n`,
    },
    logFields: '$status "$request" "$remote_user"',
    config: `
  server {
    listen {port};
    auth_basic "closed site";
    auth_basic_user_file {root}/htpasswd;
    location / { ${OPEN} }
    location /broken { auth_basic_user_file {root}/broken; ${OPEN} }
    location /missing { auth_basic_user_file {root}/missing; ${OPEN} }
    location /below { auth_basic_user_file {root}/htpasswd/x; ${OPEN} }
    location /folder { auth_basic_user_file {root}/folder; ${OPEN} }
    location /nothing { auth_basic_user_file {root}/nothing; ${OPEN} }
    location /large { auth_basic_user_file {root}/large; ${OPEN} }
    location /variable { auth_basic_user_file {root}/$arg_file; ${OPEN} }
    location /whole { auth_basic_user_file $arg_file; ${OPEN} }
    location /relative { auth_basic_user_file no-such-file; ${OPEN} }
    location /off { auth_basic off; ${OPEN} }
    location /realm { auth_basic "$arg_realm"; ${OPEN} }
    location /quoted { auth_basic 'with "quotes" and \\\\'; ${OPEN} }
    location /page { error_page 401 /login; ${OPEN} }
    location /login { auth_basic off; return 200 "log in first\\n"; }
    location /kept { error_page 401 @login; ${OPEN} }
    location @login { auth_basic off; add_header X-Seen "$remote_user"; return 401 "log in\\n"; }
    location /return { return 200 "never asked\\n"; }
    location /rewritten { rewrite ^ /off; }
    location /except { auth_basic off; limit_except GET { auth_basic "writers"; } ${OPEN} }
    location /delayed { auth_delay 50ms; ${OPEN} }
    location /ws/ { proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_pass http://127.0.0.1:{backend}; }
    location /user { proxy_set_header X-User $remote_user; ${OPEN} }
  }
  server { listen {port2}; auth_basic "without a file"; location / { ${OPEN} } }
  server { listen {port3}; auth_basic_user_file {root}/htpasswd; location / { ${OPEN} } }`,
    cases: [
      ...Object.keys(USERS).flatMap((user) => [asUser("/", user, "secret"), asUser("/", user, "wrong")]),
      ...["bare", "empty", "emptypassword", "des", "md5", "bcrypt", "apr1"].map((user) => asUser("/", user, "")),
      ...["plain", "sha", "des", "md5", "bcrypt", "apr1"].map((user) => asUser("/", user, "secret\0more")),
      asUser("/", "des", "secrets, of which eight bytes count"),
      { name: "a long password, of which bcrypt sees 72 bytes", send: get("/", credentials("bcryptlong", LONG)) },
      { name: "a long password with another end", send: get("/", credentials("bcryptlong", `${LONG.slice(0, 72)}y`)) },
      asUser("/", "more", "secret"),
      asUser("/", "windows", "secret"),
      asUser("/", "twice", "first"),
      asUser("/", "twice", "second"),
      asUser("/", "colon", "a"),
      asUser("/", "colon:a", "a"),
      asUser("/", "prefix", "secret"),
      asUser("/", "pre", "secret"),
      asUser("/", "prefi", "secret"),
      asUser("/", " space", "secret"),
      asUser("/", "last", "secret"),
      asUser("/", "#commented", "secret"),
      asUser("/", "nobody", "secret"),
      asUser("/", "\xe9", "\xe9"),
      asUser("/broken", "joe", "secret"),
      asUser("/broken", "bob", "secret"),
      asUser("/broken", "ann", "bob"),
      asUser("/missing", "plain", "secret"),
      asUser("/below", "plain", "secret"),
      asUser("/folder", "plain", "secret"),
      asUser("/nothing", "plain", "secret"),
      asUser("/large", "joe", "secret"),
      asUser("/variable?file=htpasswd", "plain", "secret"),
      asUser("/variable?file=none", "plain", "secret"),
      asUser("/whole?file=htpasswd", "plain", "secret"),
      asUser("/relative", "plain", "secret"),
      asUser("/user", "plain", "secret"),
      asUser("/page", "plain", "secret"),
      asUser("/delayed", "plain", "secret"),
      asUser("/delayed", "plain", "wrong"),
      asUser("/delayed", "bcrypt", "wrong"),
      ...gets(
        "/",
        "/missing",
        "/off",
        "/realm?realm=here",
        "/realm?realm=off",
        "/realm",
        '/realm?realm=a"b',
        "/quoted",
        "/page",
        "/kept",
        "/return",
        "/rewritten",
        "/except",
        "/delayed",
      ),
      { name: "POST beyond limit_except", send: post("/except", "body") },
      { name: "POST beyond limit_except as a user", send: post("/except", "body", credentials("apr1", "secret")) },
      { name: "POST with a body that is not wanted", send: post("/", "body") + get("/off"), responses: 2 },
      { name: "HEAD without a password", send: request("HEAD", "/") },
      ...["apr1", "bcrypt", "nobody"].map((user) => ({
        name: `an upgrade as ${user}`,
        send: [
          get("/ws/upgrade", "Connection: Upgrade", "Upgrade: websocket", credentials(user, "secret")),
          { waitFor: "\r\n\r\n" },
          ...(user === "nobody" ? [] : ["x;", { waitFor: "x;" }, HALF_CLOSE, WAIT_END]),
        ],
      })),
      { name: "another scheme", send: get("/", "Authorization: Bearer abc") },
      { name: "no colon", send: get("/", "Authorization: Basic cGxhaW4=") },
      { name: "what is not base64", send: get("/", "Authorization: Basic !!!") },
      { name: "nothing behind the scheme", send: get("/", "Authorization: Basic ") },
      { name: "a keep-alive connection", send: get("/") + get("/", credentials("apr1", "secret")), responses: 2 },
      { name: "no file", to: "port2", send: get("/") },
      { name: "no realm", to: "port3", send: get("/") },
    ],
  },
  {
    subject: "satisfy",
    errorLog: "info",
    files: { htpasswd: "joe:{PLAIN}secret\nslow:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\n" },
    config: `
  server {
    listen {port};
    auth_basic "here";
    auth_basic_user_file {root}/htpasswd;
    location /all/allowed { allow 127.0.0.1; deny all; ${OPEN} }
    location /all/denied { deny all; ${OPEN} }
    location /any/allowed { satisfy any; allow 127.0.0.1; deny all; ${OPEN} }
    location /any/denied { satisfy any; deny all; ${OPEN} }
    location /any/other { satisfy any; allow 10.0.0.1; ${OPEN} }
    location /any/missing { satisfy any; deny all; auth_basic_user_file {root}/missing; ${OPEN} }
    location /any/off { satisfy any; deny all; auth_basic off; ${OPEN} }
    location /any/delayed { satisfy any; deny all; auth_delay 30ms; ${OPEN} }
    location /any/alone { satisfy any; ${OPEN} }
  }`,
    cases: [
      "/all/allowed",
      "/all/denied",
      "/any/allowed",
      "/any/denied",
      "/any/other",
      "/any/missing",
      "/any/off",
      "/any/delayed",
      "/any/alone",
    ].flatMap((target) => [
      ...gets(target),
      asUser(target, "joe", "secret"),
      asUser(target, "joe", "wrong"),
      asUser(target, "slow", "secret"),
      asUser(target, "slow", "wrong"),
    ]),
  },
];
