/** A server's TLS: its certificates loaded, its context made; equal ones are shared and outlive a reload. */
import { X509Certificate } from "node:crypto";
import { ConfigFault, type DirectiveSite, type Scope } from "../config/directive.ts";
import { diskSource } from "../config/disk-source.ts";
import type { LoadContext } from "../config/load-context.ts";
import type { ServerTls, TlsIdentity } from "../http/server-tls.ts";
import type { Stated } from "../net/tls-arguments.ts";
import {
  type CertificatePair,
  type CertificateReader,
  loadAuthorities,
  loadPair,
  loadRevocationLists,
} from "../net/tls-certificates.ts";
import { compileChoices, warnOnce } from "../net/tls-choices.ts";
import { MAX_RECORD_BYTES, MIN_RECORD_BYTES, type TlsContextOptions } from "../net/tls-context.ts";
import { LoadedContexts } from "../net/tls-loaded-contexts.ts";
import { sharedContext } from "../net/tls-shared-contexts.ts";
import { certificateCheck } from "../net/tls-verify.ts";
import { compileTemplate, hasVariables } from "../template/template.ts";
import type { SslSettings } from "./ssl.ts";
import { judgeLacking } from "./ssl-lacking.ts";
import { sessionOptions } from "./ssl-sessions.ts";
import { type CertificateTemplates, VariableIdentity } from "./ssl-variable-identity.ts";

/** What a server's directives come to; undefined where they come to nothing. */
export function compileServerTls(
  own: SslSettings,
  scope: Scope,
  load: LoadContext,
): ServerTls | ConfigFault | undefined {
  const { certificates, rejectHandshake, verifyClient } = own;
  if (certificates === undefined) {
    const nothing = !rejectHandshake && verifyClient === "off";
    return nothing ? undefined : { rejectHandshake, verifyClient, identity: undefined, ...certificateCheck(own, []) };
  }
  judgeLacking(own.lacking, load);
  const choices = compileChoices(own, load);
  if (choices instanceof ConfigFault) return choices;
  const reader: CertificateReader = { source: load.source, path: (name) => load.confPath(name) };
  const authorities: string[] = [];
  for (const [name, call] of [
    [own.clientCertificate, "SSL_CTX_load_verify_locations"],
    [own.trustedCertificate?.value, "SSL_CTX_load_verify_locations"],
  ] as const) {
    const loaded = name === undefined ? [] : loadAuthorities(name, call, reader);
    if (loaded instanceof ConfigFault) return loaded;
    authorities.push(...loaded);
  }
  const revocationLists = own.crl === undefined ? [] : loadRevocationLists(own.crl, reader);
  if (revocationLists instanceof ConfigFault) return revocationLists;
  if (own.trustedCertificate !== undefined && verifyClient !== "off") {
    const told = 'clients are told of its authorities as of those of "ssl_client_certificate"';
    warnOnce(load, own.trustedCertificate.statement, `"ssl_trusted_certificate" is not kept to the server: ${told}`);
  }
  const options: TlsContextOptions = {
    certificates: [],
    ...choices,
    preferServerCiphers: own.preferServerCiphers,
    ...sessionOptions(own, load),
    recordBytes: recordBytes(own.bufferBytes, load),
    authorities,
    revocationLists,
    requestCertificate: verifyClient !== "off",
  };
  const identity = compileIdentity(own, options, reader, scope, load);
  if (identity instanceof ConfigFault) return identity;
  const trusted = authorities.map((pem) => new X509Certificate(pem));
  return { rejectHandshake, verifyClient, identity, ...certificateCheck(own, trusted) };
}

/** `ssl_buffer_size`: larger ones than TLS allows make no difference. */
function recordBytes(written: Stated<number> | undefined, load: LoadContext): number {
  if (written === undefined) return MAX_RECORD_BYTES;
  const { value, statement } = written;
  if (value < MIN_RECORD_BYTES) {
    warnOnce(load, statement, `"ssl_buffer_size" is at least ${MIN_RECORD_BYTES}: Bun's TLS makes no smaller records`);
  }
  return Math.max(MIN_RECORD_BYTES, Math.min(value, MAX_RECORD_BYTES));
}

function compileIdentity(
  own: SslSettings,
  options: TlsContextOptions,
  reader: CertificateReader,
  scope: Scope,
  load: LoadContext,
): TlsIdentity | ConfigFault {
  const { certificates = [], certificateKeys = [], passwords = [] } = own;
  if ([...certificates, ...certificateKeys].some(hasVariables)) {
    const { statement } = scope;
    if (statement === undefined) return new ConfigFault("a server without a statement");
    const site = { statement, scope, load };
    const names: CertificateTemplates[] = [];
    for (const [i, name] of certificates.entries()) {
      const pair = compileNames(name, certificateKeys[i]!, site);
      if (pair instanceof ConfigFault) return pair;
      names.push(pair);
    }
    const fresh = { ...reader, source: diskSource };
    return new VariableIdentity(names, new LoadedContexts(options, passwords, fresh, own.certificateCache));
  }
  const pairs: CertificatePair[] = [];
  for (const [i, name] of certificates.entries()) {
    const pair = loadPair(name, certificateKeys[i]!, passwords, reader);
    if (pair instanceof ConfigFault) return pair;
    pairs.push(pair);
  }
  const context = sharedContext({ ...options, certificates: pairs }, load);
  return context instanceof ConfigFault ? context : { context: () => context };
}

function compileNames(certificate: string, key: string, site: DirectiveSite): CertificateTemplates | ConfigFault {
  const first = compileTemplate(certificate, site);
  if (first instanceof ConfigFault) return first;
  const second = compileTemplate(key, site);
  return second instanceof ConfigFault ? second : { certificate: first, key: second };
}
