/** Certificates, keys and settings of TLS, made once and shared by connections: a BoringSSL context, made by Bun. */
import { createSecureContext, type SecureContextOptions } from "node:tls";

/** What `createSecureContext` is told. PEM texts as latin1. */
export interface TlsContextOptions {
  /** Pairs of a certificate chain and its key. */
  readonly certificates: readonly { readonly chain: string; readonly key: string; readonly passphrase?: string }[];
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** OpenSSL's cipher list, for TLS 1.2; undefined for BoringSSL's own. */
  readonly ciphers: string | undefined;
  readonly preferServerCiphers: boolean;
  /** Colon-separated; undefined for BoringSSL's own. */
  readonly curves: string | undefined;
  readonly sessionTickets: boolean;
  /** Seconds. */
  readonly sessionTimeout: number;
  /** Largest record that is sent: MIN_RECORD_BYTES to MAX_RECORD_BYTES. */
  readonly recordBytes: number;
  /** PEM texts of certification authorities: none trusts nobody. */
  readonly authorities: readonly string[];
  /** PEM texts. */
  readonly revocationLists: readonly string[];
  /** A server that asks for the client's certificate. */
  readonly requestCertificate: boolean;
}

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** A context as sockets take it. */
export interface TlsContext {
  /** Bun's own object. */
  readonly native: object;
  /** Sockets are told of it one by one. */
  readonly recordBytes: number;
  /** Clients get tickets. */
  readonly givesTickets: boolean;
}

/** Bytes in a record (RFC 8446 5.1). */
export const MAX_RECORD_BYTES = 16 * 1024;
/** BoringSSL's SSL_set_max_send_fragment takes no less. */
export const MIN_RECORD_BYTES = 512;

/** What BoringSSL does by itself: nothing is asked for, and nobody trusted. */
export const PLAIN_TLS: TlsContextOptions = {
  certificates: [],
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  ciphers: undefined,
  preferServerCiphers: false,
  curves: undefined,
  sessionTickets: true,
  sessionTimeout: 300,
  recordBytes: MAX_RECORD_BYTES,
  authorities: [],
  revocationLists: [],
  requestCertificate: false,
};

/** Why a context could not be made: BoringSSL's words. */
export class TlsContextFault {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** OpenSSL's option bits as Bun passes them on. */
const SSL_OP_NO_TICKET = 0x4000;

/** Makes a context, or says what is wrong. */
export function makeTlsContext(options: TlsContextOptions): TlsContext | TlsContextFault {
  const { certificates, ciphers, curves, authorities, revocationLists } = options;
  const wanted: SecureContextOptions & { requestCert?: boolean } = {
    minVersion: options.minVersion,
    maxVersion: options.maxVersion,
    honorCipherOrder: options.preferServerCiphers,
    sessionTimeout: options.sessionTimeout,
    secureOptions: options.sessionTickets ? 0 : SSL_OP_NO_TICKET,
  };
  if (certificates.length > 0) {
    wanted.cert = certificates.map(({ chain }) => chain);
    wanted.key = certificates.map(({ key, passphrase }) =>
      passphrase === undefined ? { pem: key } : { pem: key, passphrase },
    );
  }
  if (ciphers !== undefined) wanted.ciphers = ciphers;
  if (curves !== undefined) wanted.ecdhCurve = curves;
  if (authorities.length > 0) wanted.ca = [...authorities];
  if (revocationLists.length > 0) wanted.crl = [...revocationLists];
  if (options.requestCertificate) wanted.requestCert = true;
  try {
    const native: unknown = createSecureContext(wanted).context;
    if (typeof native !== "object" || native === null) return new TlsContextFault("no context");
    return { native, recordBytes: options.recordBytes, givesTickets: options.sessionTickets };
  } catch (error) {
    return new TlsContextFault(error instanceof Error ? error.message : String(error));
  }
}
