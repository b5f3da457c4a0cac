/** What `uwsgi_pass` and `scgi_pass` have in common: the module around a protocol. */
import {
  ConfigFault,
  type Directive,
  type DirectiveSite,
  directiveFault,
  exactly,
  LOCATION,
  LOCATION_IF,
  Module,
  type Scope,
} from "../config/directive.ts";
import { locationOf } from "../http/registry.ts";
import type { Handler } from "../http/settings.ts";
import { compileTemplate, hasVariables } from "../template/template.ts";
import { upstreams } from "../upstream/upstream-set.ts";
import { type CgiParam, type CgiParamSettings, paramRow } from "./cgi-params.ts";
import { passHandler } from "./handler.ts";
import type { NextUpstreamCondition } from "./next-upstream.ts";
import type { ProxyUrl, ProxyUrlFault } from "./proxy-url.ts";
import type { UpstreamProtocol } from "./upstream-protocol.ts";
import { upstreamRows } from "./upstream-rows.ts";
import {
  mergeUpstream,
  newUpstreamSettings,
  type UpstreamDialect,
  type UpstreamSettings,
} from "./upstream-settings.ts";

/** The settings of one level. */
export interface CgiSettings extends UpstreamSettings, CgiParamSettings {}

const CONDITIONS: readonly NextUpstreamCondition[] = [
  "error",
  "timeout",
  "invalid_header",
  "non_idempotent",
  "http_500",
  "http_503",
  "http_403",
  "http_404",
  "http_429",
  "updating",
  "off",
];

/** What makes a module out of a protocol. */
export interface CgiModuleDefinition<S extends CgiSettings> {
  /** Begins the names of all its directives: `uwsgi`. */
  readonly prefix: string;
  /** Splits the argument of `PREFIX_pass`. */
  readonly parseUrl: (text: string) => ProxyUrl | ProxyUrlFault;
  /** Header lines of the upstream that the client does not see. */
  readonly hidden: readonly string[];
  /** Directives that only this protocol has. */
  readonly rows: readonly Directive<S>[];
  /** The settings of a level on which nothing is said; `common` has those of every such module. */
  create(common: CgiSettings): S;
  compile(settings: S, params: readonly CgiParam[], passHeaders: boolean): UpstreamProtocol | ConfigFault;
}

/** A module with `PREFIX_pass`, `PREFIX_param`, the directives of its protocol, and those of every upstream. */
export function cgiModule<S extends CgiSettings>(definition: CgiModuleDefinition<S>): Module<S> {
  const { prefix, hidden, parseUrl } = definition;
  const dialect: UpstreamDialect = {
    prefix,
    conditions: CONDITIONS,
    habits: { hidden, ownServerOrNone: false },
    handler: passHandler(() => module),
  };
  const passRow: Directive<CgiSettings> = {
    name: `${prefix}_pass`,
    in: LOCATION | LOCATION_IF,
    arity: exactly(1),
    doc: `Passes requests to a ${prefix} server.`,
    apply: (own, site) => applyPass(own, site, parseUrl, dialect.handler),
  };
  const module: Module<S> = new Module<S>({
    name: `http_${prefix}`,
    directives: [
      passRow as Directive<S>,
      paramRow(prefix) as Directive<S>,
      ...definition.rows,
      ...upstreamRows<S>(dialect),
    ],
    create: () => definition.create({ ...newUpstreamSettings(), params: undefined }),
    merge(own, outer, scope: Scope, load) {
      own.params ??= outer?.params;
      const fault = mergeUpstream(own, outer, scope, load, dialect);
      if (fault !== undefined) return fault;
      const protocol = definition.compile(own, own.params ?? [], own.passRequestHeaders === true);
      if (protocol instanceof ConfigFault) return protocol;
      own.protocol = protocol;
      return undefined;
    },
  });
  return module;
}

function applyPass(
  own: CgiSettings,
  site: DirectiveSite,
  parse: (text: string) => ProxyUrl | ProxyUrlFault,
  handler: Handler,
): ConfigFault | undefined {
  if (own.target !== undefined) return directiveFault(site, "is duplicate");
  const [text = ""] = site.statement.args;
  const location = locationOf(site.scope);
  const known = upstreams(site.load);
  location.handler = handler;
  if (hasVariables(text)) {
    const template = compileTemplate(text, site);
    if (template instanceof ConfigFault) return template;
    own.target = { template, upstreams: known, prefix: "", parse };
    return undefined;
  }
  const url = parse(text);
  if ("fault" in url) return new ConfigFault(url.fault);
  const upstream = known.implicit(url.host, url.port, site, url.portWritten);
  own.target = { template: undefined, url, upstream, prefix: "", evaluated: false };
  if ((location.kind === "prefix" || location.kind === "exact") && location.name.endsWith("/")) {
    location.autoRedirect = true;
  }
  return undefined;
}
