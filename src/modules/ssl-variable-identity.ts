/** Certificates whose names hold variables: loaded in the handshake (ngx_http_ssl_certificate). */
import { createHash } from "node:crypto";
import { ConfigFault } from "../config/directive.ts";
import type { Connection } from "../http/connection.ts";
import { HeaderList } from "../http/header-list.ts";
import type { Server } from "../http/location.ts";
import { Request } from "../http/request.ts";
import type { TlsIdentity } from "../http/server-tls.ts";
import { nowMs } from "../net/timers.ts";
import { type CertificatePair, type CertificateReader, loadPair } from "../net/tls-certificates.ts";
import { makeTlsContext, type TlsContext, TlsContextFault, type TlsContextOptions } from "../net/tls-context.ts";
import type { Template } from "../template/template.ts";
import type { CertificateCache } from "./ssl-arguments.ts";

/** A certificate and its key, as named in the configuration. */
export interface CertificateNames {
  readonly certificate: Template;
  readonly key: Template;
}

/** Contexts kept, the one used longest ago goes first: names come from clients. */
const MAX_CONTEXTS = 256;

interface CachedPair {
  readonly pair: CertificatePair;
  readonly loadedMs: number;
  usedMs: number;
}

export class VariableIdentity implements TlsIdentity {
  private readonly names: readonly CertificateNames[];
  private readonly options: TlsContextOptions;
  private readonly passwords: readonly string[];
  private readonly reader: CertificateReader;
  private readonly cache: CertificateCache | "off";
  private readonly pairs = new Map<string, CachedPair>();
  private readonly contexts = new Map<string, TlsContext>();

  constructor(
    names: readonly CertificateNames[],
    options: TlsContextOptions,
    passwords: readonly string[],
    reader: CertificateReader,
    cache: CertificateCache | "off",
  ) {
    this.names = names;
    this.options = options;
    this.passwords = passwords;
    this.reader = reader;
    this.cache = cache;
  }

  context(connection: Connection, server: Server): TlsContext | string {
    const headers = HeaderList.take();
    const r = new Request(connection, server, headers);
    const pairs: CertificatePair[] = [];
    try {
      for (const { certificate, key } of this.names) {
        const name = certificate.evaluate(r);
        // An empty name stands for no certificate.
        if (name === "") continue;
        const pair = this.pair(name, key.evaluate(r));
        if (pair instanceof ConfigFault) return pair.message;
        pairs.push(pair);
      }
    } finally {
      headers.release();
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
    const name = createHash("sha256").update(JSON.stringify(certificates)).digest("latin1");
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
