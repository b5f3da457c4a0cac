/**
 * Versions, cipher suites and groups as configurations name them, reduced to what BoringSSL has. What it does not have is
 * named once for each place, and only where TLS is spoken with it.
 */
import { ConfigFault } from "../config/directive.ts";
import { type LoadContext, perLoad } from "../config/load-context.ts";
import type { Statement } from "../config/syntax.ts";
import type { Stated } from "./tls-arguments.ts";
import { makeTlsContext, PLAIN_TLS, TlsContextFault, type TlsContextOptions, type TlsVersion } from "./tls-context.ts";

/** What contexts are told of these. */
export type TlsChoices = Pick<TlsContextOptions, "minVersion" | "maxVersion" | "ciphers" | "curves">;

/** The directives that they come from; undefined where not set. */
export interface WrittenChoices {
  readonly protocols: Stated<ReadonlySet<string>> | undefined;
  readonly ciphers: Stated<string> | undefined;
  readonly curves: Stated<string> | undefined;
}

const warned = perLoad<Set<Statement>>(() => new Set());

/** A warning for a directive, once however many servers it holds for. */
export function warnOnce(load: LoadContext, statement: Statement, message: string): void {
  if (warned(load).has(statement)) return;
  warned(load).add(statement);
  load.warn(statement, message);
}

/** Reduces them; a fault where nothing is left. */
export function compileChoices(written: WrittenChoices, load: LoadContext): TlsChoices | ConfigFault {
  const versions = compileVersions(written.protocols, load);
  if (versions instanceof ConfigFault) return versions;
  const ciphers = compileCiphers(written.ciphers, load);
  if (ciphers instanceof ConfigFault) return ciphers;
  const curves = compileCurves(written.curves, load);
  if (curves instanceof ConfigFault) return curves;
  return { ...versions, ciphers, curves };
}

const BROKEN = ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1"];

function compileVersions(
  written: Stated<ReadonlySet<string>> | undefined,
  load: LoadContext,
): { readonly minVersion: TlsVersion; readonly maxVersion: TlsVersion } | ConfigFault {
  if (written === undefined) return { minVersion: "TLSv1.2", maxVersion: "TLSv1.3" };
  const { value, statement } = written;
  const broken = BROKEN.filter((word) => value.has(word)).join(", ");
  const twelve = value.has("TLSv1.2");
  const thirteen = value.has("TLSv1.3");
  const why = "broken protocols (RFC 6176, RFC 7568, RFC 8996) are not offered";
  if (!twelve && !thirteen) {
    return new ConfigFault(
      `${broken} in "${statement.name}": ${why}, so none is left; use TLSv1.2 or TLSv1.3 in ${statement.file}:${statement.line}`,
    );
  }
  if (broken !== "") warnOnce(load, statement, `${broken} in "${statement.name}" ignored: ${why}`);
  return { minVersion: twelve ? "TLSv1.2" : "TLSv1.3", maxVersion: thirteen ? "TLSv1.3" : "TLSv1.2" };
}

/** Words of cipher lists that take away, reorder or set a level. */
const NO_CHOICE = /^[!\-+@]/;

/** Suites of TLS 1.3 are not chosen by these lists, in nginx neither. */
const SUITE_OF_13 = /^TLS_/;
/** OpenSSL, as Debian's nginx has it, does not know it any more; BoringSSL would offer it to who names it. */
const NO_TRIPLE_DES = "!3DES";

/** OpenSSL's list, as far as BoringSSL knows its words. */
function compileCiphers(written: Stated<string> | undefined, load: LoadContext): string | undefined | ConfigFault {
  if (written === undefined) return undefined;
  const { value, statement } = written;
  const all = value.split(/[:, ]+/).filter((word) => word !== "" && !SUITE_OF_13.test(word));
  const ignored = all.filter((word) => !NO_CHOICE.test(word) && !knows({ ciphers: `${word}:${NO_TRIPLE_DES}` }));
  // BoringSSL knows no security levels: with what it has, nothing is below the usual one.
  const left = all.filter((word) => !word.startsWith("@SECLEVEL") && !ignored.includes(word));
  const list = [...left, NO_TRIPLE_DES].join(":");
  if (!knows({ ciphers: list })) {
    const reason = "error:0A0000B9:SSL routines::no cipher match";
    return new ConfigFault(`SSL_CTX_set_cipher_list("${value}") failed (SSL: ${reason})`);
  }
  if (ignored.length > 0) {
    const broken = ignored.filter((word) => knows({ ciphers: word }));
    const unknown = ignored.filter((word) => !broken.includes(word));
    const parts = unknown.length > 0 ? [missing(unknown, statement)] : [];
    if (broken.length > 0) parts.push(`${named(broken, statement)} ignored: triple DES is not offered (CVE-2016-2183)`);
    warnOnce(load, statement, parts.join("; "));
  }
  return list;
}

function named(words: readonly string[], { name }: Statement): string {
  return `${words.join(", ")} in "${name}"`;
}

function missing(words: readonly string[], statement: Statement): string {
  return `${named(words, statement)} ignored: BoringSSL, which Bun has inside, does not have it`;
}

const known = new Map<string, boolean>();

function knows(options: { readonly ciphers: string } | { readonly curves: string }): boolean {
  const key = JSON.stringify(options);
  let answer = known.get(key);
  if (answer === undefined) {
    answer = !(makeTlsContext({ ...PLAIN_TLS, ...options }) instanceof TlsContextFault);
    known.set(key, answer);
  }
  return answer;
}

/** OpenSSL's names of groups that BoringSSL calls otherwise. */
const GROUP_NAMES: Readonly<Record<string, string>> = {
  prime256v1: "P-256",
  secp256r1: "P-256",
  secp384r1: "P-384",
  secp521r1: "P-521",
  x25519: "X25519",
};

function compileCurves(written: Stated<string> | undefined, load: LoadContext): string | undefined | ConfigFault {
  if (written === undefined) return undefined;
  const { value, statement } = written;
  if (value === "auto") return undefined;
  const names = value.split(":");
  const unknown = names.filter((name) => !knows({ curves: GROUP_NAMES[name] ?? name }));
  if (unknown.length === names.length) {
    const reason = `error:0A080106:SSL routines::passed invalid argument:group '${names[0]}' cannot be set`;
    return new ConfigFault(`SSL_CTX_set1_curves_list("${value}") failed (SSL: ${reason})`);
  }
  if (unknown.length > 0) warnOnce(load, statement, missing(unknown, statement));
  return names
    .filter((name) => !unknown.includes(name))
    .map((name) => GROUP_NAMES[name] ?? name)
    .join(":");
}
