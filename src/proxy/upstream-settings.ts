/** The settings that every directive of the kind `proxy_pass` has, whatever its upstream speaks, and how they merge. */
import { ConfigFault, HTTP, HTTP_SERVER_LOCATION, LIMIT_EXCEPT, LOCATION_IF, type Scope } from "../config/directive.ts";
import type { Buffers, LeveledPath } from "../config/list-arguments.ts";
import type { LoadContext } from "../config/load-context.ts";
import { locationOf } from "../http/registry.ts";
import type { Handler } from "../http/settings.ts";
import { declareTempDirectory } from "../http/temp-directory.ts";
import type { Template } from "../template/template.ts";
import { newCookieSettings } from "./cookies.ts";
import { type NextUpstreamCondition, type NextUpstreamSettings, newNextUpstreamSettings } from "./next-upstream.ts";
import type { PassRequestSettings } from "./request-headers.ts";
import {
  compileResponseHeaders,
  type HeaderHabits,
  mergeResponseHeaders,
  newResponseHeaderSettings,
  type ResponseHeaderRules,
  type ResponseHeaderSettings,
} from "./response-header-rules.ts";
import type { ResponseHeaderPolicy } from "./response-headers.ts";
import type { PassTarget } from "./target.ts";
import type { UpstreamProtocol } from "./upstream-protocol.ts";
import type { UpstreamTls } from "./upstream-tls.ts";

/** The settings of one level. Times in ms, sizes in bytes. */
export interface UpstreamSettings
  extends PassRequestSettings,
    ResponseHeaderSettings,
    ResponseHeaderPolicy,
    NextUpstreamSettings {
  target: PassTarget | undefined;
  connectTimeoutMs: number;
  readTimeoutMs: number;
  sendTimeoutMs: number;
  buffering: boolean;
  requestBuffering: boolean;
  bufferBytes: number;
  buffers: Buffers;
  busyBuffersBytes: number | undefined;
  maxTempFileBytes: number;
  tempFileWriteBytes: number | undefined;
  tempPath: LeveledPath;
  ignoreClientAbort: boolean;
  interceptErrors: boolean;
  socketKeepalive: boolean;
  limitRate: Template | undefined;
  localAddress: Template | "off" | undefined;
  nextUpstream: ReadonlySet<NextUpstreamCondition>;
  nextUpstreamTries: number;
  nextUpstreamTimeoutMs: number;
  /** Compiled by the merge where upstreams may be asked by TLS. */
  tls: UpstreamTls | undefined;
  /** Compiled by the merge, as the rules of response headers. */
  protocol: UpstreamProtocol;
  responseHeaderRules: ResponseHeaderRules;
}

/** The settings of a level on which nothing is said. What is not named here is filled by the rows' defaults. */
export function newUpstreamSettings(): UpstreamSettings {
  return {
    ...newResponseHeaderSettings(),
    ...newCookieSettings(),
    ...newNextUpstreamSettings(),
    redirects: undefined,
    passRequestHeaders: undefined,
    passRequestBody: undefined,
    target: undefined,
    tls: undefined,
  } as unknown as UpstreamSettings;
}

/** A family of directives: all that begin with the same prefix. */
export interface UpstreamDialect {
  /** `proxy`, `uwsgi`, `scgi`. */
  readonly prefix: string;
  /** Words of `_next_upstream`. */
  readonly conditions: readonly NextUpstreamCondition[];
  readonly habits: HeaderHabits;
  readonly handler: Handler;
}

/** Completes a level from the one outside it, apart from the protocol. */
export function mergeUpstream(
  own: UpstreamSettings,
  outer: UpstreamSettings | undefined,
  scope: Scope,
  load: LoadContext,
  dialect: UpstreamDialect,
): ConfigFault | undefined {
  mergeResponseHeaders(own, outer);
  inheritTarget(own, outer, scope, dialect.handler);
  // What stands at the http level alone is nothing yet: servers may say otherwise.
  const fault = scope.kind === HTTP ? undefined : checkBuffers(own, dialect.prefix);
  if (fault !== undefined) return fault;
  own.responseHeaderRules = compileResponseHeaders(own, dialect.habits);
  if ((scope.kind & HTTP_SERVER_LOCATION) !== 0) declareTempDirectory(load, own.tempPath);
  return undefined;
}

/** A level inside a location (`if`, `limit_except`) goes where its location goes, unless it says otherwise. */
function inheritTarget(
  own: UpstreamSettings,
  outer: UpstreamSettings | undefined,
  scope: Scope,
  handler: Handler,
): void {
  if ((scope.kind & (LOCATION_IF | LIMIT_EXCEPT)) === 0 || own.target !== undefined) return;
  if (outer?.target === undefined || scope.parent === undefined) return;
  own.target = outer.target;
  if (locationOf(scope.parent).handler === handler) locationOf(scope).handler ??= handler;
}

/** nginx's checks of the buffers against each other (ngx_http_proxy_merge_loc_conf). */
function checkBuffers(own: UpstreamSettings, prefix: string): ConfigFault | undefined {
  const { buffers, bufferBytes, busyBuffersBytes, tempFileWriteBytes, maxTempFileBytes } = own;
  if (buffers.number < 2) return new ConfigFault(`there must be at least 2 "${prefix}_buffers"`);
  const largest = Math.max(bufferBytes, buffers.size);
  const atLeastOne =
    "must be equal to or greater than the maximum of the value of " +
    `"${prefix}_buffer_size" and one of the "${prefix}_buffers"`;
  const busy = busyBuffersBytes ?? 2 * largest;
  if (busy < largest) return new ConfigFault(`"${prefix}_busy_buffers_size" ${atLeastOne}`);
  if (busy > (buffers.number - 1) * buffers.size) {
    return new ConfigFault(
      `"${prefix}_busy_buffers_size" must be less than the size of all "${prefix}_buffers" minus one buffer`,
    );
  }
  if ((tempFileWriteBytes ?? 2 * largest) < largest) {
    return new ConfigFault(`"${prefix}_temp_file_write_size" ${atLeastOne}`);
  }
  if (maxTempFileBytes !== 0 && maxTempFileBytes < largest) {
    return new ConfigFault(
      `"${prefix}_max_temp_file_size" must be equal to zero to disable temporary files usage or ${atLeastOne}`,
    );
  }
  return undefined;
}
