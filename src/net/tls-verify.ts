/** What is left to look at when BoringSSL has verified a certificate: `ssl_verify_depth` and its like. */
import { X509Certificate } from "node:crypto";
import type { TlsSession } from "./tls-session.ts";

/** X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: OpenSSL looks no further than the depth, and finds no authority then. */
const ISSUER_NOT_FOUND = 20;

/** The `verify` of those who look at certificates: the error number that a session's certificate has, 0 for none. */
export function certificateCheck(
  settings: { readonly verifyDepth: number },
  trusted: readonly X509Certificate[],
): { verify(session: TlsSession): number } {
  const results = new WeakMap<TlsSession, number>();
  return {
    verify(session) {
      if (session.peerCertificates.length === 0) return 0;
      if (session.verifyError !== 0) return session.verifyError;
      let result = results.get(session);
      if (result === undefined) {
        const sent = session.peerCertificates.map((der) => new X509Certificate(der));
        result = intermediates(sent, trusted) > settings.verifyDepth ? ISSUER_NOT_FOUND : 0;
        results.set(session, result);
      }
      return result;
    },
  };
}

/** Longer chains are too long for any setting; loops end here. */
const MAX_CHAIN = 100;

/** Certificates between a verified one and the authority that it leads to, both not counted. */
function intermediates(sent: readonly X509Certificate[], trusted: readonly X509Certificate[]): number {
  let current = sent[0]!;
  let length = 1;
  while (length < MAX_CHAIN && !current.checkIssued(current)) {
    const issuer = issuerOf(current, trusted) ?? issuerOf(current, sent);
    if (issuer === undefined) break;
    current = issuer;
    length++;
  }
  return Math.max(0, length - 2);
}

function issuerOf(certificate: X509Certificate, among: readonly X509Certificate[]): X509Certificate | undefined {
  return among.find((other) => certificate.checkIssued(other) && certificate.verify(other.publicKey));
}
