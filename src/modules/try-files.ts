/** `try_files`: the first file that is there, else a fallback (ngx_http_try_files_module). */

import { atLeast, ConfigFault, type DirectiveSite, LOCATION, Module, SERVER } from "../config/directive.ts";
import { parseInteger } from "../config/units.ts";
import { internalRedirect, namedLocation } from "../http/internal-redirect.ts";
import { phaseHandlers } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import { DECLINED } from "../http/verdict.ts";
import { CRIT } from "../net/error-log.ts";
import { ENAMETOOLONG, ENOENT, ENOTDIR, pathStatus } from "../net/file.ts";
import { numberedError } from "../net/libc.ts";
import { compileTemplate, type Template } from "../template/template.ts";
import { aliasLength, checkedRoot, pathBelowRoot } from "./file-path.ts";

interface Candidate {
  readonly name: Template;
  /** Written with a final slash: a folder is looked for. */
  readonly folder: boolean;
}

interface Plan {
  readonly candidates: readonly Candidate[];
  /** A status, or a URI or named location. */
  readonly fallback: number | Template;
}

interface TryFilesSettings {
  /** Not inherited, as in nginx. */
  plan: Plan | undefined;
}

const MAX_CODE = 999;

function applyTryFiles(own: TryFilesSettings, site: DirectiveSite): ConfigFault | undefined {
  if (own.plan !== undefined) return new ConfigFault('"try_files" directive is duplicate');
  const { args } = site.statement;
  const candidates: Candidate[] = [];
  for (const arg of args.slice(0, -1)) {
    const folder = arg.endsWith("/");
    const name = compileTemplate(folder ? arg.slice(0, -1) : arg, site);
    if (name instanceof ConfigFault) return name;
    candidates.push({ name, folder });
  }
  const last = args[args.length - 1] ?? "";
  const fallback = last.startsWith("=") ? statusCode(last) : compileTemplate(last, site);
  if (fallback instanceof ConfigFault) return fallback;
  own.plan = { candidates, fallback };
  return undefined;
}

/** Reads `=404`. */
function statusCode(text: string): number | ConfigFault {
  const code = parseInteger(text.slice(1));
  return code === undefined || code > MAX_CODE ? new ConfigFault(`invalid code "${text}"`) : code;
}

function tryFilesHandler(r: Request): number {
  const { plan } = tryFilesModule.of(r.location);
  if (plan === undefined) return DECLINED;
  const root = checkedRoot(r);
  if (root === undefined) return 500;
  const alias = aliasLength(r);
  // A regular expression's alias names the whole path, so what is tried is put behind it.
  const base = alias === -1 ? root + pathBelowRoot(r) : root;
  for (const { name, folder } of plan.candidates) {
    const found = belowAlias(r, name, alias);
    const path = base + found;
    const status = pathStatus(path);
    if (typeof status === "number") {
      if (status !== ENOENT && status !== ENOTDIR && status !== ENAMETOOLONG) {
        r.log(CRIT, `stat() "${path}" failed (${numberedError(status)})`);
      }
      continue;
    }
    if (status.isFolder !== folder) continue;
    if (alias === undefined) {
      r.uri = found;
    } else if (alias !== -1) {
      r.uri = r.uri.slice(0, alias) + found;
    } else if (!folder) {
      r.uri = found;
      r.addUriToAlias = true;
    }
    return DECLINED;
  }
  const { fallback } = plan;
  if (typeof fallback === "number") return fallback;
  return goTo(r, belowAlias(r, fallback, alias));
}

/** What an entry says; nginx takes the location's prefix off entries with variables, as `$uri` begins with it. */
function belowAlias(r: Request, name: Template, alias: number | undefined): string {
  const text = name.evaluate(r);
  if (name.constant !== undefined || alias === undefined || alias <= 0) return text;
  return text.startsWith(r.uri.slice(0, alias)) ? text.slice(alias) : text;
}

function goTo(r: Request, target: string): number {
  if (target.startsWith("@")) return namedLocation(r, target);
  const question = target.indexOf("?");
  return question < 0
    ? internalRedirect(r, target, undefined)
    : internalRedirect(r, target.slice(0, question), target.slice(question + 1));
}

export const tryFilesModule: Module<TryFilesSettings> = new Module<TryFilesSettings>({
  name: "http_try_files",
  directives: [
    {
      name: "try_files",
      in: SERVER | LOCATION,
      arity: atLeast(2),
      doc: "Serves the first of these files or folders that is there, else the last argument's URI, location or status.",
      apply: applyTryFiles,
    },
  ],
  create: () => ({ plan: undefined }),
  register: (load) => {
    phaseHandlers(load).preContent.push(tryFilesHandler);
  },
});
