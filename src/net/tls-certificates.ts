/** Certificates, keys, passwords and lists of authorities as files, and what is wrong with them in nginx's words. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { type ArgumentType, ConfigFault, exactly } from "../config/directive.ts";
import type { ConfigSource } from "../config/load-context.ts";

/** A certificate chain with its key, both PEM; the key is not encrypted any more. */
export interface CertificatePair {
  readonly chain: string;
  readonly key: string;
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

function readText(name: string, what: string, reader: CertificateReader): string | ConfigFault {
  if (name.startsWith(DATA)) return name.slice(DATA.length);
  const text = reader.source.read(reader.path(name));
  if (typeof text === "string") return text;
  return new ConfigFault(`cannot load ${what} "${reader.path(name)}": ${openFailure(reader.path(name), text)}`);
}

/** A file that cannot be opened, as nginx with OpenSSL 3 tells it: scripts look for these words. */
export function openFailure(path: string, error: { readonly errno: number; readonly text: string }): string {
  return `BIO_new_file() failed (SSL: ${openErrors(path, error)})`;
}

function openErrors(path: string, { errno, text }: { readonly errno: number; readonly text: string }): string {
  const ENOENT = 2;
  const system = (0x80000000 + errno).toString(16).toUpperCase();
  const reason =
    errno === ENOENT ? "error:10000080:BIO routines::no such file" : "error:10080002:BIO routines::system lib";
  return `error:${system}:system library::${text}:calling fopen(${path}, r) ${reason}`;
}

const X509_SYSTEM = "error:05880002:x509 certificate routines::system lib";
const NOTHING_FOUND = "error:05800088:x509 certificate routines::no certificate or crl found";
const NO_CERTIFICATE = "error:0480006C:PEM routines::no start line:Expecting: TRUSTED CERTIFICATE";
const NO_KEY = "error:1E08010C:DECODER routines::unsupported:No supported data to decode. Input type: PEM";
const MISMATCH = "error:05800074:x509 certificate routines::key values mismatch";

/** For messages: a path, or that it is the text itself, which may be a key and is told to nobody (nginx logs it). */
function shownName(name: string, reader: CertificateReader): string {
  return name.startsWith(DATA) ? `${DATA}...` : reader.path(name);
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
): CertificatePair | ConfigFault {
  const chain = loadChain(certificate, reader);
  if (chain instanceof ConfigFault) return chain;
  const privateKey = loadKey(key, passwords, reader);
  if (privateKey instanceof ConfigFault) return privateKey;
  const shown = shownName(key, reader);
  if (!chain.leaf.checkPrivateKey(privateKey)) {
    return new ConfigFault(`SSL_CTX_use_PrivateKey("${shown}") failed (SSL: ${MISMATCH})`);
  }
  return { chain: chain.text, key: String(privateKey.export({ type: "pkcs8", format: "pem" })) };
}

function loadChain(
  name: string,
  reader: CertificateReader,
): { readonly text: string; readonly leaf: X509Certificate } | ConfigFault {
  const text = readText(name, "certificate", reader);
  if (typeof text !== "string") return text;
  const shown = shownName(name, reader);
  const blocks = text.match(CERTIFICATE);
  const failed = (why: string): ConfigFault =>
    new ConfigFault(`cannot load certificate "${shown}": PEM_read_bio_X509_AUX() failed (SSL: ${why})`);
  if (blocks === null) return failed(NO_CERTIFICATE);
  try {
    const [leaf] = blocks.map((block) => new X509Certificate(block));
    return { text: blocks.join("\n"), leaf: leaf! };
  } catch (error) {
    return failed(reason(error));
  }
}

const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;

/** Tries the passwords in turn, as ngx_ssl_load_certificate_key. */
function loadKey(name: string, passwords: readonly string[], reader: CertificateReader): KeyObject | ConfigFault {
  const shown = shownName(name, reader);
  if (name.startsWith("engine:") || name.startsWith("store:")) {
    const scheme = name.slice(0, name.indexOf(":"));
    return new ConfigFault(`cannot load certificate key "${name}": "${scheme}:" is not supported by hopway`);
  }
  const text = readText(name, "certificate key", reader);
  if (typeof text !== "string") return text;
  let why = NO_KEY;
  for (const passphrase of passwords.length === 0 ? [undefined] : passwords) {
    try {
      return createPrivateKey(passphrase === undefined ? text : { key: text, passphrase });
    } catch (error) {
      if (PRIVATE_KEY.test(text)) why = reason(error);
    }
  }
  return new ConfigFault(`cannot load certificate key "${shown}": PEM_read_bio_PrivateKey() failed (SSL: ${why})`);
}

/** `ssl_password_file` and its like: the lines of a file, read where it is named (ngx_ssl_read_password_file). */
export const passwordFile: ArgumentType<readonly string[] | undefined> = {
  arity: exactly(1),
  fallback: undefined,
  parse([name = ""], { load }) {
    const path = load.confPath(name);
    const text = load.source.read(path);
    if (typeof text === "string") return text.split(/\r?\n/).filter((line) => line !== "");
    const EISDIR = 21;
    const call = text.errno === EISDIR ? "read" : "open";
    return new ConfigFault(`${call}() "${path}" failed (${text.errno}: ${text.text})`);
  },
};

/** The certificates of authorities in a file, each as PEM. `call`: what nginx loads them with, for the message. */
export function loadAuthorities(
  name: string,
  call: string,
  reader: CertificateReader,
): readonly string[] | ConfigFault {
  const path = reader.path(name);
  const text = reader.source.read(path);
  const failed = (why: string): ConfigFault => new ConfigFault(`${call}("${path}") failed (${why})`);
  if (typeof text !== "string") return failed(`SSL: ${openErrors(path, text)} ${X509_SYSTEM}`);
  const blocks = text.match(CERTIFICATE);
  if (blocks === null) return failed(`SSL: ${NOTHING_FOUND}`);
  try {
    for (const block of blocks) new X509Certificate(block);
  } catch (error) {
    return failed(`SSL: ${reason(error)}`);
  }
  return blocks;
}

const REVOCATION_LIST = /-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g;

/** The lists of a `ssl_crl` file, each as PEM. */
export function loadRevocationLists(name: string, reader: CertificateReader): readonly string[] | ConfigFault {
  const path = reader.path(name);
  const text = reader.source.read(path);
  const failed = (why: string): ConfigFault => new ConfigFault(`X509_LOOKUP_load_file("${path}") failed (${why})`);
  if (typeof text !== "string") return failed(`SSL: ${openErrors(path, text)} ${X509_SYSTEM}`);
  return text.match(REVOCATION_LIST) ?? failed(`SSL: ${NOTHING_FOUND}`);
}
