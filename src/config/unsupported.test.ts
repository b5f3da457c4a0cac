import { expect, test } from "bun:test";
import { nginxModuleOf } from "./unsupported.ts";

const CASES: readonly [name: string, module: string | undefined][] = [
  ["gzip", "ngx_http_gzip_filter_module"],
  ["fastcgi_pass", "ngx_http_fastcgi_module"],
  ["memcached_pass", "ngx_http_memcached_module"],
  ["stream", "ngx_stream_module"],
  ["mail", "ngx_mail_module"],
  ["preread_timeout", "ngx_stream_core_module"],
  ["smtp_auth", "ngx_mail_smtp_module"],
  ["http3", "ngx_http_v3_module"],
  ["perl_set", "ngx_http_perl_module"],
  ["geoip_country", "ngx_http_geoip_module"],
  ["proxy_pas", undefined],
  ["content_by_lua_block", undefined],
  ["constructor", undefined],
];

for (const [name, module] of CASES) test(name, () => expect(nginxModuleOf(name)).toBe(module));
