/** MD5-crypt in Apache's form, `$apr1$salt$hash`, which crypt(3) does not know (ngx_crypt_apr1). */
import { CryptoHasher } from "bun";

const MAGIC = "$apr1$";
const MAX_SALT_CHARS = 8;
const ROUNDS = 1000;
const DIGITS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** The order in which the bytes of the digest are written: threes, and one that is left over. */
const TRIPLES = [
  [0, 6, 12],
  [1, 7, 13],
  [2, 8, 14],
  [3, 9, 15],
  [4, 10, 5],
] as const;
const LAST = 11;

function md5(...parts: readonly (string | Buffer)[]): Buffer {
  const hasher = new CryptoHasher("md5");
  for (const part of parts) hasher.update(typeof part === "string" ? Buffer.from(part, "latin1") : part);
  return hasher.digest();
}

function digits(value: number, count: number): string {
  let text = "";
  for (let i = 0; i < count; i++) text += DIGITS[(value >> (6 * i)) & 63];
  return text;
}

/** Whether a stored password is of this form. */
export function isApacheMd5(stored: string): boolean {
  return stored.startsWith(MAGIC);
}

/** The stored form of a password, with the salt of `stored`. About a millisecond. */
export function apacheMd5(password: string, stored: string): string {
  const rest = stored.slice(MAGIC.length);
  const dollar = rest.indexOf("$");
  const salt = rest.slice(0, dollar < 0 ? MAX_SALT_CHARS : Math.min(dollar, MAX_SALT_CHARS));
  const key = Buffer.from(password, "latin1");
  const inner = md5(key, salt, key);
  const begin: (string | Buffer)[] = [key, MAGIC, salt];
  for (let left = key.length; left > 0; left -= inner.length)
    begin.push(inner.subarray(0, Math.min(left, inner.length)));
  for (let bits = key.length; bits > 0; bits >>= 1) begin.push((bits & 1) !== 0 ? "\0" : key.subarray(0, 1));
  let digest = md5(...begin);
  for (let round = 0; round < ROUNDS; round++) {
    const odd = (round & 1) !== 0;
    const parts: (string | Buffer)[] = [odd ? key : digest];
    if (round % 3 !== 0) parts.push(salt);
    if (round % 7 !== 0) parts.push(key);
    parts.push(odd ? digest : key);
    digest = md5(...parts);
  }
  let hash = "";
  for (const [a, b, c] of TRIPLES) hash += digits((digest[a]! << 16) | (digest[b]! << 8) | digest[c]!, 4);
  return `${MAGIC}${salt}$${hash}${digits(digest[LAST]!, 2)}`;
}
