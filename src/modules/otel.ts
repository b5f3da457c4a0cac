/** Traces of requests and tunnels, for OpenTelemetry (nginx's ngx_otel_module). */
import { choice, text } from "../config/arguments.ts";
import {
  ConfigFault,
  type Directive,
  type DirectiveSite,
  directiveFault,
  exactly,
  HTTP,
  HTTP_SERVER_LOCATION,
  LIMIT_EXCEPT,
  LOCATION,
  Module,
  type Scope,
} from "../config/directive.ts";
import { type LoadContext, perLoad } from "../config/load-context.ts";
import { locationOf, phaseHandlers } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import { DECLINED } from "../http/verdict.ts";
import { errorLogOf } from "../net/error-log.ts";
import { decoded } from "../net/utf8.ts";
import { compileTemplate, type Template, template } from "../template/template.ts";
import { type VariableDefinition, variables } from "../template/variables.ts";
import { newSpan, parseTraceparent, type SpanPlace, traceparent } from "./otel-context.ts";
import { SpanExporter } from "./otel-exporter.ts";
import { type ExporterSettings, readExporter } from "./otel-exporter-block.ts";
import { endedSpan } from "./otel-span.ts";

interface OtelSettings {
  trace: Template | undefined;
  context: "ignore" | "extract" | "inject" | "propagate" | undefined;
  spanName: Template | undefined;
  spanAttributes: { readonly name: string; readonly value: Template }[] | undefined;
  serviceName: string | undefined;
}

/** What a configuration says of tracing as a whole. */
interface Tracing {
  settings: ExporterSettings | undefined;
  readonly resource: Record<string, string>;
  /** Where spans go; there is none but in processes that serve. */
  exporter: SpanExporter | undefined;
}

const tracing = perLoad<Tracing>(() => ({ settings: undefined, resource: {}, exporter: undefined }));

/** A request's place in its trace, kept with it through internal redirects. */
class RequestTrace {
  readonly parent: SpanPlace | undefined;
  readonly current: SpanPlace;

  constructor(parent: SpanPlace | undefined) {
    this.parent = parent;
    this.current = newSpan(parent);
  }
}

function known(r: Request): RequestTrace | undefined {
  const trace = r.lastingContext(otel.id);
  return trace instanceof RequestTrace ? trace : undefined;
}

/** The request's trace, made when somebody first asks for it. */
function traceOf(r: Request): RequestTrace {
  const found = known(r);
  if (found !== undefined) return found;
  const { context } = otel.of(r.location);
  const trace = new RequestTrace(context === "extract" || context === "propagate" ? sentParent(r) : undefined);
  r.setLastingContext(otel.id, trace);
  return trace;
}

/** The span of the client that the request is a part of. */
function sentParent(r: Request): SpanPlace | undefined {
  const [value = "", another] = r.headers.getAll("traceparent");
  if (another !== undefined) return undefined;
  return parseTraceparent(value, r.headers.getJoined("tracestate", ",") ?? "");
}

/** Decides about a span, and tells the upstream of it. An internal redirect leaves that as it is. */
function begin(r: Request): number {
  if (r.internal) return DECLINED;
  const { trace, context } = otel.of(r.location);
  const wanted = trace?.evaluate(r);
  const sampled = wanted === "on" || wanted === "1";
  if (!sampled && (context === undefined || context === "ignore") && known(r) === undefined) return DECLINED;
  const { current } = traceOf(r);
  current.sampled = sampled;
  if (context === "inject" || context === "propagate") {
    r.headers.set("traceparent", traceparent(current));
    if (current.state === "") r.headers.remove("tracestate");
    else r.headers.set("tracestate", current.state);
  }
  return DECLINED;
}

/** As `begin`, for requests outside all locations: those in one have met it before its rewrite statements. */
function beginOutside(r: Request): number {
  return r.location === r.server.level ? begin(r) : DECLINED;
}

/** The log phase: a request or tunnel has ended, so has its span. */
function end(r: Request, exporter: SpanExporter): void {
  const trace = known(r);
  if (trace === undefined || !trace.current.sampled || r.owner !== undefined) return;
  const { spanName, spanAttributes = [] } = otel.of(r.location);
  const name = spanName === undefined ? r.location.name : spanName.evaluate(r);
  const own = spanAttributes.map(({ name, value }) => [name, value.evaluate(r)] as const);
  exporter.add(endedSpan(r, name === "" ? r.method : name, trace.current, trace.parent, own));
}

/** Only a configuration that traces pays for it. */
function addHandlers({ load }: DirectiveSite): void {
  const { preAccess, log } = phaseHandlers(load);
  if (preAccess.includes(beginOutside)) return;
  preAccess.unshift(beginOutside);
  const state = tracing(load);
  log.push((r) => {
    if (state.exporter !== undefined) end(r, state.exporter);
  });
}

/** Has the locations below a level begin spans before their rewrite statements, which may answer. */
function beginInLocations(scope: Scope): void {
  for (const child of scope.children) {
    beginInLocations(child);
    if ((child.kind & (LOCATION | LIMIT_EXCEPT)) === 0) continue;
    const { trace, context } = otel.of(child);
    if (trace === undefined && context === "ignore") continue;
    const location = locationOf(child);
    const { rewrite } = location;
    location.rewrite =
      rewrite === undefined
        ? begin
        : (r) => {
            begin(r);
            return rewrite(r);
          };
  }
}

/** Makes the exporter of a configuration that this process serves; it has to be done before spans end. */
export function startExporter(load: LoadContext): void {
  const state = tracing(load);
  if (state.settings !== undefined) {
    state.exporter ??= new SpanExporter(state.settings, state.resource, errorLogOf(load));
  }
}

function applyExporter(site: DirectiveSite): ConfigFault | undefined {
  const state = tracing(site.load);
  if (state.settings !== undefined) return directiveFault(site, "is duplicate");
  const settings = readExporter(site);
  if (settings instanceof ConfigFault) return settings;
  state.settings = settings;
  addHandlers(site);
  return undefined;
}

const traced = template(undefined);
const contexts = choice(["ignore", "extract", "inject", "propagate"], "ignore");

const directives: readonly Directive<OtelSettings>[] = [
  {
    name: "otel_exporter",
    in: HTTP,
    arity: exactly(0),
    entries: true,
    doc: "The collector that spans are sent to.",
    apply: (_own, site) => applyExporter(site),
  },
  {
    name: "otel_service_name",
    in: HTTP,
    arg: text(undefined),
    set: "serviceName",
    doc: "`service.name` of the resource that spans come from.",
  },
  {
    name: "otel_resource_attr",
    in: HTTP,
    arity: exactly(2),
    doc: "An attribute of the resource that spans come from.",
    apply(_own, site) {
      const [name = "", value = ""] = site.statement.args;
      tracing(site.load).resource[decoded(name)] = decoded(value);
      return undefined;
    },
  },
  {
    name: "otel_trace",
    in: HTTP_SERVER_LOCATION,
    arg: {
      ...traced,
      parse(args, site) {
        addHandlers(site);
        return traced.parse(args, site);
      },
    },
    set: "trace",
    doc: "Whether requests get a span: `on`, `off`, or a text that is `on` or `1` for those that do.",
  },
  {
    name: "otel_trace_context",
    in: HTTP_SERVER_LOCATION,
    arg: {
      ...contexts,
      parse(args, site) {
        addHandlers(site);
        return contexts.parse(args, site);
      },
    },
    set: "context",
    doc: "Whether `traceparent` and `tracestate` are taken from clients (extract), given to upstreams (inject), or both (propagate).",
  },
  {
    name: "otel_span_name",
    in: HTTP_SERVER_LOCATION,
    arg: template(undefined),
    set: "spanName",
    doc: "The name of spans; the location's where nothing is said.",
  },
  {
    name: "otel_span_attr",
    in: HTTP_SERVER_LOCATION,
    arity: exactly(2),
    doc: "An attribute of spans, besides the usual ones.",
    apply(own, site) {
      const [name = "", text = ""] = site.statement.args;
      const value = compileTemplate(text, site);
      if (value instanceof ConfigFault) return value;
      own.spanAttributes ??= [];
      own.spanAttributes.push({ name, value });
      return undefined;
    },
  },
];

const otelVariables: readonly VariableDefinition[] = [
  { name: "otel_trace_id", get: (r) => traceOf(r).current.traceId },
  { name: "otel_span_id", get: (r) => traceOf(r).current.spanId },
  { name: "otel_parent_id", get: (r) => traceOf(r).parent?.spanId },
  {
    name: "otel_parent_sampled",
    get(r) {
      const { parent } = traceOf(r);
      return parent?.sampled === true ? "1" : "0";
    },
  },
];

export const otel: Module<OtelSettings> = new Module<OtelSettings>({
  name: "otel",
  directives,
  create: () => ({
    trace: undefined,
    context: undefined,
    spanName: undefined,
    spanAttributes: undefined,
    serviceName: undefined,
  }),
  merge(own, outer, _scope, load) {
    own.spanAttributes ??= outer?.spanAttributes;
    const { trace } = own;
    if (trace === undefined || trace.constant === "off" || tracing(load).settings !== undefined) return undefined;
    return new ConfigFault('"otel_exporter" block is missing');
  },
  register: (load) => variables(load).provide(otelVariables),
  finish(http, load) {
    tracing(load).resource["service.name"] ??= decoded(otel.of(http).serviceName ?? "unknown_service:hopway");
    beginInLocations(http);
    return undefined;
  },
});
