/** Line ends that a path holds once it is decoded, wherever a configuration puts such a path. */
import type { Group } from "../case.ts";
import { gets } from "../case.ts";

const CURRENT = 'proxy_http_version 1.1; proxy_set_header Connection "";';

export const LINE_BREAKS: readonly Group[] = [
  {
    subject: "decoded line ends",
    logFields: '$status "$uri" "$sent_http_location"',
    config: `
  server {
    listen {port};
    root {root};
    location /added { add_header X-Path $uri; return 204; }
    location /location { return 302 http://x.test$uri; }
    location /text { return 200 $uri; }
    location /rewritten/ { rewrite ^/rewritten/(.*)$ http://x.test/$1 redirect; return 204; }
    location /field { ${CURRENT} proxy_set_header X-Path $uri; proxy_pass http://127.0.0.1:{backend}; }
    location /uri { ${CURRENT} proxy_pass http://127.0.0.1:{backend}$uri; }
    location /prefix/ { ${CURRENT} proxy_pass http://127.0.0.1:{backend}/; }
    location /file { }
  }`,
    cases: gets(
      "/added%0d%0aX:%20y",
      "/location%0d%0aX:%20y",
      "/text%0d%0aX:%20y",
      "/rewritten/%0d%0aX:%20y",
      "/field%0d%0aX:%20y",
      "/uri%0d%0aX:%20y",
      "/prefix/%0d%0aX:%20y",
      "/file%0d%0aX:%20y%1b%7f",
    ),
  },
];
