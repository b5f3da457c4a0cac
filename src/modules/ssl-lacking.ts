/**
 * Directives about what Bun's TLS, BoringSSL inside, cannot do. They are checked as nginx checks them; where a server
 * speaks TLS, what clients can do without is warned about, and what security may depend on is refused.
 */
import { choice, flag, text } from "../config/arguments.ts";
import { type ActionRow, type ArgumentType, ConfigFault, exactly, HTTP, SERVER } from "../config/directive.ts";
import type { LoadContext } from "../config/load-context.ts";
import type { Statement } from "../config/syntax.ts";
import { parseSize } from "../config/units.ts";
import { textLines } from "../net/tls-arguments.ts";
import { openFailure } from "../net/tls-certificates.ts";
import { warnOnce } from "../net/tls-choices.ts";

/** What one of them says on a level, by name. */
export type Lacking = Map<string, { readonly value: unknown; readonly statement: Statement }>;

/** Settings that hold them. */
export interface LackingSettings {
  lacking: Lacking;
}

interface Subject {
  readonly argument: ArgumentType<unknown>;
  /** Values that ask for nothing. */
  readonly harmless: readonly unknown[];
  /** Refused, except for values that this allows. */
  readonly refused: boolean;
  readonly allows?: (value: unknown) => boolean;
  /** What is not possible, and what that means. */
  readonly why: string;
  /** Of one that names files: the fault of one that cannot be opened. */
  readonly file?: (path: string, error: { readonly errno: number; readonly text: string }) => string;
}

/** nginx's least size of a shared zone: eight pages. */
const MIN_CACHE_BYTES = 8 * 4096;

/** `off | shared:name:size` (ngx_http_ssl_ocsp_cache). */
const ocspCache: ArgumentType<string | undefined> = {
  arity: exactly(1),
  fallback: undefined,
  parse([arg = ""]) {
    if (arg === "off") return arg;
    const shared = /^shared:([^:]+):(.*)$/s.exec(arg);
    const bytes = shared === null ? undefined : parseSize(shared[2] ?? "");
    if (bytes === undefined) return new ConfigFault(`invalid OCSP cache "${arg}"`);
    return bytes < MIN_CACHE_BYTES ? new ConfigFault(`OCSP cache "${arg}" is too small`) : arg;
  },
};

type Command = readonly string[];

const commands: ArgumentType<readonly Command[]> = {
  arity: exactly(2),
  fallback: [],
  accumulates: true,
  parse: (args, _site, earlier = []) => [...earlier, args],
};

/** Options of OpenSSL that make something faster, or forbid what BoringSSL never does. */
const TUNING = /^[+-]?(?:KTLS|PrioritizeChaCha|NoRenegotiation|MiddleboxCompat)$/i;

function onlyTunes(value: unknown): boolean {
  return Array.isArray(value) && value.every((command) => Array.isArray(command) && isTuning(command.map(String)));
}

function isTuning([name, options = ""]: readonly string[]): boolean {
  return name?.toLowerCase() === "options" && options.split(",").every((word) => TUNING.test(word));
}

const STAPLING = "OCSP responses cannot be stapled: clients ask the responder themselves";
const RESPONDER = "no OCSP responder is asked about clients";

const SUBJECTS: Readonly<Record<string, Subject>> = {
  ssl_dhparam: {
    argument: text(undefined),
    harmless: [],
    refused: false,
    why: "key exchange is by elliptic curves only, which every client of TLS 1.2 knows",
    file: (path, error) => openFailure(path, error).replace("BIO_new_file()", `BIO_new_file("${path}")`),
  },
  ssl_early_data: {
    argument: flag(undefined),
    harmless: [false],
    refused: false,
    why: "no early data is taken: clients send it after the handshake",
  },
  ssl_stapling: { argument: flag(undefined), harmless: [false], refused: false, why: STAPLING },
  ssl_stapling_file: { argument: text(undefined), harmless: [], refused: false, why: STAPLING },
  ssl_stapling_responder: { argument: text(undefined), harmless: [], refused: false, why: STAPLING },
  ssl_stapling_verify: { argument: flag(undefined), harmless: [false], refused: false, why: STAPLING },
  ssl_certificate_compression: {
    argument: flag(undefined),
    harmless: [false],
    refused: false,
    why: "certificates are sent as they are",
  },
  ssl_session_ticket_key: {
    argument: textLines,
    harmless: [],
    refused: false,
    why: "keys of tickets cannot be given, sessions end with the worker that began them",
    file: (path, { errno, text: reason }) => `open() "${path}" failed (${errno}: ${reason})`,
  },
  ssl_ocsp: { argument: choice(["off", "on", "leaf"], undefined), harmless: ["off"], refused: true, why: RESPONDER },
  ssl_ocsp_responder: { argument: text(undefined), harmless: [], refused: false, why: RESPONDER },
  ssl_ocsp_cache: { argument: ocspCache, harmless: ["off"], refused: false, why: RESPONDER },
  ssl_conf_command: {
    argument: commands,
    harmless: [],
    refused: true,
    allows: onlyTunes,
    why: "configuration commands of OpenSSL mean nothing to BoringSSL",
  },
  ssl_ech_file: { argument: textLines, harmless: [], refused: true, why: "Encrypted ClientHello is not known" },
};

function row(name: string, { argument }: Subject): ActionRow<LackingSettings> {
  return {
    name,
    in: HTTP | SERVER,
    arity: argument.arity,
    doc: "Checked only: Bun's TLS does not have it.",
    apply({ lacking }, site) {
      const earlier = lacking.get(name);
      if (earlier !== undefined && argument.accumulates !== true)
        return new ConfigFault(`"${name}" directive is duplicate`);
      const value = argument.parse(site.statement.args, site, earlier?.value);
      if (value instanceof ConfigFault) return value;
      lacking.set(name, { value, statement: site.statement });
      return undefined;
    },
  };
}

export const lackingRows: readonly ActionRow<LackingSettings>[] = Object.entries(SUBJECTS).map(([name, subject]) =>
  row(name, subject),
);

/** A level has what the one outside it says, where it says nothing itself. */
export function mergeLacking(own: LackingSettings, outer: LackingSettings | undefined): void {
  for (const [name, said] of outer?.lacking ?? []) if (!own.lacking.has(name)) own.lacking.set(name, said);
}

/** Where TLS is spoken: warns once for each place, or refuses. */
export function judgeLacking(lacking: Lacking, load: LoadContext): void {
  for (const [name, { value, statement }] of lacking) {
    const { harmless, refused, allows, why, file } = SUBJECTS[name]!;
    if (harmless.includes(value)) continue;
    for (const path of file === undefined ? [] : [value].flat()) {
      const read = typeof path === "string" ? load.source.read(load.confPath(path)) : "";
      if (typeof read !== "string") load.fail(undefined, file!(load.confPath(String(path)), read));
    }
    if (refused && allows?.(value) !== true) load.fail(statement, `"${name}" is not supported with Bun's TLS: ${why}`);
    else warnOnce(load, statement, `"${name}" ignored: ${why}`);
  }
}
