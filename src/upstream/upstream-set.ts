/** The upstreams of one configuration, by name (ngx_http_upstream_add). */
import type { DirectiveSite } from "../config/directive.ts";
import { type LoadContext, perLoad } from "../config/load-context.ts";
import { DEFAULT_PEER_OPTIONS } from "./peer.ts";
import { ipPeerAddress, literalAddress, Upstream } from "./upstream.ts";

/** Collects upstreams while directives are read, and completes them afterwards. */
export class UpstreamSet {
  /** In the order in which they were named. */
  private readonly all: Upstream[] = [];
  private readonly byName = new Map<string, Upstream[]>();

  /**
   * The upstream of an `upstream NAME` block; a `proxy_pass` above it may have named it already. Undefined after a
   * fault, which is reported: nginx names the line of the other mention where a port makes them differ.
   */
  define(name: string, site: DirectiveSite): Upstream | undefined {
    const { load, statement } = site;
    for (const known of this.named(name)) {
      if (known.explicit) {
        load.fail(statement, `duplicate upstream "${name}"`);
        return undefined;
      }
      if (known.portWritten) {
        load.fail(known.statement, `upstream "${name}" may not have port ${known.port}`);
        return undefined;
      }
      known.explicit = true;
      known.port = 0;
      known.statement = statement;
      return known;
    }
    const upstream = this.add(new Upstream(name, 0, false, statement));
    upstream.explicit = true;
    return upstream;
  }

  /**
   * The upstream that a URL made of variables means by a host, in any case of letters, and a port: the block of that
   * name where no port is written, or what another `proxy_pass` names as it stands there (ngx_http_upstream_init_request).
   */
  find(host: string, port: number, portWritten: boolean): Upstream | undefined {
    return this.named(host).find((known) => (known.explicit ? !portWritten : known.port === port));
  }

  /**
   * The upstream that a `proxy_pass` means by a host and port: the block of that name, above or below, else the host's
   * addresses. Its peers are there when the load has ended. `host` is a name, an IP literal (IPv6 in brackets) or
   * `unix:` and a path; `portWritten` tells a written port from the scheme's default one, which is 0 where the scheme
   * has none. A host that is not found, a port on a block's name and a port that is missing are reported at `site`.
   */
  implicit(host: string, port: number, site: DirectiveSite, portWritten = false): Upstream {
    for (const known of this.named(host)) {
      if (known.explicit && portWritten) {
        site.load.fail(site.statement, `upstream "${host}" may not have port ${port}`);
      }
      if (known.explicit || known.port === port || known.port === 0 || port === 0) return known;
    }
    return this.add(new Upstream(host, port, portWritten, site.statement));
  }

  /** Looks up the hosts of upstreams without a block, and completes them all. Runs when all directives are read. */
  complete(load: LoadContext): void {
    const waiting: (() => Promise<void>)[] = [];
    for (const upstream of this.all) {
      if (upstream.explicit) {
        upstream.complete(load);
        continue;
      }
      const { name, port } = upstream;
      if (port === 0 && !/^unix:/i.test(name)) {
        load.fail(upstream.statement, `no port in upstream "${name}"`);
        continue;
      }
      const literal = literalAddress(name, port);
      const server = { text: name, options: DEFAULT_PEER_OPTIONS, addresses: literal === undefined ? [] : [literal] };
      upstream.servers.push(server);
      if (literal !== undefined) {
        upstream.complete(load);
        continue;
      }
      const lookup = load.hosts.lookup(name);
      waiting.push(async () => {
        const ips = await lookup;
        server.addresses = ips.map((ip) => ipPeerAddress(ip, port));
        if (ips.length > 0) upstream.complete(load);
        else load.fail(upstream.statement, `host not found in upstream "${name}"`);
      });
    }
    // One after the other, so that errors come in the order of the configuration.
    const all = async (): Promise<void> => {
      for (const one of waiting) await one();
    };
    load.pending.push(all());
  }

  /** In the order in which they were named: for the status page and for closing their pools. */
  [Symbol.iterator](): Iterator<Upstream> {
    return this.all[Symbol.iterator]();
  }

  /** Goes on where the upstreams of the configuration before leave off; those that are gone close their idle connections. */
  continueFrom(before: UpstreamSet): void {
    const gone = new Map([...before].map((upstream) => [identity(upstream), upstream]));
    for (const upstream of this.all) {
      const old = gone.get(identity(upstream));
      if (old === undefined) continue;
      gone.delete(identity(upstream));
      upstream.continueFrom(old);
    }
    for (const upstream of gone.values()) upstream.pool.retire(undefined, new Map());
  }

  private named(name: string): readonly Upstream[] {
    return this.byName.get(name.toLowerCase()) ?? [];
  }

  private add(upstream: Upstream): Upstream {
    const key = upstream.name.toLowerCase();
    this.byName.set(key, [...this.named(key), upstream]);
    this.all.push(upstream);
    return upstream;
  }
}

function identity({ explicit, name, port }: Upstream): string {
  return explicit ? name.toLowerCase() : `${name.toLowerCase()}:${port}`;
}

/** The upstreams of a load. */
export const upstreams = perLoad(() => new UpstreamSet());
