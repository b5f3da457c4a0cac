/** What there is to count: a row for each location, peer, and way from one to the other; the configuration bounds them. */
import { LIMIT_EXCEPT, LOCATION, LOCATION_IF, Module, type Scope, SERVER } from "../config/directive.ts";
import type { LoadContext } from "../config/load-context.ts";
import { LOCATION_ROW, PEER_ROW, TUNNELS_ROW, WAY_ROW } from "../metrics/cells.ts";
import { levelCounters } from "../metrics/level-counters.ts";
import { DYNAMIC, type Row, rows } from "../metrics/rows.ts";
import { watching } from "../metrics/watching.ts";
import { addressText } from "../net/address.ts";
import { proxyModule } from "../proxy/module.ts";
import { scgiModule } from "../proxy/scgi.ts";
import type { PassTarget } from "../proxy/target.ts";
import { uwsgiModule } from "../proxy/uwsgi.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { upstreams } from "../upstream/upstream-set.ts";
import { httpCore } from "./http-core.ts";
import { countRequests } from "./metrics-requests.ts";

/** What is answered outside all locations. */
const NO_LOCATION = "(none)";

/** The name of a server: its first server_name, or where it listens. */
function serverLabel(server: Scope): string {
  const { serverNames, listens } = httpCore.of(server);
  const [first] = serverNames;
  if (first !== undefined && first.name !== "") return first.name.replace(/^\./, "");
  return listens[0] === undefined ? "" : addressText(listens[0].address);
}

/** The name of an upstream: that of its block, or the host and port of a proxy_pass. */
export function upstreamLabel({ explicit, name, port }: Upstream): string {
  return explicit || port === 0 ? name : `${name}:${port}`;
}

function targetOf(level: Scope): PassTarget | undefined {
  return proxyModule.of(level).target ?? uwsgiModule.of(level).target ?? scgiModule.of(level).target;
}

class Declarations {
  private readonly load: LoadContext;
  private readonly peers = new Map<Upstream, Map<Row, string>>();

  constructor(load: LoadContext) {
    this.load = load;
  }

  private declare(kind: Row["kind"], ...labels: string[]): Row {
    return rows(this.load).declare(kind, labels);
  }

  upstream(upstream: Upstream): void {
    const name = upstreamLabel(upstream);
    const known = new Map<Row, string>();
    for (const peer of upstream.peers) {
      peer.row = this.declare(PEER_ROW, name, peer.address.text);
      known.set(peer.row, peer.address.text);
    }
    this.peers.set(upstream, known);
  }

  /** A server, or a location with what is in it. `name`: of the location whose level it is. */
  level(level: Scope, server: string, name: string): void {
    const own = levelCounters.of(level);
    own.location = this.declare(LOCATION_ROW, server, name);
    const target = targetOf(level);
    if (target !== undefined) this.passing(own, target, server, name);
    for (const child of level.children) {
      if (child.kind === LOCATION) this.level(child, server, child.statement?.args.join(" ") ?? "");
      else if ((child.kind & (LOCATION_IF | LIMIT_EXCEPT)) !== 0) this.level(child, server, name);
    }
  }

  private passing(own: ReturnType<typeof levelCounters.of>, target: PassTarget, server: string, name: string): void {
    own.tunnels = this.declare(TUNNELS_ROW, server, name);
    const upstream = target.template === undefined ? target.upstream : undefined;
    const ways = new Map<string, Row>();
    if (upstream === undefined) own.otherWay = this.declare(WAY_ROW, server, name, DYNAMIC, DYNAMIC);
    else {
      for (const [peer, text] of this.peers.get(upstream) ?? []) {
        ways.set(peer.key, this.declare(WAY_ROW, server, name, upstreamLabel(upstream), text));
      }
    }
    own.ways = ways;
  }
}

/** Stands behind the modules that pass requests on: their upstreams are complete then. */
export const metricsRows: Module = new Module({
  name: "http_metrics_rows",
  directives: [],
  create: () => ({}),
  finish(http, load) {
    const declarations = new Declarations(load);
    for (const upstream of upstreams(load)) declarations.upstream(upstream);
    for (const server of http.children) {
      if (server.kind === SERVER) declarations.level(server, serverLabel(server), NO_LOCATION);
    }
    if (watching(load).wanted) countRequests(load);
    return undefined;
  },
});
