/** What a handshake came to: read from Bun's socket once, so that it can still be told when the socket is closed. */
import type { BunTlsSocket } from "./tls-bun.ts";
import { type DerValue, derChildren, derContext, derNumber, readDer } from "./tls-der.ts";

/** The outcome of a handshake. */
export interface TlsSession {
  /** `TLSv1.3`. */
  readonly protocol: string;
  /** OpenSSL's name of the cipher suite. */
  readonly cipher: string;
  readonly reused: boolean;
  /** Lower-case hexadecimal; "" for none. */
  readonly id: string;
  /** The named group of the key exchange, by its IANA number; 0 where there was none. */
  readonly group: number;
  /** The other end's signature scheme, by its IANA number; 0 where it signed nothing. */
  readonly peerSignatureScheme: number;
  /** DER of the other end's certificate, then of those that it sent along; empty where it has none. */
  readonly peerCertificates: readonly Uint8Array[];
  /** OpenSSL's number of what is wrong with the certificate; 0 for nothing. */
  readonly verifyError: number;
  /** Protocol chosen by ALPN; "" for none. */
  readonly applicationProtocol: string;
}

// Fields of BoringSSL's SSLSession (ssl_asn1.cc).
const SESSION_ID = 3;
const PEER = derContext(3);
const VERIFY_RESULT = derContext(5);
const GROUP_ID = derContext(18);
const CERT_CHAIN = derContext(19);
const PEER_SIGNATURE_ALGORITHM = derContext(23);

/** Reads the outcome off a socket whose handshake has just ended. */
export function sessionOf(bun: BunTlsSocket): TlsSession {
  const der = bun.getSession();
  const whole = der === undefined ? undefined : readDer(der, 0, der.length);
  const fields = der === undefined || whole === undefined ? [] : derChildren(der, whole);
  const number = (tag: number): number => {
    const inner = innerValue(der, fields, tag);
    return inner === undefined ? 0 : derNumber(der!, inner);
  };
  const id = fields[SESSION_ID];
  return {
    protocol: bun.getTLSVersion(),
    cipher: bun.getCipher()?.name ?? "",
    reused: bun.isSessionReused(),
    id: id === undefined ? "" : Buffer.from(der!.subarray(id.from, id.to)).toString("hex"),
    group: number(GROUP_ID),
    peerSignatureScheme: number(PEER_SIGNATURE_ALGORITHM),
    peerCertificates: der === undefined ? [] : certificates(der, fields),
    verifyError: number(VERIFY_RESULT),
    applicationProtocol: typeof bun.alpnProtocol === "string" ? bun.alpnProtocol : "",
  };
}

function innerValue(der: Uint8Array | undefined, fields: readonly DerValue[], tag: number): DerValue | undefined {
  const field = fields.find((candidate) => candidate.tag === tag);
  return der === undefined || field === undefined ? undefined : readDer(der, field.from, field.to);
}

/** Copies: the session holds secrets and is not kept. */
function certificates(der: Uint8Array, fields: readonly DerValue[]): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (const tag of [PEER, CERT_CHAIN]) {
    const field = fields.find((candidate) => candidate.tag === tag);
    if (field === undefined) continue;
    let { from } = field;
    for (let value = readDer(der, from, field.to); value !== undefined; value = readDer(der, from, field.to)) {
      out.push(der.slice(from, value.to));
      from = value.to;
    }
  }
  return out;
}
