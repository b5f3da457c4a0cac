/** Contexts with certificates whose names are only known at run time: loaded then, and kept. */
import { createHash } from "node:crypto";
import { type ArgumentType, between, ConfigFault, directiveFault } from "../config/directive.ts";
import { parseInteger, parseTime } from "../config/units.ts";
import { nowMs } from "./timers.ts";
import { type CertificatePair, type CertificateReader, loadPair } from "./tls-certificates.ts";
import { makeTlsContext, type TlsContext, TlsContextFault, type TlsContextOptions } from "./tls-context.ts";

/** `ssl_certificate_cache`: how many loaded certificates are kept, and how long. */
export interface CertificateCache {
  readonly max: number;
  readonly inactiveMs: number;
  readonly validMs: number;
}

/** `off | max=N [inactive=time] [valid=time]` (ngx_http_ssl_certificate_cache). */
export const certificateCache: ArgumentType<CertificateCache | "off"> = {
  arity: between(1, 3),
  fallback: "off",
  parse(args, site) {
    let max = 0;
    let inactiveMs = 10_000;
    let validMs = 60_000;
    for (const arg of args) {
      if (arg === "off") return args.length > 1 ? new ConfigFault(`invalid parameter "${arg}"`) : "off";
      const equals = arg.indexOf("=");
      const name = arg.slice(0, equals);
      const value = arg.slice(equals + 1);
      const invalid = new ConfigFault(`invalid parameter "${arg}"`);
      if (name === "max") {
        max = parseInteger(value) ?? 0;
        if (max === 0) return invalid;
        continue;
      }
      const timeMs = parseTime(value);
      if (timeMs === undefined) return invalid;
      if (name === "inactive") inactiveMs = timeMs;
      else if (name === "valid") validMs = timeMs;
      else return invalid;
    }
    return max === 0 ? directiveFault(site, 'must have the "max" parameter') : { max, inactiveMs, validMs };
  },
};

/** Contexts kept, the one used longest ago goes first: names may come from clients. */
const MAX_CONTEXTS = 256;

/** The files of a certificate and its key, as they are named now. */
export interface CertificateNames {
  readonly certificate: string;
  readonly key: string;
}

interface CachedPair {
  readonly pair: CertificatePair;
  readonly loadedMs: number;
  usedMs: number;
}

export class LoadedContexts {
  private readonly options: TlsContextOptions;
  private readonly passwords: readonly string[];
  private readonly reader: CertificateReader;
  private readonly cache: CertificateCache | "off";
  private readonly pairs = new Map<string, CachedPair>();
  private readonly contexts = new Map<string, TlsContext>();

  constructor(
    options: TlsContextOptions,
    passwords: readonly string[],
    reader: CertificateReader,
    cache: CertificateCache | "off",
  ) {
    this.options = options;
    this.passwords = passwords;
    this.reader = reader;
    this.cache = cache;
  }

  /** The context with these certificates; those with an empty name are left out. A text where one cannot be loaded. */
  context(names: readonly CertificateNames[]): TlsContext | string {
    const pairs: CertificatePair[] = [];
    for (const { certificate, key } of names) {
      if (certificate === "") continue;
      const pair = this.pair(certificate, key);
      if (pair instanceof ConfigFault) return pair.message;
      pairs.push(pair);
    }
    return this.contextOf(pairs);
  }

  private pair(certificate: string, key: string): CertificatePair | ConfigFault {
    const { cache } = this;
    if (cache === "off") return loadPair(certificate, key, this.passwords, this.reader);
    const name = `${certificate}\0${key}`;
    const now = nowMs();
    const known = this.pairs.get(name);
    if (known !== undefined) this.pairs.delete(name);
    if (known !== undefined && now - known.loadedMs < cache.validMs && now - known.usedMs < cache.inactiveMs) {
      known.usedMs = now;
      this.pairs.set(name, known);
      return known.pair;
    }
    const pair = loadPair(certificate, key, this.passwords, this.reader);
    if (pair instanceof ConfigFault) return pair;
    this.pairs.set(name, { pair, loadedMs: now, usedMs: now });
    dropOldest(this.pairs, cache.max);
    return pair;
  }

  /** Files that hold what they held before get the context they had, so that sessions can be resumed. */
  private contextOf(certificates: readonly CertificatePair[]): TlsContext | string {
    const name = createHash("sha256").update(JSON.stringify(certificates)).digest("base64");
    const known = this.contexts.get(name);
    if (known !== undefined) {
      this.contexts.delete(name);
      this.contexts.set(name, known);
      return known;
    }
    const context = makeTlsContext({ ...this.options, certificates });
    if (context instanceof TlsContextFault) return `SSL_CTX_new() failed (SSL: ${context.message})`;
    this.contexts.set(name, context);
    dropOldest(this.contexts, MAX_CONTEXTS);
    return context;
  }
}

/** Maps keep the order of insertion: the first one was used longest ago. */
function dropOldest(map: Map<string, unknown>, max: number): void {
  if (map.size <= max) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
