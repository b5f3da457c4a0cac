/**
 * Runs requests through a configuration without a network: hopway's own phases decide, up to the request that an upstream
 * would get. Files are looked at where a location serves them; nothing is sent, written or waited for.
 */
import type { AnyModule } from "../config/any-module.ts";
import { HTTP, LIMIT_EXCEPT, LOCATION, LOCATION_IF, type Scope, SERVER } from "../config/directive.ts";
import type { Statement } from "../config/syntax.ts";
import { Connection } from "../http/connection.ts";
import type { ListenBinding } from "../http/connection-host.ts";
import type { AddressServers, Location, Server } from "../http/location.ts";
import { locationOf, phaseHandlers } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import { DECLINED } from "../http/verdict.ts";
import { type BoundServers, servingOf } from "../modules/serving-tree.ts";
import { FOREIGN_CONTENT } from "./foreign-content.ts";
import { RequestObserver } from "./observed-request.ts";
import { proxiedOutcome } from "./proxied-outcome.ts";
import type { ReadConfig } from "./read-config.ts";
import { SimulatedSocket } from "./simulated-socket.ts";
import { type LeftOut, loadTolerantly, type Simulable, scopesOf } from "./tolerant-load.ts";
import type { Outcome, ProxiedOutcome, Trace } from "./trace.ts";
import { tracedModules } from "./traced-modules.ts";

/** How a client comes to the server. */
export interface Arrival {
  /** An IP literal. */
  readonly clientAddress: string;
  /** The port that it comes to. */
  readonly port: number;
  /** An IP literal that the server is known to listen on; undefined for any. */
  readonly address: string | undefined;
  readonly tls: boolean;
}

/** A request as a client would send it. */
export interface ClientRequest extends Arrival {
  readonly method: string;
  /** Path and arguments. */
  readonly target: string;
  /** Host and all others, in order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** nginx's status for "close the connection without an answer". */
const CLOSE = 444;

/** A configuration to try requests on. */
export class Simulation {
  readonly leftOut: readonly LeftOut[];
  /** Variables that nothing defines; in lower case, without `$`. */
  readonly unknownVariables: ReadonlySet<string>;
  readonly variableNames: readonly string[];
  private readonly observer: RequestObserver;
  private readonly servers: ReadonlyMap<Server, Statement>;
  private readonly bound: readonly BoundServers[];
  private readonly locations: ReadonlyMap<Statement, Location>;
  private outcome: Outcome | undefined = undefined;
  /** The location that requests are put into. */
  private forced: Location | undefined = undefined;
  private why = "";

  private constructor(
    observer: RequestObserver,
    servers: ReadonlyMap<Server, Statement>,
    locations: ReadonlyMap<Statement, Location>,
    bound: readonly BoundServers[],
    { leftOut, unknownVariables, variableNames }: Simulable,
  ) {
    this.observer = observer;
    this.servers = servers;
    this.locations = locations;
    this.bound = bound;
    this.leftOut = leftOut;
    this.unknownVariables = unknownVariables;
    this.variableNames = variableNames;
  }

  /** Prepares a configuration; a text says why nothing can be tried on it. */
  static async of(modules: readonly AnyModule[], read: ReadConfig): Promise<Simulation | string> {
    const statements = new Map<Location, Statement | undefined>();
    let original = (statement: Statement): Statement => statement;
    const observer = new RequestObserver(
      (location) => statements.get(location),
      (statement) => original(statement),
    );
    const loaded = await loadTolerantly(tracedModules(modules, observer), read);
    if (typeof loaded === "string") return loaded;
    original = loaded.original;
    const { serving } = servingOf(loaded.config.load);
    const http = loaded.config.root.children.find(({ kind }) => kind === HTTP);
    if (serving === undefined || http === undefined) return 'there is no "http" block';

    const servers = new Map<Server, Statement>();
    const serverOf = new Map(serving.config.servers.map((server) => [server.level, server]));
    const locations = new Map<Statement, Location>();
    const simulation = new Simulation(observer, servers, locations, [...serving.bound.values()], loaded);
    const scopes = scopesOf(http);
    for (const scope of scopes) {
      if ((scope.kind & (SERVER | LOCATION | LOCATION_IF | LIMIT_EXCEPT)) === 0 || scope.statement === undefined)
        continue;
      const location = locationOf(scope);
      const statement = original(scope.statement);
      statements.set(location, scope.kind === SERVER ? undefined : statement);
      locations.set(statement, location);
      simulation.replaceHandler(location, scope, statement, original);
      const server = serverOf.get(location);
      if (scope.kind === SERVER && server !== undefined) servers.set(server, statement);
    }
    const phases = phaseHandlers(loaded.config.load);
    phases.log.push((r) => observer.see(r));
    phases.postRead.unshift((r) => simulation.putIntoPlace(r));
    return simulation;
  }

  /** The ports that are listened on; empty for unix sockets alone. */
  get ports(): readonly number[] {
    return [...new Set(this.bound.map(({ address }) => address.port))].filter((port) => port !== 0);
  }

  /** What becomes of a request; undefined where nothing listens on its port. */
  run(request: ClientRequest): Trace | undefined {
    return this.runText(requestText(request), request);
  }

  /**
   * What the handler of a location does with a request, wherever the request would have gone by itself. Undefined where
   * nothing is passed on there.
   */
  runIn(location: Statement, request: ClientRequest): ProxiedOutcome | undefined {
    this.forced = this.locations.get(location);
    if (this.forced === undefined) return undefined;
    const trace = this.run(request);
    this.forced = undefined;
    return trace?.outcome.kind === "proxied" ? trace.outcome : undefined;
  }

  /** As `run`, for a request as it is sent, one char per byte. */
  runText(text: string, arrival: Arrival): Trace | undefined {
    const servers = this.serversAt(arrival);
    if (servers === undefined) return undefined;
    this.observer.begin();
    this.outcome = undefined;
    this.why = "";
    const socket = new SimulatedSocket(arrival.clientAddress, arrival.address ?? "127.0.0.1");
    const binding: ListenBinding = { servers, text: "", isUnix: false, port: arrival.port, closing: false };
    const connection = new Connection(socket, binding, {
      onConnectionClosed: () => {},
      onTunnel: () => {},
      draining: false,
    });
    socket.data = connection;
    if (arrival.tls) connection.tls = { hello: undefined, named: undefined, session: undefined };
    const bytes = Buffer.from(text, "latin1");
    connection.onData(bytes, bytes.length);
    const trace = this.traceOf(socket, servers);
    connection.close();
    return trace;
  }

  private traceOf(socket: SimulatedSocket, servers: AddressServers): Trace | undefined {
    const { request: r, events } = this.observer;
    const server = r?.server ?? servers.defaultServer;
    const statement = this.servers.get(server);
    if (statement === undefined) return undefined;
    // The choice is not asked where there is but one server.
    const names = statement.block?.filter(({ name }) => name === "server_name").flatMap(({ args }) => args) ?? [];
    const host = r?.host ?? "";
    const named = names.includes(host) || servers.find(host, undefined) !== undefined;
    return {
      server: statement,
      chosenBy: named ? "name" : "default",
      events,
      location: this.observer.statement,
      outcome: this.outcome ?? answered(socket.sent, this.why),
    };
  }

  /** For `runIn`: the variables of the server and the captures of the location are set, its rewrite lines run, then its handler. */
  private putIntoPlace(r: Request): number {
    const { forced, observer } = this;
    if (forced === undefined) return DECLINED;
    observer.onlySets = true;
    r.server.level.rewrite?.(r);
    observer.onlySets = false;
    r.location = forced;
    const match = forced.regex?.exec(r.uri);
    if (match) {
      r.captures = match;
      forced.capture?.(r, match);
    }
    const verdict = forced.rewrite?.(r) ?? DECLINED;
    if (verdict !== DECLINED) return verdict;
    r.location.handler?.(r);
    return CLOSE;
  }

  /** What would leave this process is described instead. */
  private replaceHandler(
    location: Location,
    scope: Scope,
    statement: Statement,
    original: (statement: Statement) => Statement,
  ): void {
    const foreign = statement.block?.find(({ name }) => FOREIGN_CONTENT.test(name));
    const describe = foreign === undefined ? proxiedOutcome(location, statement, scope, original) : undefined;
    if (foreign === undefined && describe === undefined) return;
    location.handler = (r) => {
      this.observer.see(r);
      const outcome = foreign === undefined ? describe?.(r) : ({ kind: "foreign", statement: foreign } as const);
      if (outcome !== undefined && "status" in outcome && "why" in outcome) {
        this.why = outcome.why;
        return outcome.status;
      }
      this.outcome = outcome;
      return CLOSE;
    };
  }

  /** The servers that a connection would meet: of the address, if that has its own, else of any address with the port. */
  private serversAt({ port, address }: Arrival): AddressServers | undefined {
    const here = this.bound.filter((bound) => bound.address.port === port);
    if (address !== undefined) {
      for (const bound of here) {
        const servers = bound.address.host === address ? bound.servers : bound.specific.get(address);
        if (servers !== undefined) return servers;
      }
    }
    const family = address?.includes(":") ? "::" : "0.0.0.0";
    return (here.find((bound) => bound.address.host === family) ?? here[0])?.servers;
  }
}

function requestText({ method, target, headers }: ClientRequest): string {
  return `${method} ${target} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

function answered(sent: string, why: string): Outcome {
  if (sent === "") return { kind: "closed" };
  const end = sent.indexOf("\r\n\r\n");
  const head = end < 0 ? sent : sent.slice(0, end);
  return {
    kind: "answered",
    status: Number(/^HTTP\/\S+ (\d+)/.exec(head)?.[1] ?? 0),
    head,
    body: end < 0 ? "" : sent.slice(end + 4),
    why,
  };
}
