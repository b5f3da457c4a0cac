/** `proxy_ssl_*` and its like: TLS towards upstreams, as configured (ngx_http_proxy_set_ssl, ngx_http_upstream_ssl_*). */
import { X509Certificate } from "node:crypto";
import { flag, number, text } from "../config/arguments.ts";
import { ConfigFault, type Directive, exactly, HTTP_SERVER_LOCATION } from "../config/directive.ts";
import { diskSource } from "../config/disk-source.ts";
import { texts } from "../config/list-arguments.ts";
import type { LoadContext } from "../config/load-context.ts";
import { listText, protocols, type Stated, stated } from "../net/tls-arguments.ts";
import {
  type CertificateReader,
  loadAuthorities,
  loadPair,
  loadRevocationLists,
  passwordFile,
} from "../net/tls-certificates.ts";
import { compileChoices } from "../net/tls-choices.ts";
import { PLAIN_TLS, type TlsContext, type TlsContextOptions } from "../net/tls-context.ts";
import { type CertificateCache, certificateCache, LoadedContexts } from "../net/tls-loaded-contexts.ts";
import { contextKey, sharedContext } from "../net/tls-shared-contexts.ts";
import { type Template, template } from "../template/template.ts";
import { UpstreamTls } from "./upstream-tls.ts";

/** The settings of one level. */
export interface UpstreamSslSettings {
  sslCertificate: Template | undefined;
  sslCertificateKey: Template | undefined;
  sslCertificateCache: CertificateCache | "off";
  sslPasswords: readonly string[] | undefined;
  sslProtocols: Stated<ReadonlySet<string>> | undefined;
  sslCiphers: Stated<string> | undefined;
  sslName: Template | undefined;
  sslServerName: boolean;
  sslVerify: boolean;
  sslVerifyDepth: number;
  sslTrustedCertificate: string | undefined;
  sslCrl: string | undefined;
  sslSessionReuse: boolean;
  sslCommands: Stated<readonly string[]> | undefined;
  sslKeyLog: Stated<string> | undefined;
}

const commands = stated({ ...texts([]), arity: exactly(2), accumulates: true });

/** The rows of a family of directives. */
export function upstreamSslRows(prefix: string): readonly Directive<UpstreamSslSettings>[] {
  const where = HTTP_SERVER_LOCATION;
  return [
    {
      name: `${prefix}_ssl_certificate`,
      in: where,
      arg: template(undefined),
      set: "sslCertificate",
      doc: "Certificate that upstreams are shown.",
    },
    {
      name: `${prefix}_ssl_certificate_key`,
      in: where,
      arg: template(undefined),
      set: "sslCertificateKey",
      doc: "Its private key.",
    },
    {
      name: `${prefix}_ssl_certificate_cache`,
      in: where,
      arg: certificateCache,
      set: "sslCertificateCache",
      doc: "How long certificates named by variables are kept without looking at their files.",
    },
    {
      name: `${prefix}_ssl_password_file`,
      in: where,
      arg: passwordFile,
      set: "sslPasswords",
      doc: "Passwords of private keys, one on a line.",
    },
    { name: `${prefix}_ssl_protocols`, in: where, arg: protocols, set: "sslProtocols", doc: "Versions of TLS." },
    { name: `${prefix}_ssl_ciphers`, in: where, arg: listText, set: "sslCiphers", doc: "Cipher suites of TLS 1.2." },
    {
      name: `${prefix}_ssl_name`,
      in: where,
      arg: template(undefined),
      set: "sslName",
      doc: "The name that upstreams are told and their certificates must have; else the host of the URL.",
    },
    {
      name: `${prefix}_ssl_server_name`,
      in: where,
      arg: flag(false),
      set: "sslServerName",
      doc: "Sends the name (SNI).",
    },
    { name: `${prefix}_ssl_verify`, in: where, arg: flag(false), set: "sslVerify", doc: "Looks at certificates." },
    {
      name: `${prefix}_ssl_verify_depth`,
      in: where,
      arg: number(1),
      set: "sslVerifyDepth",
      doc: "Longest chain of an upstream's certificate.",
    },
    {
      name: `${prefix}_ssl_trusted_certificate`,
      in: where,
      arg: text(undefined),
      set: "sslTrustedCertificate",
      doc: "Authorities of upstreams.",
    },
    { name: `${prefix}_ssl_crl`, in: where, arg: text(undefined), set: "sslCrl", doc: "Revoked ones of upstreams." },
    {
      name: `${prefix}_ssl_session_reuse`,
      in: where,
      arg: flag(true),
      set: "sslSessionReuse",
      doc: "Resumes the session that a peer gave last.",
    },
    { name: `${prefix}_ssl_conf_command`, in: where, arg: commands, set: "sslCommands", doc: "Not supported." },
    { name: `${prefix}_ssl_key_log`, in: where, arg: listText, set: "sslKeyLog", doc: "Not supported." },
  ];
}

/** What a level's directives come to, for one whose upstreams may be asked by TLS. */
export function compileUpstreamTls(
  own: UpstreamSslSettings,
  prefix: string,
  load: LoadContext,
): UpstreamTls | ConfigFault {
  if (own.sslCommands !== undefined) return notHere(own.sslCommands, "commands of OpenSSL mean nothing to BoringSSL");
  if (own.sslKeyLog !== undefined) return notHere(own.sslKeyLog, "it tells nobody its keys");
  const written = { protocols: own.sslProtocols, ciphers: own.sslCiphers, curves: undefined };
  const choices = compileChoices(written, load);
  if (choices instanceof ConfigFault) return choices;
  const reader: CertificateReader = { source: load.source, path: (name) => load.confPath(name) };
  const trust = own.sslVerify ? loadTrust(own, prefix, reader) : { authorities: [], revocationLists: [] };
  if (trust instanceof ConfigFault) return trust;
  const options: TlsContextOptions = {
    ...PLAIN_TLS,
    ...choices,
    ...trust,
  };
  const { sslVerify, sslVerifyDepth, sslServerName } = own;
  const context = compileContext(own, options, prefix, reader, load);
  if (context instanceof ConfigFault) return context;
  return new UpstreamTls({
    context: context.of,
    key: `${context.key} ${sslVerify} ${sslVerifyDepth} ${sslServerName}`,
    certificate: context.certificate,
    name: own.sslName,
    sendsName: sslServerName,
    verifies: sslVerify,
    verifyDepth: sslVerifyDepth,
    trusted: trust.authorities.map((pem) => new X509Certificate(pem)),
    resumes: own.sslSessionReuse,
  });
}

function notHere({ statement }: Stated<unknown>, why: string): ConfigFault {
  const { name, file, line } = statement;
  return new ConfigFault(`"${name}" is not supported with Bun's TLS: ${why} in ${file}:${line}`);
}

function loadTrust(
  own: UpstreamSslSettings,
  prefix: string,
  reader: CertificateReader,
): { readonly authorities: readonly string[]; readonly revocationLists: readonly string[] } | ConfigFault {
  if (own.sslTrustedCertificate === undefined || own.sslTrustedCertificate === "") {
    return new ConfigFault(`no ${prefix}_ssl_trusted_certificate for ${prefix}_ssl_verify`);
  }
  const authorities = loadAuthorities(own.sslTrustedCertificate, "SSL_CTX_load_verify_locations", reader);
  if (authorities instanceof ConfigFault) return authorities;
  const revocationLists = own.sslCrl === undefined || own.sslCrl === "" ? [] : loadRevocationLists(own.sslCrl, reader);
  return revocationLists instanceof ConfigFault ? revocationLists : { authorities, revocationLists };
}

interface ContextSource {
  /** Names what it is made of, apart from a certificate that depends on the request. */
  readonly key: string;
  readonly certificate?: Template;
  readonly of: (r: Parameters<Template["evaluate"]>[0]) => TlsContext | string;
}

function compileContext(
  own: UpstreamSslSettings,
  options: TlsContextOptions,
  prefix: string,
  reader: CertificateReader,
  load: LoadContext,
): ContextSource | ConfigFault {
  const { sslCertificate: certificate, sslCertificateKey: key, sslPasswords: passwords = [] } = own;
  if (certificate === undefined || certificate.constant === "") {
    const context = sharedContext(options, load);
    return context instanceof ConfigFault ? context : { key: contextKey(options), of: () => context };
  }
  if (key === undefined) {
    return new ConfigFault(`no "${prefix}_ssl_certificate_key" is defined for certificate "${certificate.source}"`);
  }
  if (certificate.constant === undefined || key.constant === undefined) {
    const loaded = new LoadedContexts(options, passwords, { ...reader, source: diskSource }, own.sslCertificateCache);
    return {
      key: contextKey(options),
      certificate,
      of: (r) => loaded.context([{ certificate: certificate.evaluate(r), key: key.evaluate(r) }]),
    };
  }
  const pair = loadPair(certificate.constant, key.constant, passwords, reader);
  if (pair instanceof ConfigFault) return pair;
  const whole = { ...options, certificates: [pair] };
  const context = sharedContext(whole, load);
  return context instanceof ConfigFault ? context : { key: contextKey(whole), of: () => context };
}
