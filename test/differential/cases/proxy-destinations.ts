/** Where requests are sent: URLs made of variables, names that are known without a resolver, local addresses. */
import type { Group } from "../case.ts";
import { gets } from "../case.ts";

const KEEP = 'proxy_http_version 1.1; proxy_set_header Connection "";';

export const PROXY_DESTINATIONS: readonly Group[] = [
  {
    subject: "destinations made of variables",
    config: `
  upstream block { server 127.0.0.1:{backend}; }
  server {
    listen {port};
    ${KEEP}
    location /block { set $to block; proxy_pass http://$to; }
    location /capitals { set $to BLOCK; proxy_pass http://$to; }
    location /block-port { set $to block:{backend2}; proxy_pass http://$to; }
    location /block-own-port { set $to block:80; proxy_pass http://$to; }
    location /named-elsewhere { set $to localhost:{backend3}; proxy_pass http://$to; }
    location /elsewhere { proxy_pass http://localhost:{backend3}; }
    location /other-port { set $to localhost:{backend2}; proxy_pass http://$to; }
    location /literal { set $to 127.0.0.1:{backend2}; proxy_pass http://$to; }
    location /empty { proxy_pass http://$arg_none; }
    location /scheme { set $scheme_wanted $arg_s; proxy_pass $scheme_wanted://127.0.0.1:{backend}; }
    location /bad-port { proxy_pass http://127.0.0.1:$arg_p; }
    location /bad-host { proxy_pass http://$arg_h; }
  }`,
    cases: gets(
      "/block",
      "/capitals",
      "/block-port",
      "/block-own-port",
      "/named-elsewhere",
      "/other-port",
      "/literal",
      "/empty",
      "/scheme?s=http",
      "/scheme?s=ftp",
      "/scheme",
      "/bad-port?p=0",
      "/bad-port?p=99999",
      "/bad-port?p=x",
      "/bad-host?h=:80",
      "/bad-host?h=[",
      "/bad-host?h=[::1]:{dead}",
    ),
  },
  {
    subject: "an upstream asked after another",
    config: `
  server {
    listen {port};
    ${KEEP}
    location /refused { proxy_pass http://127.0.0.1:{dead}; error_page 502 = /unresolved; }
    location /unresolved { set $to nobody.invalid; proxy_pass http://$to; }
    location /forbidden { proxy_pass http://127.0.0.1:{dead}; error_page 502 = /denied; }
    location /denied { deny all; }
    location /told { proxy_pass http://127.0.0.1:{port2}; proxy_intercept_errors on; error_page 307 = @forgotten; }
    location @forgotten { proxy_pass $upstream_http_x_next; }
    location /kept { proxy_pass http://127.0.0.1:{port2}; proxy_intercept_errors on; error_page 307 = @remembered; }
    location @remembered { set $to $upstream_http_x_next; proxy_pass $to; }
  }
  server { listen {port2}; add_header X-Next http://127.0.0.1:{backend}/next always; return 307 /elsewhere; }`,
    cases: gets("/refused", "/unresolved", "/forbidden", "/told", "/kept"),
  },
  {
    subject: "proxy_bind",
    config: `
  upstream two { server 127.0.0.1:{dead}; server 127.0.0.1:{backend}; }
  server {
    listen {port};
    ${KEEP}
    location /here { proxy_bind 127.0.0.9; proxy_pass http://127.0.0.1:{backend}; }
    location /elsewhere { proxy_bind 192.0.2.1; proxy_pass http://127.0.0.1:{backend}; }
    location /next { proxy_bind 192.0.2.1; proxy_pass http://two; }
    location /asked { proxy_bind $arg_from; proxy_pass http://127.0.0.1:{backend}; }
    location /asked-two { proxy_bind $arg_from; proxy_pass http://two; }
    location /off { proxy_bind off; proxy_pass http://127.0.0.1:{backend}; }
  }`,
    cases: gets(
      "/here",
      "/elsewhere",
      "/next",
      "/asked",
      "/asked?from=127.0.0.5",
      "/asked?from=nowhere",
      "/asked?from=192.0.2.1",
      "/asked-two?from=nowhere",
      "/off",
    ),
  },
];
