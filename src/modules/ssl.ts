/** TLS towards clients (ngx_http_ssl_module.c): the table, its merge, the compiled servers. */
import { choice, flag, number, seconds, size, text } from "../config/arguments.ts";
import { ConfigFault, type Directive, HTTP, Module, type Scope, SERVER } from "../config/directive.ts";
import type { LoadContext } from "../config/load-context.ts";
import type { ServerTls } from "../http/server-tls.ts";
import { listText, protocols, type Stated, stated, textLines } from "../net/tls-arguments.ts";
import { passwordFile } from "../net/tls-certificates.ts";
import { type CertificateCache, certificateCache } from "../net/tls-loaded-contexts.ts";
import { keepContexts } from "../net/tls-shared-contexts.ts";
import { variables } from "../template/variables.ts";
import { type Lacking, lackingRows, mergeLacking } from "./ssl-lacking.ts";
import { compileServerTls } from "./ssl-server.ts";
import { type SessionCache, sessionCache } from "./ssl-sessions.ts";
import { sslVariables } from "./ssl-variables.ts";

/** The settings of one level. */
export interface SslSettings {
  /** The old `ssl on`. */
  enabled: boolean;
  certificates: readonly string[] | undefined;
  certificateKeys: readonly string[] | undefined;
  certificateCache: CertificateCache | "off";
  passwords: readonly string[] | undefined;
  protocols: Stated<ReadonlySet<string>> | undefined;
  ciphers: Stated<string> | undefined;
  preferServerCiphers: boolean;
  curves: Stated<string> | undefined;
  bufferBytes: Stated<number> | undefined;
  verifyClient: "off" | "on" | "optional" | "optional_no_ca";
  verifyDepth: number;
  clientCertificate: string | undefined;
  trustedCertificate: Stated<string> | undefined;
  crl: string | undefined;
  sessionCache: Stated<SessionCache> | undefined;
  sessionTickets: boolean;
  /** Seconds. */
  sessionTimeout: Stated<number> | undefined;
  rejectHandshake: boolean;
  /** What Bun's TLS cannot do. */
  lacking: Lacking;
  /** Compiled by `finish`. */
  tls: ServerTls | undefined;
}

const WHERE = HTTP | SERVER;
const ENABLED = flag(false);

const rows: readonly Directive<SslSettings>[] = [
  {
    name: "ssl",
    in: WHERE,
    arg: {
      ...ENABLED,
      parse(args, site) {
        const value = ENABLED.parse(args, site);
        if (value instanceof ConfigFault) return value;
        site.load.warn(site.statement, 'the "ssl" directive is deprecated, use the "listen ... ssl" directive instead');
        return value;
      },
    },
    set: "enabled",
    doc: "TLS on all addresses whose default server this is; the old way to say it.",
  },
  { name: "ssl_certificate", in: WHERE, arg: textLines, set: "certificates", doc: "Certificate chain, in PEM." },
  { name: "ssl_certificate_key", in: WHERE, arg: textLines, set: "certificateKeys", doc: "Its private key, in PEM." },
  {
    name: "ssl_certificate_cache",
    in: WHERE,
    arg: certificateCache,
    set: "certificateCache",
    doc: "How long certificates named by variables are kept without looking at their files.",
  },
  {
    name: "ssl_password_file",
    in: WHERE,
    arg: passwordFile,
    set: "passwords",
    doc: "Passwords of private keys, one on a line.",
  },
  { name: "ssl_protocols", in: WHERE, arg: protocols, set: "protocols", doc: "Versions of TLS: 1.2 and 1.3." },
  { name: "ssl_ciphers", in: WHERE, arg: listText, set: "ciphers", doc: "Cipher suites of TLS 1.2." },
  {
    name: "ssl_prefer_server_ciphers",
    in: WHERE,
    arg: flag(false),
    set: "preferServerCiphers",
    doc: "The server's order of cipher suites holds.",
  },
  { name: "ssl_ecdh_curve", in: WHERE, arg: listText, set: "curves", doc: "Groups for the key exchange." },
  { name: "ssl_buffer_size", in: WHERE, arg: stated(size(0)), set: "bufferBytes", doc: "Largest record that is sent." },
  {
    name: "ssl_verify_client",
    in: WHERE,
    arg: choice(["off", "on", "optional", "optional_no_ca"], "off"),
    set: "verifyClient",
    doc: "Asks clients for a certificate.",
  },
  {
    name: "ssl_verify_depth",
    in: WHERE,
    arg: number(1),
    set: "verifyDepth",
    doc: "Longest chain of a client's certificate.",
  },
  {
    name: "ssl_client_certificate",
    in: WHERE,
    arg: text(undefined),
    set: "clientCertificate",
    doc: "Authorities whose clients are let in, and are told of.",
  },
  {
    name: "ssl_trusted_certificate",
    in: WHERE,
    arg: listText,
    set: "trustedCertificate",
    doc: "Authorities whose clients are let in.",
  },
  { name: "ssl_crl", in: WHERE, arg: text(undefined), set: "crl", doc: "Revoked certificates of clients." },
  {
    name: "ssl_session_cache",
    in: WHERE,
    arg: stated(sessionCache),
    set: "sessionCache",
    doc: "Sessions kept by the server: not here, clients keep them as tickets.",
  },
  { name: "ssl_session_tickets", in: WHERE, arg: flag(true), set: "sessionTickets", doc: "Sessions kept by clients." },
  {
    name: "ssl_session_timeout",
    in: WHERE,
    arg: stated(seconds(0)),
    set: "sessionTimeout",
    doc: "Longest life of a session.",
  },
  {
    name: "ssl_reject_handshake",
    in: WHERE,
    arg: flag(false),
    set: "rejectHandshake",
    doc: "Refuses clients that ask for no other server.",
  },
];

/** nginx tells what is wrong with a server's certificates without saying where. */
function merge(own: SslSettings, outer: SslSettings | undefined, scope: Scope, load: LoadContext): undefined {
  mergeLacking(own, outer);
  const fault = scope.kind === SERVER ? checkServer(own, scope) : undefined;
  if (fault !== undefined) load.fail(undefined, fault.message);
}

/** The checks of ngx_http_ssl_merge_srv_conf. */
function checkServer(own: SslSettings, scope: Scope): ConfigFault | undefined {
  const { certificates, certificateKeys = [], enabled } = own;
  const where = `${scope.statement?.file}:${scope.statement?.line}`;
  if (enabled && certificates === undefined) {
    return new ConfigFault(`no "ssl_certificate" is defined for the "ssl" directive in ${where}`);
  }
  if (certificates === undefined) return undefined;
  if (certificateKeys.length < certificates.length) {
    const last = certificates.at(-1);
    return new ConfigFault(`no "ssl_certificate_key" is defined for certificate "${last}"`);
  }
  const verifies = own.verifyClient === "on" || own.verifyClient === "optional";
  if (verifies && own.clientCertificate === undefined && own.trustedCertificate === undefined) {
    return new ConfigFault("no ssl_client_certificate for ssl_verify_client");
  }
  return undefined;
}

function finish(http: Scope, load: LoadContext): ConfigFault | undefined {
  for (const scope of http.children) {
    if (scope.kind !== SERVER) continue;
    const own = sslModule.of(scope);
    const tls = compileServerTls(own, scope, load);
    if (tls instanceof ConfigFault) load.fail(undefined, tls.message);
    else own.tls = tls;
  }
  if (!load.failed) keepContexts(load);
  return undefined;
}

export const sslModule: Module<SslSettings> = new Module<SslSettings>({
  name: "http_ssl",
  directives: [...rows, ...(lackingRows as readonly Directive<SslSettings>[])],
  create: () => ({ tls: undefined, lacking: new Map() }) as unknown as SslSettings,
  merge,
  register(load) {
    const registry = variables(load);
    registry.provide(sslVariables);
  },
  finish,
});
