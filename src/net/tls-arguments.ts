/** Types of arguments of directives about TLS, towards clients and upstreams. */
import { type ArgumentType, ConfigFault, type DirectiveSite, exactly } from "../config/directive.ts";
import { choices } from "../config/list-arguments.ts";
import { makeTlsContext, TlsContextFault, type TlsContextOptions, type TlsVersion } from "./tls-context.ts";

const PROTOCOLS = ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const;

/** The range of versions that are spoken. */
export interface TlsVersions {
  readonly min: TlsVersion;
  readonly max: TlsVersion;
}

const words = choices(PROTOCOLS, undefined);

/** `ssl_protocols` and its like: those that are broken are named in a warning and left out. */
export const protocols: ArgumentType<TlsVersions> = {
  arity: words.arity,
  fallback: { min: "TLSv1.2", max: "TLSv1.3" },
  parse(args, site): TlsVersions | ConfigFault {
    const chosen = words.parse(args, site);
    if (chosen instanceof ConfigFault) return chosen;
    const named = chosen ?? new Set();
    const { name } = site.statement;
    const broken = PROTOCOLS.filter((word) => named.has(word) && word !== "TLSv1.2" && word !== "TLSv1.3");
    const twelve = named.has("TLSv1.2");
    const thirteen = named.has("TLSv1.3");
    const why = "broken protocols (RFC 6176, RFC 7568, RFC 8996) are not offered";
    if (!twelve && !thirteen) {
      return new ConfigFault(`"${name}" leaves nothing to offer: ${broken.join(", ")}: ${why}; use TLSv1.2 or TLSv1.3`);
    }
    if (broken.length > 0) site.load.warn(site.statement, `${broken.join(", ")} in "${name}" ignored: ${why}`);
    return { min: twelve ? "TLSv1.2" : "TLSv1.3", max: thirteen ? "TLSv1.3" : "TLSv1.2" };
  },
};

const PLAIN: TlsContextOptions = {
  certificates: [],
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  ciphers: undefined,
  preferServerCiphers: false,
  curves: undefined,
  sessionTickets: true,
  sessionTimeout: 0,
  authorities: [],
  revocationLists: [],
  requestCertificate: false,
};

/** Words of cipher lists that take away or say how strong, and mean nothing where there is nothing to take away. */
const NO_CHOICE = /^[!\-+@]/;

/** `ssl_ciphers` and its like: OpenSSL's list, as far as BoringSSL knows its words; the others are named in a warning. */
export function cipherList(fallback: string | undefined): ArgumentType<string | undefined> {
  return {
    arity: exactly(1),
    fallback,
    parse([list = ""], site): string | ConfigFault {
      const failure = makeTlsContext({ ...PLAIN, ciphers: list });
      if (failure instanceof TlsContextFault) {
        return new ConfigFault(`SSL_CTX_set_cipher_list("${list}") failed (SSL: ${failure.message})`);
      }
      const unknown = list.split(/[:, ]/).filter((word) => word !== "" && !NO_CHOICE.test(word) && !knowsCipher(word));
      if (unknown.length > 0) {
        const them = unknown.length === 1 ? "is" : "are";
        site.load.warn(site.statement, `${unknown.join(", ")} in "${site.statement.name}" ${them} not known, ignored`);
      }
      return list;
    },
  };
}

const known = new Map<string, boolean>();

function knowsCipher(word: string): boolean {
  let answer = known.get(word);
  if (answer === undefined) {
    answer = !(makeTlsContext({ ...PLAIN, ciphers: word }) instanceof TlsContextFault);
    known.set(word, answer);
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

/** `ssl_ecdh_curve`: groups in the order of preference, or `auto`. */
export const curveList: ArgumentType<string | undefined> = {
  arity: exactly(1),
  fallback: undefined,
  parse([list = ""], site: DirectiveSite): string | ConfigFault {
    if (list === "auto") return list;
    const wanted = list.split(":").map((name) => GROUP_NAMES[name] ?? name);
    const usable = wanted.filter((name) => !(makeTlsContext({ ...PLAIN, curves: name }) instanceof TlsContextFault));
    if (usable.length === 0) return new ConfigFault(`SSL_CTX_set1_curves_list("${list}") failed`);
    const unknown = wanted.filter((name) => !usable.includes(name));
    if (unknown.length > 0) {
      site.load.warn(site.statement, `${unknown.join(", ")} in "${site.statement.name}" not supported, ignored`);
    }
    return usable.join(":");
  },
};

/** One text on each of several lines, in their order (ngx_conf_set_str_array_slot). */
export const textLines: ArgumentType<readonly string[] | undefined> = {
  arity: exactly(1),
  fallback: undefined,
  accumulates: true,
  parse: ([text = ""], _site, earlier) => [...(earlier ?? []), text],
};
