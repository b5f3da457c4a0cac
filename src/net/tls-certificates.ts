/** Certificates, keys, passwords and lists of authorities as files, and what is wrong with them in nginx's words. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { ConfigSource } from "../config/load-context.ts";

/** A certificate chain with its key, both PEM; the key is not encrypted any more. */
export interface CertificatePair {
  readonly chain: string;
  readonly key: string;
}

/** A file that cannot be used. */
export class CertificateFault {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** Names that stand for the text itself. */
const DATA = "data:";
const CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;

/** Where PEM texts come from. */
export interface CertificateReader {
  readonly source: ConfigSource;
  /** Makes the path of a file absolute. */
  path(name: string): string;
}

function readText(name: string, what: string, reader: CertificateReader): string | CertificateFault {
  if (name.startsWith(DATA)) return name.slice(DATA.length);
  const text = reader.source.read(reader.path(name));
  if (typeof text === "string") return text;
  return new CertificateFault(
    `cannot load ${what} "${reader.path(name)}": BIO_new_file() failed (${text.errno}: ${text.text})`,
  );
}

function shownName(name: string, reader: CertificateReader): string {
  return name.startsWith(DATA) ? name : reader.path(name);
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Loads a chain and its key and checks that they belong together. */
export function loadPair(
  certificate: string,
  key: string,
  passwords: readonly string[],
  reader: CertificateReader,
): CertificatePair | CertificateFault {
  const chain = loadChain(certificate, reader);
  if (chain instanceof CertificateFault) return chain;
  const privateKey = loadKey(key, passwords, reader);
  if (privateKey instanceof CertificateFault) return privateKey;
  const shown = shownName(key, reader);
  if (!chain.leaf.checkPrivateKey(privateKey)) {
    return new CertificateFault(`SSL_CTX_use_PrivateKey("${shown}") failed (SSL: key values mismatch)`);
  }
  return { chain: chain.text, key: String(privateKey.export({ type: "pkcs8", format: "pem" })) };
}

function loadChain(
  name: string,
  reader: CertificateReader,
): { readonly text: string; readonly leaf: X509Certificate } | CertificateFault {
  const text = readText(name, "certificate", reader);
  if (typeof text !== "string") return text;
  const shown = shownName(name, reader);
  const blocks = text.match(CERTIFICATE);
  const failed = (why: string): CertificateFault =>
    new CertificateFault(`cannot load certificate "${shown}": PEM_read_bio_X509_AUX() failed (SSL: ${why})`);
  if (blocks === null) return failed("no start line");
  try {
    const [leaf] = blocks.map((block) => new X509Certificate(block));
    return { text: blocks.join("\n"), leaf: leaf! };
  } catch (error) {
    return failed(reason(error));
  }
}

/** Tries the passwords in turn, as ngx_ssl_load_certificate_key. */
function loadKey(name: string, passwords: readonly string[], reader: CertificateReader): KeyObject | CertificateFault {
  const shown = shownName(name, reader);
  if (name.startsWith("engine:") || name.startsWith("store:")) {
    const scheme = name.slice(0, name.indexOf(":"));
    return new CertificateFault(`cannot load certificate key "${name}": "${scheme}:" is not supported by hopway`);
  }
  const text = readText(name, "certificate key", reader);
  if (typeof text !== "string") return text;
  let why = "no start line";
  for (const passphrase of passwords.length === 0 ? [undefined] : passwords) {
    try {
      return createPrivateKey(passphrase === undefined ? text : { key: text, passphrase });
    } catch (error) {
      why = reason(error);
    }
  }
  return new CertificateFault(`cannot load certificate key "${shown}": PEM_read_bio_PrivateKey() failed (SSL: ${why})`);
}

/** The lines of a `ssl_password_file`. */
export function loadPasswords(name: string, reader: CertificateReader): readonly string[] | CertificateFault {
  const path = reader.path(name);
  const text = reader.source.read(path);
  if (typeof text !== "string") return new CertificateFault(`open() "${path}" failed (${text.errno}: ${text.text})`);
  return text.split(/\r?\n/).filter((line) => line !== "");
}

/** The certificates of authorities in a file, each as PEM. `call`: what nginx loads them with, for the message. */
export function loadAuthorities(
  name: string,
  call: string,
  reader: CertificateReader,
): readonly string[] | CertificateFault {
  const path = reader.path(name);
  const text = reader.source.read(path);
  const failed = (why: string): CertificateFault => new CertificateFault(`${call}("${path}") failed (${why})`);
  if (typeof text !== "string") return failed(`${text.errno}: ${text.text}`);
  const blocks = text.match(CERTIFICATE);
  if (blocks === null) return failed("SSL: no certificate or crl found");
  try {
    for (const block of blocks) new X509Certificate(block);
  } catch (error) {
    return failed(`SSL: ${reason(error)}`);
  }
  return blocks;
}

const REVOCATION_LIST = /-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g;

/** The lists of a `ssl_crl` file, each as PEM. */
export function loadRevocationLists(name: string, reader: CertificateReader): readonly string[] | CertificateFault {
  const path = reader.path(name);
  const text = reader.source.read(path);
  const failed = (why: string): CertificateFault =>
    new CertificateFault(`X509_LOOKUP_load_file("${path}") failed (${why})`);
  if (typeof text !== "string") return failed(`${text.errno}: ${text.text}`);
  return text.match(REVOCATION_LIST) ?? failed("SSL: no certificate or crl found");
}
