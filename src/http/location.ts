/** Servers and locations as requests see them: compiled from the configuration, swapped as a whole on reload. */
import type { ErrorLog } from "../net/error-log.ts";
import type { HeaderFilter } from "./header-filter.ts";
import type { LastHead } from "./last-head.ts";
import type { Request } from "./request.ts";
import type { RequestHeadLimits } from "./request-head.ts";
import type { ServerTls } from "./server-tls.ts";
import type { CoreSettings, Handler } from "./settings.ts";

/** What runs in the rewrite phases; returns one of `verdict.ts`. */
export type RewriteProgram = Handler;

/** A location, the level of a server outside all locations, or an `if` block. */
export interface Location {
  /** As written: `/ws/`, `~ \.php$`, `@fallback`; the server's own level has "". */
  readonly name: string;
  /** Settings of all modules, by `Module.id`. */
  readonly settings: object[];
  readonly core: CoreSettings;
  readonly kind: "prefix" | "exact" | "regex" | "named" | "if" | "server" | "limit_except";
  /** `^~`: no regular expressions after this one. */
  noRegex: boolean;
  regex: RegExp | undefined;
  /** Stores named captures of `regex` after a match. */
  capture: ((r: Request, match: RegExpExecArray) => void) | undefined;
  /** Nested locations. */
  tree: LocationTree | undefined;
  /** `location /x/` with a proxying handler: `/x` is redirected to it. */
  autoRedirect: boolean;
  rewrite: RewriteProgram | undefined;
  handler: Handler | undefined;
  readonly lastHead: LastHead;
  /** limit_except: the level that holds for the methods it does not except. */
  limitExcept: { readonly methods: ReadonlySet<string>; readonly level: Location } | undefined;
}

/** The locations of one level, in the order in which nginx tries them. */
export interface LocationTree {
  readonly exact: ReadonlyMap<string, Location>;
  /** Longest first. */
  readonly prefixes: readonly Location[];
  readonly regexes: readonly Location[];
  /** By URI: proxying locations whose name is that URI with a slash at its end; no location has the URI as its name. */
  readonly redirects: ReadonlyMap<string, Location>;
}

export interface Server {
  /** The first server_name, as `$server_name`. */
  readonly name: string;
  /** The server's own level. */
  readonly level: Location;
  readonly core: CoreSettings;
  /** For requests that arrive before their server is known: this is the default server then. */
  readonly headLimits: RequestHeadLimits;
  readonly tree: LocationTree;
  /** Undefined where no `ssl_*` directive has made anything of it. */
  readonly tls: ServerTls | undefined;
  readonly named: ReadonlyMap<string, Location>;
  readonly http: HttpConfig;
}

/** The whole of one loaded `http` block. */
export interface HttpConfig {
  readonly servers: readonly Server[];
  readonly phases: PhaseHandlers;
  readonly headerFilters: readonly HeaderFilter[];
  readonly errorLog: ErrorLog;
  /** Values that a request may store for variables. */
  readonly slotCount: number;
}

/** Handlers that modules added, in the order of the module list. */
export interface PhaseHandlers {
  /** Before anything else, once per request: not again after an internal redirect. */
  readonly postRead: Handler[];
  readonly preAccess: Handler[];
  readonly access: Handler[];
  readonly preContent: Handler[];
  /** For locations without a handler of their own: index, static files. */
  readonly content: Handler[];
  readonly log: ((r: Request) => void)[];
}

/** Which server answers for a name. */
export interface ServerChoice {
  readonly defaultServer: Server;
  /** The server of that name, where more than one listens here. Captures of an expression go to `r`, if there is one. */
  find(host: string, r: Request | undefined): Server | undefined;
}

/** What serves one listening address. */
export interface AddressServers extends ServerChoice {
  /** `listen ... proxy_protocol`: connections begin with a header of that protocol. */
  readonly proxyProtocol: boolean;
  /** `listen ... ssl`. */
  readonly tls: boolean;
}
