/**
 * What Bun's sockets can do about TLS beyond what its types tell: taking a connected descriptor, being the server on it,
 * and going on with bytes that were read before. Tests of this folder hold each of these facts.
 */

/** A certificate that did not verify, or a handshake that failed. */
export interface BunTlsError {
  readonly code?: string;
  readonly message: string;
}

/** What the certificate of a peer looks like; `raw` is missing where there is none. */
export interface BunCertificate {
  readonly raw?: Uint8Array;
  readonly issuerCertificate?: BunCertificate;
}

/** A socket with TLS on it. */
export interface BunTlsSocket {
  /** Bytes taken: fewer when it is full, -1 when it is closed. */
  write(bytes: Uint8Array, offset: number, length: number): number;
  pause(): void;
  resume(): void;
  /** close_notify and FIN; reading goes on. */
  shutdown(): void;
  /** close_notify, and the descriptor is closed at once. */
  close(): void;
  getTLSVersion(): string;
  getCipher(): { readonly standardName: string; readonly name: string } | undefined;
  isSessionReused(): boolean;
  getSession(): Uint8Array | undefined;
  setSession(session: Uint8Array): void;
  getPeerCertificate(abbreviated?: boolean): BunCertificate | undefined;
  setMaxSendFragment(bytes: number): boolean;
  readonly alpnProtocol: string | false | null;
}

/** Handlers, one object for all sockets of a kind. */
export interface BunTlsHandlers<D> {
  /** Before a client says hello: the place for `setSession`. */
  open(socket: BunTlsSocket & { readonly data: D }): void;
  /** `ok` is false for a certificate that did not verify, too: `error.code` tells. */
  handshake(socket: { readonly data: D }, ok: boolean, error: BunTlsError | null): void;
  data(socket: { readonly data: D }, bytes: Buffer): void;
  drain(socket: { readonly data: D }): void;
  end(socket: { readonly data: D }): void;
  close(socket: { readonly data: D }, error: BunTlsError | undefined): void;
  error(socket: { readonly data: D }, error: BunTlsError): void;
  /** A session that can be resumed later, as `setSession` takes it. */
  session?(socket: { readonly data: D }, session: Uint8Array): void;
}

/** What the upgrade is told. */
export interface BunTlsOptions {
  readonly secureContext: object;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: false;
  /** Of a client: what it names (SNI); "" for nothing. */
  readonly serverName?: string;
  readonly ALPNProtocols?: Uint8Array;
}

interface RawBunSocket {
  upgradeTLS<D>(options: {
    readonly isServer: boolean;
    readonly tls: BunTlsOptions;
    readonly data: D;
    readonly socket: BunTlsHandlers<D>;
    readonly initialData?: Uint8Array;
  }): [raw: unknown, tls: BunTlsSocket] | undefined;
}

interface Adoption {
  readonly fd: number;
  readonly allowHalfOpen: boolean;
  readonly socket: { open(socket: RawBunSocket): void; drain(): void; error(): void };
}

const adopt = Bun.connect as unknown as (options: Adoption) => Promise<unknown>;

let adopted: RawBunSocket | undefined;

/** The ciphertext is not listened to: without a `data` handler Bun makes no copies of it. */
const rawHandlers = {
  open(socket: RawBunSocket): void {
    adopted = socket;
  },
  drain(): void {},
  error(): void {},
};

/**
 * Begins TLS on a connected descriptor, which belongs to Bun from here on; undefined when it could not be taken. `initial`:
 * bytes that were read from it already.
 */
export function beginBunTls<D>(
  fd: number,
  isServer: boolean,
  tls: BunTlsOptions,
  data: D,
  socket: BunTlsHandlers<D>,
  initial: Uint8Array | undefined,
): BunTlsSocket | undefined {
  adopted = undefined;
  // The socket is there before the call returns.
  adopt({ fd, allowHalfOpen: true, socket: rawHandlers }).catch(() => {});
  const raw: RawBunSocket | undefined = adopted;
  adopted = undefined;
  if (raw === undefined) return undefined;
  const options = { isServer, tls, data, socket };
  return (raw as RawBunSocket).upgradeTLS(initial === undefined ? options : { ...options, initialData: initial })?.[1];
}
