/** What a client says of itself in `Authorization: Basic ...` (RFC 7617; ngx_http_auth_basic_user). */

/** One char per byte. */
export interface BasicCredentials {
  /** Not empty, without a colon. */
  readonly user: string;
  readonly password: string;
}

const SCHEME = "basic ";

/** Reads a field value; undefined where it is of another scheme, or names no user. */
export function basicCredentials(authorization: string): BasicCredentials | undefined {
  if (authorization.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return undefined;
  const encoded = authorization.slice(SCHEME.length).replace(/^ +/, "");
  // nginx reads up to the first padding and does not look at what follows.
  const padding = encoded.indexOf("=");
  const digits = padding < 0 ? encoded : encoded.slice(0, padding);
  if (!/^[A-Za-z0-9+/]+$/.test(digits) || digits.length % 4 === 1) return undefined;
  const plain = Buffer.from(digits, "base64").latin1Slice();
  const colon = plain.indexOf(":");
  return colon > 0 ? { user: plain.slice(0, colon), password: plain.slice(colon + 1) } : undefined;
}
