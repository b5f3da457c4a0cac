/** `root` and `alias`: where a location's files are (ngx_http_core_root). */
import { ConfigFault, type DirectiveSite, type Scope } from "../config/directive.ts";
import type { LoadContext } from "../config/load-context.ts";
import { locationOf } from "../http/registry.ts";
import type { CoreSettings } from "../http/settings.ts";
import { compileTemplate, constantTemplate } from "../template/template.ts";

/** `root PATH`. */
export function applyRoot(own: CoreSettings, site: DirectiveSite): ConfigFault | undefined {
  if (own.alias !== undefined)
    return new ConfigFault('"root" directive is duplicate, "alias" directive was specified earlier');
  if (own.root !== undefined) return new ConfigFault('"root" directive is duplicate');
  return setPath(own, "root", site);
}

/** `alias PATH`. */
export function applyAlias(own: CoreSettings, site: DirectiveSite): ConfigFault | undefined {
  if (own.alias !== undefined) return new ConfigFault('"alias" directive is duplicate');
  if (own.root !== undefined)
    return new ConfigFault('"alias" directive is duplicate, "root" directive was specified earlier');
  if (site.scope.statement?.args[0]?.startsWith("@"))
    return new ConfigFault('the "alias" directive cannot be used inside the named location');
  return setPath(own, "alias", site);
}

/** A level with neither has both of its outer level; `root html` where that has none. */
export function inheritRoot(own: CoreSettings, outer: CoreSettings | undefined, scope: Scope, load: LoadContext): void {
  if (own.alias === undefined && own.root === undefined) {
    own.alias = outer?.alias;
    own.aliasBytes = outer?.aliasBytes ?? 0;
    own.root = outer?.root ?? constantTemplate(load.fullPath("html"));
  } else if (own.alias !== undefined) {
    const { kind, name } = locationOf(scope);
    own.aliasBytes = kind === "regex" ? -1 : name.length;
  }
}

function setPath(own: CoreSettings, which: "root" | "alias", site: DirectiveSite): ConfigFault | undefined {
  const written = site.statement.args[0]!;
  for (const circular of ["document_root", "realpath_root"]) {
    if (!written.includes(`$${circular}`) && !written.includes(`\${${circular}}`)) continue;
    return new ConfigFault(`the $${circular} variable cannot be used in the "${which}" directive`);
  }
  // A final slash of root would double the URI's.
  const text = which === "root" && written.endsWith("/") ? written.slice(0, -1) : written;
  const compiled = compileTemplate(text, site);
  if (compiled instanceof ConfigFault) return compiled;
  const { load } = site;
  if (compiled.constant !== undefined) {
    own[which] = constantTemplate(written.startsWith("/") ? text : load.prefix + text);
  } else if (compiled.source.startsWith("$") || compiled.source.startsWith("/")) {
    own[which] = { constant: undefined, evaluate: (r) => load.fullPath(compiled.evaluate(r)) };
  } else {
    own[which] = { constant: undefined, evaluate: (r) => load.prefix + compiled.evaluate(r) };
  }
  return undefined;
}
