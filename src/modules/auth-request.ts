/** `auth_request`: another service says who may come in (ngx_http_auth_request_module.c). */
import {
  ConfigFault,
  type Directive,
  type DirectiveSite,
  exactly,
  HTTP_SERVER_LOCATION,
  Module,
} from "../config/directive.ts";
import { phaseHandlers } from "../http/registry.ts";
import type { AbortListener, Request, SubrequestOwner } from "../http/request.ts";
import { startSubrequest } from "../http/subrequest.ts";
import { AGAIN, DECLINED, OK } from "../http/verdict.ts";
import { compileTemplate, type Template } from "../template/template.ts";
import { variables } from "../template/variables.ts";

/** One `auth_request_set`. */
interface Assignment {
  readonly value: Template;
  set(r: Request, value: string): void;
}

interface AuthRequestSettings {
  /** The location that is asked; "" for none. */
  uri: string | undefined;
  assignments: Assignment[] | undefined;
}

const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
const INTERNAL_ERROR = 500;

/** One question about one request. */
class Question implements SubrequestOwner, AbortListener {
  readonly main: Request;
  private readonly assignments: readonly Assignment[];
  private sub: Request | undefined = undefined;

  constructor(r: Request, assignments: readonly Assignment[]) {
    this.main = r;
    this.assignments = assignments;
    r.abortListener = this;
  }

  ask(uri: string): void {
    this.sub = startSubrequest(this, uri);
  }

  onSubrequestDone(sub: Request): number {
    const { main } = this;
    for (const { value, set } of this.assignments) set(main, value.evaluate(sub));
    const { status } = sub.out;
    if (status === FORBIDDEN) return status;
    if (status === UNAUTHORIZED) {
      this.passChallenges(sub);
      return status;
    }
    if (status >= 200 && status < 300) return OK;
    main.logError(`auth request unexpected status: ${status}`);
    return INTERNAL_ERROR;
  }

  onClientAbort(reset: boolean): boolean {
    return this.sub?.abortListener?.onClientAbort(reset) ?? false;
  }

  /** What the client is to answer with (RFC 9110, 11.6.1), where the location does not hide it from clients as well. */
  private passChallenges(sub: Request): void {
    const own = sub.out.list.getAll("www-authenticate");
    const challenges = own.length > 0 ? own : (sub.upstream?.responseHeaders.getAll("www-authenticate") ?? []);
    for (const challenge of challenges) this.main.out.list.add("WWW-Authenticate", challenge);
  }
}

function authRequestHandler(r: Request): number {
  const { uri, assignments } = authRequest.of(r.location);
  if (uri === undefined || uri === "") return DECLINED;
  new Question(r, assignments ?? []).ask(uri);
  return AGAIN;
}

function addAssignment(own: AuthRequestSettings, site: DirectiveSite): ConfigFault | undefined {
  const [target = "", text = ""] = site.statement.args;
  if (!target.startsWith("$") || target.length === 1) return new ConfigFault(`invalid variable name "${target}"`);
  const name = target.slice(1);
  const registry = variables(site.load);
  const known = registry.find(name);
  if (known !== undefined && !known.changeable) return new ConfigFault(`the duplicate "${name}" variable`);
  const slot = registry.namedSlot(name);
  if (known === undefined) registry.define({ name, get: (r) => r.slot(slot) });
  const value = compileTemplate(text, site);
  if (value instanceof ConfigFault) return value;
  own.assignments ??= [];
  own.assignments.push({ value, set: known?.set ?? ((r, result) => r.setSlot(slot, result)) });
  return undefined;
}

const directives: readonly Directive<AuthRequestSettings>[] = [
  {
    name: "auth_request",
    in: HTTP_SERVER_LOCATION,
    arg: { arity: exactly(1), fallback: undefined, parse: ([uri = ""]) => (uri === "off" ? "" : uri) },
    set: "uri",
    doc: "A location that is asked first: 2xx lets the request in, 401 and 403 refuse it.",
  },
  {
    name: "auth_request_set",
    in: HTTP_SERVER_LOCATION,
    arity: exactly(2),
    doc: "Sets a variable to what is known when the location of auth_request has answered.",
    apply: addAssignment,
  },
];

/** `auth_request` and `auth_request_set`. */
export const authRequest: Module<AuthRequestSettings> = new Module<AuthRequestSettings>({
  name: "http_auth_request",
  directives,
  create: () => ({ uri: undefined, assignments: undefined }),
  merge(own, outer) {
    own.assignments ??= outer?.assignments;
    return undefined;
  },
  register: (load) => {
    phaseHandlers(load).access.push(authRequestHandler);
  },
});
