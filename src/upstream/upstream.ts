/** An upstream: the servers behind one name, their load balancing and their idle connections. */
import type { LoadContext } from "../config/load-context.ts";
import type { Statement } from "../config/syntax.ts";
import { addressText, inetAddress, normalIP, unixAddress } from "../net/address.ts";
import type { Template } from "../template/template.ts";
import type { DeclaredZone } from "../zone/zones.ts";
import type { Balancer } from "./balancer.ts";
import { DEFAULT_PEER_OPTIONS, Peer, type PeerAddress, PeerGroup, type PeerOptions } from "./peer.ts";
import { ConnectionPool, type KeepaliveSettings } from "./pool.ts";
import { roundRobin } from "./round-robin.ts";
import { inZone } from "./shared-peers.ts";

/** A load balancing method as its directive chose it. */
export interface Method {
  /** Parameters of `server` that cannot stand after the method's directive. */
  readonly refuses: readonly string[];
  build(group: PeerGroup): Balancer;
}

/** The method of a block that names none. */
export const ROUND_ROBIN: Method = { refuses: [], build: roundRobin };

/** One `server` line. */
export interface UpstreamServer {
  /** As written: the name that `hash ... consistent` and the status pages use. */
  readonly text: string;
  readonly options: PeerOptions;
  /** Filled when the host is looked up, before the load ends. */
  addresses: readonly PeerAddress[];
}

/** Nothing is kept: nginx's upstreams that stand for a host in `proxy_pass`. */
const NO_KEEPALIVE: KeepaliveSettings = { size: 0, local: false, maxRequests: 0, maxAgeMs: 0, idleTimeoutMs: 0 };
const NO_POOL = new ConnectionPool(NO_KEEPALIVE);

/** The address of one port of an IP literal (without brackets). */
export function ipPeerAddress(ip: string, port: number): PeerAddress {
  return { text: addressText(inetAddress(ip, port)), host: ip, port, path: undefined };
}

/** The address of a Unix socket. */
export function unixPeerAddress(path: string): PeerAddress {
  return { text: addressText(unixAddress(path)), host: "", port: 0, path };
}

/** The address that a host stands for without a look-up: `unix:` and a path, or an IP literal, in brackets or not. */
export function literalAddress(host: string, port: number): PeerAddress | undefined {
  if (/^unix:/i.test(host)) return unixPeerAddress(host.slice("unix:".length));
  const ip = normalIP(host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host);
  return ip === undefined ? undefined : ipPeerAddress(ip, port);
}

/** Lives as long as its configuration; those made at run time as long as one request. */
export class Upstream {
  /** As written: the block's name, or the host of a `proxy_pass`. */
  readonly name: string;
  /** Where it is defined or first named. */
  statement: Statement | undefined;
  /** Whether an `upstream` block defines it; else it stands for a host and port. */
  explicit = false;
  /** The port of an upstream without block. */
  port: number;
  /** The port is written in the `proxy_pass`; a block of that name is refused then. */
  readonly portWritten: boolean;
  readonly servers: UpstreamServer[] = [];
  method: Method = ROUND_ROBIN;
  /** The key of `hash`. */
  hashKey: Template | undefined = undefined;
  /** Where the counters of its peers are, when the workers share them: the block's `zone`. */
  zone: DeclaredZone | undefined = undefined;
  /** All peers, the backups too, in the order of the configuration. Empty until the load ends. */
  peers: readonly Peer[] = [];
  balancer: Balancer = roundRobin(PeerGroup.of([]));
  pool: ConnectionPool = NO_POOL;

  constructor(name: string, port: number, portWritten: boolean, statement: Statement | undefined) {
    this.name = name;
    this.port = port;
    this.portWritten = portWritten;
    this.statement = statement;
  }

  /** An upstream over addresses found at run time; with several of them, each may fail once in ten seconds. */
  static ofAddresses(name: string, addresses: readonly PeerAddress[]): Upstream {
    const upstream = new Upstream(name, 0, false, undefined);
    upstream.build(addresses.map((address) => new Peer(address, name, DEFAULT_PEER_OPTIONS)));
    return upstream;
  }

  /**
   * As `ofAddresses`, over what a resolver answered for `host`: any of the addresses comes first, so that requests
   * spread over them although each starts without memory (ngx_resolver_export).
   */
  static ofResolved(host: string, ips: readonly string[], port: number): Upstream {
    const start = Math.floor(Math.random() * ips.length);
    const turned = ips.map((_, i) => ipPeerAddress(ips[(start + i) % ips.length]!, port));
    return Upstream.ofAddresses(host, turned);
  }

  /** Makes the peers and the balancer once all addresses are known. */
  complete(load: LoadContext): void {
    const peers = this.servers.flatMap(({ text, options, addresses }) =>
      addresses.map((address) => new Peer(address, text, options)),
    );
    if (!peers.some((peer) => !peer.backup)) {
      load.fail(this.statement, `no servers in upstream "${this.name}"`);
      return;
    }
    this.build(peers);
  }

  private build(peers: readonly Peer[]): void {
    this.peers = peers;
    const balancer = this.method.build(PeerGroup.of(peers));
    this.balancer = this.zone === undefined ? balancer : inZone(balancer, this.zone, this.name, peers);
  }

  /** What must be the same for the state of its peers to hold on: the block as written, or the host, and all addresses. */
  definition(): string {
    const text = this.explicit ? asWritten(this.statement) : [this.name, this.port];
    // The line that gives the zone its size may stand in another block.
    return JSON.stringify([
      text,
      this.zone?.name,
      this.zone?.bytes,
      this.peers.map(({ address, server }) => [address.text, server]),
    ]);
  }

  /**
   * Goes on where `before`, of the configuration that ran until now, leaves off: entirely, where it is defined the same
   * way; else what is known of each address that both have, and its idle connections.
   */
  continueFrom(before: Upstream): void {
    if (this.definition() === before.definition()) {
      this.peers = before.peers;
      this.balancer = before.balancer;
      this.pool = before.pool;
      return;
    }
    const heirs = new Map<Peer, Peer>();
    for (const old of before.peers) {
      const heir = this.peers.find((peer) => peer.address.text === old.address.text && peer.server === old.server);
      if (heir === undefined) continue;
      heirs.set(old, heir);
      // With a zone the shared counters hold.
      if (this.zone === undefined) heir.continueFrom(old);
    }
    before.pool.retire(this.pool, heirs);
  }

  /** Starts keeping idle connections as the block's `keepalive` directives say. */
  keepIdle(settings: KeepaliveSettings): void {
    this.pool = settings.size === 0 ? NO_POOL : new ConnectionPool(settings);
  }
}

function asWritten(statement: Statement | undefined): unknown {
  return statement === undefined ? [] : [statement.name, statement.args, statement.block?.map(asWritten)];
}
