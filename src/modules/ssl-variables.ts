/** `$ssl_*` (ngx_http_ssl_module.c, ngx_event_openssl.c). Empty on connections without TLS. */
import { createHash, X509Certificate } from "node:crypto";
import type { Request } from "../http/request.ts";
import type { ConnectionTls } from "../http/server-tls.ts";
import { escapeUri } from "../http/uri.ts";
import type { TlsSession } from "../net/tls-session.ts";
import { verifyErrorText } from "../net/tls-verify-errors.ts";
import type { VariableDefinition, VariableGet } from "../template/variables.ts";
import { type CertificateText, certificateText } from "./ssl-certificate-text.ts";
import { cipherName, groupName } from "./ssl-names.ts";

/** Reads a variable off a connection with TLS. What is empty counts as not found. */
function ofTls(
  read: (tls: ConnectionTls, session: TlsSession | undefined, r: Request) => string | undefined,
): VariableGet {
  return (r) => {
    const { tls } = r.connection;
    return tls === undefined ? undefined : read(tls, tls.session, r) || undefined;
  };
}

function ofSession(read: (session: TlsSession) => string | undefined): VariableGet {
  return ofTls((_tls, session) => (session === undefined ? undefined : read(session)));
}

function ofCertificate(read: (der: Uint8Array) => string | undefined): VariableGet {
  return ofSession((session) => {
    const [der] = session.peerCertificates;
    return der === undefined ? "" : read(der);
  });
}

const texts = new WeakMap<Uint8Array, CertificateText>();

function textField(field: keyof CertificateText): VariableGet {
  return ofCertificate((der) => {
    let text = texts.get(der);
    if (text === undefined) {
      text = certificateText(der);
      if (text === undefined) return "";
      texts.set(der, text);
    }
    return text[field];
  });
}

function pem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

const DAY_MS = 86_400_000;

function daysLeft(der: Uint8Array): string {
  const endMs = Date.parse(new X509Certificate(der).validTo);
  const leftMs = endMs - Date.now();
  return String(leftMs > 0 ? Math.floor(leftMs / DAY_MS) : 0);
}

function clientVerify(_tls: ConnectionTls, session: TlsSession | undefined, r: Request): string {
  if (session === undefined || session.peerCertificates.length === 0) return "NONE";
  const error = r.server.tls?.verify(session) ?? session.verifyError;
  return error === 0 ? "SUCCESS" : `FAILED:${verifyErrorText(error)}`;
}

/** In the order of nginx's table. */
export const sslVariables: readonly VariableDefinition[] = [
  { name: "ssl_protocol", get: ofSession((session) => session.protocol) },
  { name: "ssl_cipher", get: ofSession((session) => session.cipher) },
  { name: "ssl_ciphers", get: ofTls(({ hello }) => hello?.cipherSuites.map(cipherName).join(":") ?? "") },
  { name: "ssl_curve", get: ofSession(({ group }) => (group === 0 ? "" : groupName(group))) },
  { name: "ssl_curves", get: ofTls(({ hello }) => hello?.groups.map(groupName).join(":") ?? "") },
  { name: "ssl_session_id", get: ofSession((session) => session.id) },
  { name: "ssl_session_reused", get: ofSession((session) => (session.reused ? "r" : ".")) },
  { name: "ssl_early_data", get: ofTls(() => "") },
  { name: "ssl_server_name", get: ofTls(({ hello }) => hello?.serverName ?? "") },
  { name: "ssl_alpn_protocol", get: ofSession((session) => session.applicationProtocol) },
  { name: "ssl_client_cert", get: ofCertificate((der) => pem(der).slice(0, -1).replaceAll("\n", "\n\t")) },
  { name: "ssl_client_raw_cert", get: ofCertificate(pem) },
  { name: "ssl_client_escaped_cert", get: ofCertificate((der) => escapeUri(pem(der), "uri-component")) },
  { name: "ssl_client_s_dn", get: textField("subject") },
  { name: "ssl_client_i_dn", get: textField("issuer") },
  { name: "ssl_client_s_dn_legacy", get: textField("legacySubject") },
  { name: "ssl_client_i_dn_legacy", get: textField("legacyIssuer") },
  { name: "ssl_client_serial", get: textField("serial") },
  { name: "ssl_client_fingerprint", get: ofCertificate((der) => createHash("sha1").update(der).digest("hex")) },
  { name: "ssl_client_verify", get: ofTls(clientVerify) },
  { name: "ssl_client_v_start", get: ofCertificate((der) => new X509Certificate(der).validFrom) },
  { name: "ssl_client_v_end", get: ofCertificate((der) => new X509Certificate(der).validTo) },
  { name: "ssl_client_v_remain", get: ofCertificate(daysLeft) },
];
