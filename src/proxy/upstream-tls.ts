/** TLS towards upstreams at run time: what is said to a peer, and what its certificate must be. */
import { X509Certificate } from "node:crypto";
import type { Request } from "../http/request.ts";
import { normalIP } from "../net/address.ts";
import type { TlsContext } from "../net/tls-context.ts";
import type { TlsSession } from "../net/tls-session.ts";
import { certificateCheck } from "../net/tls-verify.ts";
import { verifyErrorText } from "../net/tls-verify-errors.ts";
import type { Template } from "../template/template.ts";
import type { Peer } from "../upstream/peer.ts";

/** Compiled directives of one level. */
export interface UpstreamTlsRules {
  /** The context for a request; a text where its certificate cannot be loaded. */
  readonly context: (r: Request) => TlsContext | string;
  /** The same for rules that are the same. */
  readonly key: string;
  /** The certificate shown, where it depends on the request. */
  readonly certificate: Template | undefined;
  readonly name: Template | undefined;
  readonly sendsName: boolean;
  readonly verifies: boolean;
  readonly verifyDepth: number;
  readonly trusted: readonly X509Certificate[];
  readonly resumes: boolean;
}

/** What one request wants of the TLS of its upstream connection. */
export interface UpstreamTlsPlan {
  readonly context: TlsContext;
  /** SNI; "" for none. */
  readonly serverName: string;
  /** Connections of another key are not for this request: other rules, or another name. */
  readonly key: string;
  /** The session to resume with a peer. */
  session(peer: Peer): Uint8Array | undefined;
  keep(peer: Peer, session: Uint8Array): void;
  /** What is wrong with what the peer showed; undefined for nothing. */
  fault(session: TlsSession): string | undefined;
}

/** A session speaks for the certificate that it was begun with: it is resumed by nobody else. */
interface KeptSession {
  readonly key: string;
  readonly session: Uint8Array;
}

export class UpstreamTls {
  private readonly rules: UpstreamTlsRules;
  private readonly sessions = new WeakMap<Peer, KeptSession>();
  private readonly check: { verify(session: TlsSession): number };

  constructor(rules: UpstreamTlsRules) {
    this.rules = rules;
    this.check = certificateCheck(rules, rules.trusted);
  }

  /** `host`: of the URL or the upstream block. A text where the request's certificate cannot be loaded. */
  plan(r: Request, host: string): UpstreamTlsPlan | string {
    const { rules } = this;
    const context = rules.context(r);
    if (typeof context === "string") return context;
    const name = withoutPort(rules.name === undefined ? host : rules.name.evaluate(r));
    const { sendsName, resumes, verifies } = rules;
    const { sessions } = this;
    const key = `${rules.key} ${rules.certificate?.evaluate(r) ?? ""} ${name}`;
    return {
      context,
      // RFC 6066 3: no IP literals.
      serverName: sendsName && normalIP(name) === undefined && !name.startsWith("[") ? name : "",
      key,
      session(peer) {
        const kept = resumes ? sessions.get(peer) : undefined;
        return kept?.key === key ? kept.session : undefined;
      },
      keep(peer, session) {
        if (resumes) sessions.set(peer, { key, session });
      },
      fault: (session) => (verifies ? this.fault(session, name) : undefined),
    };
  }

  private fault(session: TlsSession, name: string): string | undefined {
    const [der] = session.peerCertificates;
    const error = this.check.verify(session);
    if (error !== 0) return `upstream SSL certificate verify error: (${error}:${verifyErrorText(error)})`;
    if (der !== undefined && new X509Certificate(der).checkHost(name) !== undefined) return undefined;
    return `upstream SSL certificate does not match "${name}"`;
  }
}

/** A name taken from $proxy_host or $http_host may have a port (ngx_http_upstream_ssl_name). */
function withoutPort(name: string): string {
  if (name.startsWith("[")) {
    const end = name.indexOf("]");
    return end < 0 ? name : name.slice(0, end + 1);
  }
  const colon = name.indexOf(":");
  return colon < 0 ? name : name.slice(0, colon);
}
