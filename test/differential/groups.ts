/** All groups of differential cases. */
import type { Group } from "./case.ts";
import { AUTH_BASIC } from "./cases/auth-basic.ts";
import { AUTH_REQUEST } from "./cases/auth-request.ts";
import { BALANCING } from "./cases/balancing.ts";
import { BROKEN_OFF } from "./cases/broken-off.ts";
import { CONNECTIONS } from "./cases/connections.ts";
import { ERROR_PAGES } from "./cases/error-pages.ts";
import { FILE_CORNERS } from "./cases/file-corners.ts";
import { GZIP } from "./cases/gzip.ts";
import { HEADERS_AND_ACCESS } from "./cases/headers-and-access.ts";
import { LIMITS } from "./cases/limits.ts";
import { LINE_BREAKS } from "./cases/line-breaks.ts";
import { LOGS } from "./cases/logs.ts";
import { PROXY_DESTINATIONS } from "./cases/proxy-destinations.ts";
import { PROXY_PROTOCOL } from "./cases/proxy-protocol.ts";
import { PROXY_REQUESTS } from "./cases/proxy-requests.ts";
import { PROXY_RESPONSES } from "./cases/proxy-responses.ts";
import { PROXY_REWRITES } from "./cases/proxy-rewrites.ts";
import { RATES } from "./cases/rates.ts";
import { REALIP } from "./cases/realip.ts";
import { REQUEST_LINE } from "./cases/request-line.ts";
import { REWRITE } from "./cases/rewrite.ts";
import { REWRITE_MORE } from "./cases/rewrite-more.ts";
import { SCGI } from "./cases/scgi.ts";
import { SERVERS } from "./cases/servers.ts";
import { STATIC_FILES } from "./cases/static-files.ts";
import { TLS } from "./cases/tls.ts";
import { TLS_UPSTREAMS } from "./cases/tls-upstreams.ts";
import { UPGRADES } from "./cases/upgrades.ts";
import { UWSGI } from "./cases/uwsgi.ts";
import { VARIABLES } from "./cases/variables.ts";
import { VARIABLES_MORE } from "./cases/variables-more.ts";

export const GROUPS: readonly Group[] = [
  ...REQUEST_LINE,
  ...CONNECTIONS,
  ...BROKEN_OFF,
  ...RATES,
  ...SERVERS,
  ...REWRITE,
  ...REWRITE_MORE,
  ...STATIC_FILES,
  ...FILE_CORNERS,
  ...ERROR_PAGES,
  ...HEADERS_AND_ACCESS,
  ...AUTH_BASIC,
  ...AUTH_REQUEST,
  ...LINE_BREAKS,
  ...GZIP,
  ...VARIABLES,
  ...VARIABLES_MORE,
  ...PROXY_REQUESTS,
  ...PROXY_DESTINATIONS,
  ...PROXY_RESPONSES,
  ...PROXY_REWRITES,
  ...UPGRADES,
  ...UWSGI,
  ...SCGI,
  ...BALANCING,
  ...LIMITS,
  ...LOGS,
  ...REALIP,
  ...PROXY_PROTOCOL,
  ...TLS,
  ...TLS_UPSTREAMS,
];
