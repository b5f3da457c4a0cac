/** Follows one simulated request at a time through phases and rewrite lines. */
import type { Statement } from "../config/syntax.ts";
import type { Location } from "../http/location.ts";
import type { Request } from "../http/request.ts";
import type { Handler } from "../http/settings.ts";
import { DECLINED } from "../http/verdict.ts";
import { NEXT, type Step } from "../modules/rewrite-program.ts";
import type { Phase, TraceEvent } from "./trace.ts";
import type { Observer } from "./traced-modules.ts";

/** Collects what happens to the request that runs now. */
export class RequestObserver implements Observer {
  events: TraceEvent[] = [];
  /** The request, as soon as anything ran for it. */
  request: Request | undefined = undefined;
  /** Of the rewrite lines, only those run that give variables their values. */
  onlySets = false;
  private location: Location | undefined = undefined;
  /** The statement, as read, of a runtime location; undefined for a server's own level. */
  private readonly statementOf: (location: Location) => Statement | undefined;
  private readonly original: (statement: Statement) => Statement;

  constructor(
    statementOf: (location: Location) => Statement | undefined,
    original: (statement: Statement) => Statement,
  ) {
    this.statementOf = statementOf;
    this.original = original;
  }

  /** Forgets the request before. */
  begin(): void {
    this.events = [];
    this.request = undefined;
    this.location = undefined;
  }

  /** Notes where the request is, if that is another location than before. */
  see(r: Request): void {
    this.request = r;
    if (r.location === this.location) return;
    this.location = r.location;
    const { statement } = this;
    if (statement !== undefined) this.events.push({ kind: "location", statement, uri: r.uri });
  }

  /** Of the location where the request is; undefined outside all of them. */
  get statement(): Statement | undefined {
    return this.location === undefined ? undefined : this.statementOf(this.location);
  }

  onHandler(phase: Phase, module: string, run: Handler, r: Request): number {
    this.see(r);
    const { uri, args, location, realClient } = r;
    const at = this.events.length;
    const verdict = run(r);
    const effects: string[] = [];
    if (r.realClient !== realClient) effects.push(`the client is ${r.remoteAddress}`);
    if (r.uri !== uri || r.args !== args) effects.push(`goes on as ${r.uri}${r.args ? `?${r.args}` : ""}`);
    else if (r.location !== location) effects.push(`goes on in ${this.statement?.args.join(" ") ?? "the server"}`);
    else if (verdict >= 300) effects.push(`ends with ${verdict}`);
    else if (verdict !== DECLINED && phase === "access") effects.push("allowed");
    if (effects.length > 0) {
      // What was set going by it comes after it.
      this.events.splice(at, 0, { kind: "handler", phase, module, effect: effects.join(", ") });
    }
    return verdict;
  }

  onStep(statement: Statement, run: Step, r: Request): number {
    if (this.onlySets && statement.name !== "set" && statement.name !== "if") return NEXT;
    this.see(r);
    const { uri, args, location } = r;
    const at = this.events.length;
    const verdict = run(r);
    const effect = this.effectOf(statement, r, { uri, args, location }, verdict, at);
    if (effect !== undefined) {
      this.events.splice(at, 0, { kind: "rewrite", statement: this.original(statement), effect });
    }
    return verdict;
  }

  private effectOf(
    { name, args: words }: Statement,
    r: Request,
    before: { readonly uri: string; readonly args: string | undefined; readonly location: Location },
    verdict: number,
    eventsBefore: number,
  ): string | undefined {
    switch (name) {
      case "if":
        return r.location !== before.location || this.events.length > eventsBefore || verdict !== NEXT
          ? "is true"
          : undefined;
      case "set":
        return `${words[0]} is set`;
      case "break":
        return "ends the rewrite lines";
      case "return":
        return `answers ${verdict > 0 ? verdict : words[0]}${r.out.location === undefined ? "" : ` to ${r.out.location}`}`;
      default: {
        if (verdict >= 300) return `redirects to ${r.out.location} with ${verdict}`;
        if (r.uri === before.uri && r.args === before.args) return undefined;
        return `${before.uri} becomes ${r.uri}${r.args ? `?${r.args}` : ""}`;
      }
    }
  }
}
