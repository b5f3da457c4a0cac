/** The settings that serving HTTP itself depends on, filled by nginx's http core directives. Times in ms, sizes in bytes. */
import type { LeveledPath } from "../config/list-arguments.ts";
import type { ErrorLog } from "../net/error-log.ts";
import type { Request } from "./request.ts";

/** Text computed for a request; `Template` of the layer above fits. */
export interface RequestText {
  readonly constant: string | undefined;
  evaluate(r: Request): string;
}

/** A phase or content handler. Returns one of `verdict.ts`, or a status to finish the request with. */
export type Handler = (r: Request) => number;

/** One `error_page` entry. */
export interface ErrorPage {
  readonly status: number;
  /** The status to answer with: -1 the original, 0 what the page itself yields (`=`), else that one (`=200`). */
  readonly overwrite: number;
  readonly target: RequestText;
  /** Arguments after `?` in a constant URI. */
  readonly args: string | undefined;
}

export interface CoreSettings {
  // Read from the server's level.
  clientHeaderTimeoutMs: number;
  clientHeaderBufferBytes: number;
  largeClientHeaderBuffers: { readonly number: number; readonly size: number };
  maxHeaders: number;
  ignoreInvalidHeaders: boolean;
  underscoresInHeaders: boolean;
  mergeSlashes: boolean;

  // Read from the location's level.
  root: RequestText;
  alias: RequestText | undefined;
  /** Length of the location's name, which `alias` stands for; -1 where `alias` is the whole path (regular expressions). */
  aliasBytes: number;
  types: ReadonlyMap<string, string>;
  defaultType: string;
  clientMaxBodyBytes: number;
  clientBodyBufferBytes: number;
  clientBodyTimeoutMs: number;
  clientBodyTempPath: LeveledPath;
  clientBodyInFileOnly: "off" | "on" | "clean";
  sendTimeoutMs: number;
  keepaliveTimeout: { readonly timeoutMs: number; readonly headerSeconds: number };
  keepaliveMinTimeoutMs: number;
  keepaliveRequests: number;
  keepaliveTimeMs: number;
  keepaliveDisable: ReadonlySet<string>;
  lingeringClose: "off" | "on" | "always";
  lingeringTimeMs: number;
  lingeringTimeoutMs: number;
  resetTimedoutConnection: boolean;
  serverTokens: "on" | "off" | "build";
  absoluteRedirect: boolean;
  serverNameInRedirect: boolean;
  portInRedirect: boolean;
  etag: boolean;
  ifModifiedSince: "off" | "exact" | "before";
  maxRanges: number;
  chunkedTransferEncoding: boolean;
  msiePadding: boolean;
  recursiveErrorPages: boolean;
  errorPages: readonly ErrorPage[] | undefined;
  satisfy: "all" | "any";
  authDelayMs: number;
  internal: boolean;
  limitRate: RequestText | undefined;
  limitRateAfter: RequestText | undefined;
  logNotFound: boolean;
  errorLog: ErrorLog;
}
