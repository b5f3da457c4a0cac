/** Host names in configurations, asked of the system at load time: /etc/hosts and the resolver's servers. */
import { lookup } from "node:dns/promises";
import type { HostLookup } from "./load-context.ts";

/** getaddrinfo(3), IPv4 addresses first as nginx orders them (ngx_inet_resolve_host). No answer of any kind is no address. */
export const systemHosts: HostLookup = {
  async lookup(host) {
    try {
      const found = await lookup(host, { all: true, verbatim: true });
      const family = (wanted: number): string[] =>
        found.filter((entry) => entry.family === wanted).map(({ address }) => address);
      return [...new Set([...family(4), ...family(6)])];
    } catch {
      // Whatever the reason, there is no address.
      return [];
    }
  },
};
