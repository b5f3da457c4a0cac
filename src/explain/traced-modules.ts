/** The modules of hopway with an observer: who had a say about a request, and which line of the rewrite module did what. */
import type { AnyDirective, AnyModule } from "../config/any-module.ts";
import type { ActionRow } from "../config/directive.ts";
import type { Statement } from "../config/syntax.ts";
import { phaseHandlers } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import type { Handler } from "../http/settings.ts";
import { DECLINED } from "../http/verdict.ts";
import { rewrite } from "../modules/rewrite.ts";
import type { Step } from "../modules/rewrite-program.ts";
import type { Phase } from "./trace.ts";

/** Is told of everything that runs. Both calls run what they are given, and return its verdict. */
export interface Observer {
  onHandler(phase: Phase, module: string, run: Handler, r: Request): number;
  onStep(statement: Statement, run: Step, r: Request): number;
}

/** Writes access logs. */
const LOG = "http_log";
/** They count, and ask others about, requests that happen. */
const LEFT_OUT = new Set(["http_limit_conn", "http_limit_req", "http_auth_request", "http_auth_basic"]);

const PHASES = [
  ["postRead", "post read"],
  ["preAccess", "pre-access"],
  ["access", "access"],
  ["preContent", "pre-content"],
  ["content", "content"],
] as const;

/** Copies of the modules whose handlers and rewrite lines report to `observer`. */
export function tracedModules(modules: readonly AnyModule[], observer: Observer): readonly AnyModule[] {
  return modules.map((module) => {
    const { definition } = module;
    const directives =
      module.id === rewrite.id ? definition.directives.map((row) => tracedRow(row, observer)) : undefined;
    return {
      id: module.id,
      name: module.name,
      of: (level) => module.of(level),
      definition: {
        ...definition,
        directives: directives ?? definition.directives,
        register(load) {
          const phases = phaseHandlers(load);
          const before = PHASES.map(([list]) => phases[list].length);
          const logsBefore = phases.log.length;
          definition.register?.(load);
          if (module.name === LOG) phases.log.length = logsBefore;
          for (const [i, [list, phase]] of PHASES.entries()) {
            const handlers = phases[list];
            for (let at = before[i] ?? 0; at < handlers.length; at++) {
              const run = handlers[at]!;
              handlers[at] = LEFT_OUT.has(module.name)
                ? () => DECLINED
                : (r) => observer.onHandler(phase, module.name, run, r);
            }
          }
        },
      },
    };
  });
}

/** A row of the rewrite module whose statements are observed where they have become steps. */
function tracedRow(row: AnyDirective, observer: Observer): AnyDirective {
  if (!("apply" in row)) return row;
  const traced: ActionRow<object> = {
    ...row,
    apply(own, site, opened) {
      const { steps } = rewrite.of(site.scope);
      const before = steps.length;
      const fault = row.apply(own, site, opened);
      for (let at = before; at < steps.length; at++) {
        const run = steps[at]!;
        steps[at] = (r) => observer.onStep(site.statement, run, r);
      }
      return fault;
    },
  };
  return traced;
}
