/** Compressed responses (ngx_http_gzip_filter_module, and the gzip directives of nginx's core). */
import { choice, flag, numberBetween, size } from "../config/arguments.ts";
import {
  type ArgumentType,
  acceptedRow,
  atLeast,
  ConfigFault,
  type Directive,
  type DirectiveSite,
  directiveFault,
  exactly,
  HTTP_SERVER_LOCATION,
  LOCATION_IF,
  Module,
} from "../config/directive.ts";
import { bufs, choices } from "../config/list-arguments.ts";
import { type LoadContext, perLoad } from "../config/load-context.ts";
import { compileRegex } from "../config/regex.ts";
import { parseSize } from "../config/units.ts";
import { headerFilters } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import type { ResponseHead } from "../http/response.ts";
import { variables } from "../template/variables.ts";
import { type GzipConditions, type GzipDisable, mayGzip, PROXIED_CONDITIONS } from "./gzip-accept.ts";
import { fittingParameters, GzipCompressor, type GzipParameters } from "./gzip-compressor.ts";
import { addTypes, listsType, type TypeList } from "./type-list.ts";

/** The settings of one level. */
export interface GzipSettings extends GzipConditions {
  enabled: boolean;
  minBytes: number;
  level: number;
  windowBits: number;
  memLevel: number;
  types: TypeList | undefined;
  vary: boolean;
  disabled: GzipDisable | undefined;
  /** Compiled by the merge. */
  parameters: GzipParameters;
}

const DEFAULT_TYPES: TypeList = new Set(["text/html"]);

/** Whether any level of a load compresses or sends compressed files: if not, responses never see the filter. */
const inUse = perLoad<{ used: boolean }>(() => ({ used: false }));

/** Keeps the filter for a load: some level sets `Vary` or compresses. */
export function useGzip(load: LoadContext): void {
  inUse(load).used = true;
}

/** Whether the client may get a compressed response, by what is known when it is asked first. */
export function gzipAllowed(r: Request): boolean {
  r.mayCompress ??= mayGzip(r, gzipModule.of(r.location));
  return r.mayCompress;
}

function gzipFilter(r: Request): undefined {
  const settings = gzipModule.of(r.location);
  if (settings.enabled && compressible(r.out, settings)) {
    r.variesByEncoding = true;
    if (gzipAllowed(r)) compress(r, settings);
  }
  r.out.varyEncoding = settings.vary && r.variesByEncoding;
}

function compressible(out: ResponseHead, settings: GzipSettings): boolean {
  const { status, contentLength } = out;
  if (status !== 200 && status !== 403 && status !== 404) return false;
  if (contentLength !== -1 && contentLength < settings.minBytes) return false;
  const encoding = out.list.get("content-encoding");
  return (encoding === undefined || encoding === "") && listsType(settings.types ?? DEFAULT_TYPES, out);
}

function compress(r: Request, { parameters }: GzipSettings): void {
  const { out } = r;
  const compressor = new GzipCompressor(fittingParameters(parameters, out.contentLength));
  r.bodyFilter = compressor;
  r.setContext(gzipModule.id, compressor);
  out.list.add("Content-Encoding", "gzip");
  out.clearLength();
  out.allowRanges = false;
  out.list.remove("accept-ranges");
  weakenEtag(out);
}

/** Compressed bytes are not the same for equal tags: the tag becomes a weak one, one that is malformed goes. */
function weakenEtag(out: ResponseHead): void {
  const { etag } = out;
  if (etag === undefined || (etag.length > 2 && etag.startsWith("W/"))) return;
  if (!etag.startsWith('"')) {
    out.etag = undefined;
    out.list.remove("etag");
    return;
  }
  out.etag = `W/${etag}`;
  const at = out.list.keys.indexOf("etag");
  if (at >= 0) out.list.values[at] = out.etag;
}

/** `$gzip_ratio`: how many times smaller the body became, with two decimals; none before its end. */
function ratio(r: Request): string | undefined {
  const compressor = r.context(gzipModule.id);
  if (!(compressor instanceof GzipCompressor) || !compressor.complete) return undefined;
  const { inputBytes, outputBytes } = compressor;
  const hundredths = Math.floor((Math.floor((inputBytes * 1000) / outputBytes) + 5) / 10);
  return `${Math.floor(hundredths / 100)}.${String(hundredths % 100).padStart(2, "0")}`;
}

/** A power of two as zlib counts it: `bits` for the largest size, one less for each half of it (gzip_window, gzip_hash). */
function powerOfTwo(largestBytes: number, bits: number, fallback: number, allowed: string): ArgumentType<number> {
  return {
    arity: exactly(1),
    fallback,
    parse([value = ""], site): number | ConfigFault {
      const bytes = parseSize(value);
      if (bytes === undefined) return directiveFault(site, "invalid value");
      let power = bits;
      for (let candidate = largestBytes; candidate > 256; candidate /= 2, power--) {
        if (candidate === bytes) return power;
      }
      return directiveFault(site, allowed);
    },
  };
}

function setDisable(own: GzipSettings, site: DirectiveSite): ConfigFault | undefined {
  const agents = [...(own.disabled?.agents ?? [])];
  let msie6 = own.disabled?.msie6 ?? false;
  for (const arg of site.statement.args) {
    if (arg === "msie6") msie6 = true;
    else if (arg !== "degradation") {
      const compiled = compileRegex(arg, true);
      if (compiled instanceof ConfigFault) return compiled;
      agents.push(compiled.regex);
    }
  }
  own.disabled = { msie6, agents };
  return undefined;
}

function setTypes(own: GzipSettings, site: DirectiveSite): undefined {
  own.types = addTypes(own.types, site);
}

const MEMORY = "memory is managed by the runtime";

const directives: readonly Directive<GzipSettings>[] = [
  {
    name: "gzip",
    in: HTTP_SERVER_LOCATION | LOCATION_IF,
    arg: flag(false),
    set: "enabled",
    doc: "Compresses responses for clients that accept it.",
  },
  {
    name: "gzip_types",
    in: HTTP_SERVER_LOCATION,
    arity: atLeast(1),
    doc: "Content types that are compressed, besides text/html.",
    apply: setTypes,
  },
  {
    name: "gzip_min_length",
    in: HTTP_SERVER_LOCATION,
    arg: size(20),
    set: "minBytes",
    doc: "Shorter responses are not compressed, where the length is known.",
  },
  {
    name: "gzip_comp_level",
    in: HTTP_SERVER_LOCATION,
    arg: numberBetween(1, 9, 1),
    set: "level",
    doc: "How hard to compress, 1 to 9.",
  },
  {
    name: "gzip_window",
    in: HTTP_SERVER_LOCATION,
    arg: powerOfTwo(32 * 1024, 15, 15, "must be 512, 1k, 2k, 4k, 8k, 16k, or 32k"),
    set: "windowBits",
    doc: "How far back repetitions are looked for.",
  },
  {
    name: "gzip_hash",
    in: HTTP_SERVER_LOCATION,
    arg: powerOfTwo(128 * 1024, 9, 8, "must be 512, 1k, 2k, 4k, 8k, 16k, 32k, 64k, or 128k"),
    set: "memLevel",
    doc: "Memory for finding repetitions.",
  },
  {
    name: "gzip_http_version",
    in: HTTP_SERVER_LOCATION,
    arg: choice(["1.0", "1.1"], "1.1"),
    set: "httpVersion",
    doc: "Lowest version of requests that get compressed responses.",
  },
  {
    name: "gzip_proxied",
    in: HTTP_SERVER_LOCATION,
    arg: choices(PROXIED_CONDITIONS, new Set(["off"] as const)),
    set: "proxied",
    doc: "Which responses are compressed for requests that came through a proxy.",
  },
  {
    name: "gzip_vary",
    in: HTTP_SERVER_LOCATION,
    arg: flag(false),
    set: "vary",
    doc: "Sends Vary: Accept-Encoding with what is or could be compressed.",
  },
  {
    name: "gzip_disable",
    in: HTTP_SERVER_LOCATION,
    arity: atLeast(1),
    doc: "Browsers that get no compressed responses.",
    apply: setDisable,
  },
  acceptedRow("gzip_buffers", HTTP_SERVER_LOCATION, bufs(undefined), MEMORY),
  acceptedRow("postpone_gzipping", HTTP_SERVER_LOCATION, size(undefined), "bytes are compressed as they come"),
  acceptedRow("gzip_no_buffer", HTTP_SERVER_LOCATION, flag(undefined), MEMORY),
];

export const gzipModule: Module<GzipSettings> = new Module<GzipSettings>({
  name: "http_gzip_filter",
  directives,
  create: () => ({ types: undefined, disabled: undefined }) as unknown as GzipSettings,
  merge(own, outer, _scope, load) {
    own.types ??= outer?.types;
    own.disabled ??= outer?.disabled;
    own.parameters = { level: own.level, windowBits: own.windowBits, memLevel: own.memLevel };
    if (own.enabled) useGzip(load);
    return undefined;
  },
  register(load) {
    headerFilters(load).push(gzipFilter);
    variables(load).provide([{ name: "gzip_ratio", get: ratio }]);
  },
  finish(_http, load) {
    if (inUse(load).used) return undefined;
    const filters = headerFilters(load);
    filters.splice(filters.indexOf(gzipFilter), 1);
    return undefined;
  },
});
