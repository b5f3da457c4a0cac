/** `charset`: names the character set in Content-Type (ngx_http_charset_module). Bytes are never converted. */
import { flag } from "../config/arguments.ts";
import {
  atLeast,
  ConfigFault,
  type DirectiveSite,
  exactly,
  HTTP_SERVER_LOCATION,
  LOCATION_IF,
  Module,
} from "../config/directive.ts";
import { perLoad } from "../config/load-context.ts";
import { asciiLowerCase } from "../http/header-list.ts";
import { oneLineValue } from "../http/line-breaks.ts";
import { headerFilters } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import { ERR } from "../net/error-log.ts";
import { constantTemplate, type Template } from "../template/template.ts";
import { variables } from "../template/variables.ts";
import { addTypes, listsType, type TypeList } from "./type-list.ts";

interface CharsetSettings {
  charset: Template | "off" | undefined;
  override: boolean | undefined;
  types: TypeList | undefined;
}

/** The character sets that a configuration names, lower case: an upstream may choose among them. */
const namedCharsets = perLoad<Set<string>>(() => new Set());

const DEFAULT_TYPES: TypeList = new Set([
  "text/html",
  "text/xml",
  "text/plain",
  "text/vnd.wap.wml",
  "application/javascript",
  "application/rss+xml",
]);

function setCharset(own: CharsetSettings, site: DirectiveSite): ConfigFault | undefined {
  if (own.charset !== undefined) return new ConfigFault('"charset" directive is duplicate');
  const [name = ""] = site.statement.args;
  if (name === "off") own.charset = "off";
  else if (name.startsWith("$")) own.charset = variableTemplate(name, site);
  else {
    own.charset = constantTemplate(name);
    namedCharsets(site.load).add(asciiLowerCase(name));
  }
  return undefined;
}

/** All of the text after the dollar is the variable's name: nginx takes no text around it here. */
function variableTemplate(source: string, site: DirectiveSite): Template {
  const variable = variables(site.load).use(source.slice(1), site.statement);
  return { source, constant: undefined, evaluate: (r) => oneLineValue(variable.get(r) ?? "") };
}

function setTypes(own: CharsetSettings, site: DirectiveSite): undefined {
  own.types = addTypes(own.types, site);
}

function charsetFilter(r: Request, known: ReadonlySet<string>): undefined {
  const { charset, override, types } = charsetModule.of(r.location);
  const { out } = r;
  const wanted = out.overrideCharset;
  if (wanted !== undefined && wanted !== "" && out.contentType !== undefined) {
    if (known.has(asciiLowerCase(wanted))) nameCharset(r, wanted);
    else r.log(ERR, `unknown charset "${wanted}" to override`);
    return;
  }
  if (charset === undefined || charset === "off" || out.contentType === undefined) return;
  if (out.charset !== undefined) {
    if (override === true) nameCharset(r, charset.evaluate(r));
    return;
  }
  if (!listsType(types ?? DEFAULT_TYPES, out)) return;
  nameCharset(r, charset.evaluate(r));
}

/** Names the character set, unless the response names another one: nothing is converted. */
function nameCharset(r: Request, wanted: string): void {
  const { out } = r;
  if (out.charset !== undefined) {
    if (asciiLowerCase(wanted) === asciiLowerCase(out.charset)) return;
    r.log(ERR, `no "charset_map" between the charsets "${out.charset}" and "${wanted}"`);
    return;
  }
  // Old browsers applied a redirect's character set to the page that it leads to.
  const name = out.status === 301 || out.status === 302 ? "" : wanted;
  out.charset = name === "" ? undefined : name;
}

/** Conversion between character sets is not there: refused instead of ignored. */
function refusedSource(_own: CharsetSettings, site: DirectiveSite): ConfigFault | undefined {
  if (site.statement.args[0] === "off") return undefined;
  return new ConfigFault('"source_charset" other than "off" is not implemented by hopway');
}

export const charsetModule: Module<CharsetSettings> = new Module<CharsetSettings>({
  name: "http_charset",
  directives: [
    {
      name: "charset",
      in: HTTP_SERVER_LOCATION | LOCATION_IF,
      arity: exactly(1),
      doc: "Character set that Content-Type names.",
      apply: setCharset,
    },
    {
      name: "override_charset",
      in: HTTP_SERVER_LOCATION | LOCATION_IF,
      arg: flag(false),
      set: "override",
      doc: "Whether an upstream's own character set is looked at; without conversion it can only be reported.",
    },
    {
      name: "charset_types",
      in: HTTP_SERVER_LOCATION,
      arity: atLeast(1),
      doc: "Content types that charset applies to.",
      apply: setTypes,
    },
    {
      name: "source_charset",
      in: HTTP_SERVER_LOCATION | LOCATION_IF,
      arity: exactly(1),
      doc: "Character set to convert from; only off is known here.",
      apply: refusedSource,
    },
  ],
  create: () => ({ charset: undefined, override: undefined, types: undefined }),
  merge(own, outer) {
    own.charset ??= outer?.charset;
    own.types ??= outer?.types;
    return undefined;
  },
  register: (load) => {
    const known = namedCharsets(load);
    headerFilters(load).push((r) => charsetFilter(r, known));
  },
});
