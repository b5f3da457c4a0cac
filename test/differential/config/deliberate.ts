/** Where hopway does not say to a configuration what nginx 1.22 says, and why. */

export interface DeliberateLine {
  readonly statement: RegExp;
  readonly reason: string;
}

export const DELIBERATE_LINES: readonly DeliberateLine[] = [
  {
    statement: /^proxy_set_header a \$nonesuch;$/,
    reason: "an unknown variable is an error also where no server uses it",
  },
  {
    statement: /^proxy_cookie_flags /,
    reason: "flags that are none are warned about, and not only in the log of requests",
  },
  { statement: /^split_clients .* include /, reason: "include works in every block" },
  { statement: /^resolver .*(?:ipv4|status_zone)=/, reason: "parameters of current nginx" },
  { statement: /^server .*(?:drain|slow_start|resolve|route|service)/, reason: "parameters of current nginx" },
  { statement: /^random two least_time/, reason: "a method of current nginx, refused with the reason" },
  { statement: /^keepalive (?:0|\S+ \S+);/, reason: "the parameters of current nginx" },
  { statement: /^(?:proxy|uwsgi|scgi|fastcgi|grpc)_limit_rate .*\$/, reason: "takes variables, as current nginx" },
  { statement: /^worker_processes 0;/, reason: "a gateway without workers serves nobody" },
  { statement: /^aio on;/, reason: "taken by nginx where it is built for it; no effect here" },
  {
    statement: /^(?:variables|server_names|types|map|proxy_headers)_hash_/,
    reason: "there are no tables to run out of",
  },
  {
    statement: /^(?:proxy|uwsgi|scgi|fastcgi|grpc)_bind .*:\d+;/,
    reason: "a port to connect from is refused with the reason",
  },
  { statement: /^access_log .* gzip/, reason: "compressed logs are refused with the reason" },
  { statement: /^disable_symlinks (?:on|ON|if_not_owner)/, reason: "refused with the reason" },
  { statement: /^source_charset /, reason: "conversion is refused with the reason" },
  {
    statement: /^(?:proxy|uwsgi|scgi|fastcgi)_(?:cache|store|force_ranges) /,
    reason: "caching is refused with the reason",
  },
  {
    statement: /^(?:autoindex|gunzip|mirror|ssi|userid) /,
    reason: "modules that are not here are refused by name",
  },
  { statement: /^(?:sticky|least_time) /, reason: "directives of current nginx are named as such" },
  { statement: /^http2_(?:push|push_preload|max_concurrent_pushes) /, reason: "obsolete, as in current nginx" },
  { statement: /^load_module /, reason: "modules are built in: files of nginx's are not looked for" },
];

/** The reason why a statement may be answered otherwise, if there is one. */
export function deliberateReason(statement: string): string | undefined {
  return DELIBERATE_LINES.find((entry) => entry.statement.test(statement))?.reason;
}
