/** `-v`, `-V` and `-h`: what is here, in the form that tools around nginx read. */
import { type AnyModule, isAcceptedRow } from "../config/any-module.ts";
import { UPSTREAM } from "../config/directive.ts";
import { NGINX_VERSION, VERSION } from "../version.ts";
import { DEFAULT_CONFIG_FILE, DEFAULT_PID_FILE, DEFAULT_PREFIX } from "./paths.ts";

export const versionLine = `nginx version: nginx/${NGINX_VERSION} (hopway/${VERSION})`;

export const usage = `Usage: hopway [-?hvVtTq] [-s signal] [-p prefix]
              [-e filename] [-c filename] [-g directives]

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and configure options then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a master process: stop, quit, reopen, reload
  -p prefix     : set prefix path (default: ${DEFAULT_PREFIX})
  -e filename   : set error log file (default: stderr)
  -c filename   : set configuration file (default: ${DEFAULT_CONFIG_FILE})
  -g directives : set global directives out of configuration file
`;

/** nginx's modules that are built unless refused, each with a directive that tells whether it is here. */
const builtByDefault: readonly (readonly [module: string, directive: string, contexts?: number])[] = [
  ["http_charset", "charset"],
  ["http_gzip", "gzip"],
  ["http_ssi", "ssi"],
  ["http_userid", "userid"],
  ["http_access", "allow"],
  ["http_auth_basic", "auth_basic"],
  ["http_mirror", "mirror"],
  ["http_autoindex", "autoindex"],
  ["http_geo", "geo"],
  ["http_map", "map"],
  ["http_split_clients", "split_clients"],
  ["http_referer", "valid_referers"],
  ["http_rewrite", "rewrite"],
  ["http_proxy", "proxy_pass"],
  ["http_fastcgi", "fastcgi_pass"],
  ["http_uwsgi", "uwsgi_pass"],
  ["http_scgi", "scgi_pass"],
  ["http_grpc", "grpc_pass"],
  ["http_memcached", "memcached_pass"],
  ["http_limit_conn", "limit_conn"],
  ["http_limit_req", "limit_req"],
  ["http_empty_gif", "empty_gif"],
  ["http_browser", "modern_browser"],
  ["http_upstream_hash", "hash", UPSTREAM],
  ["http_upstream_ip_hash", "ip_hash", UPSTREAM],
  ["http_upstream_least_conn", "least_conn", UPSTREAM],
  ["http_upstream_random", "random", UPSTREAM],
  ["http_upstream_keepalive", "keepalive", UPSTREAM],
  ["http_upstream_zone", "zone", UPSTREAM],
  ["http_upstream_sticky", "sticky", UPSTREAM],
];

/** nginx's modules that are built on request. */
const builtOnRequest: readonly (readonly [module: string, directive: string])[] = [
  ["http_ssl", "ssl_certificate"],
  ["http_v2", "http2"],
  ["http_v3", "http3"],
  ["http_realip", "set_real_ip_from"],
  ["http_addition", "add_before_body"],
  ["http_sub", "sub_filter"],
  ["http_dav", "dav_methods"],
  ["http_gunzip", "gunzip"],
  ["http_gzip_static", "gzip_static"],
  ["http_auth_request", "auth_request"],
  ["http_random_index", "random_index"],
  ["http_secure_link", "secure_link"],
  ["http_slice", "slice"],
  ["http_stub_status", "stub_status"],
];

/** The arguments that a build of nginx with the same parts would have had. */
export function configureArguments(modules: readonly AnyModule[]): string {
  const rows = modules.flatMap(({ definition }) => definition.directives).filter((row) => !isAcceptedRow(row));
  const here = (directive: string, contexts = ~0): boolean =>
    rows.some((row) => row.name === directive && (row.in & contexts) !== 0);
  const paths = [
    `--prefix=${DEFAULT_PREFIX.replace(/\/$/, "")}`,
    `--conf-path=${DEFAULT_CONFIG_FILE}`,
    "--error-log-path=stderr",
    `--pid-path=${DEFAULT_PID_FILE}`,
  ];
  const present = builtOnRequest.filter(([, directive]) => here(directive)).map(([name]) => `--with-${name}_module`);
  const absent = builtByDefault
    .filter(([, directive, contexts]) => !here(directive, contexts))
    .map(([name]) => `--without-${name}_module`);
  return ["configure arguments:", ...paths, ...present, ...absent].join(" ");
}
