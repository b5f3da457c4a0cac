/** Names in a configuration become addresses while it is loaded; workers get what the master was told. */
import { lookup } from "node:dns/promises";
import type { HostLookup } from "../config/load-context.ts";

/** Addresses by name, as one load was told. */
export type HostAnswers = Readonly<Record<string, readonly string[]>>;

/** Asks the system (getaddrinfo), IPv4 addresses first as ngx_inet_resolve_host. */
export const systemHosts: HostLookup = {
  async lookup(host) {
    try {
      const found = await lookup(host, { all: true, order: "ipv4first" });
      return [...new Set(found.map(({ address }) => address))];
    } catch {
      return [];
    }
  },
};

/** A look-up that remembers its answers. */
export interface RecordingHosts extends HostLookup {
  answers(): HostAnswers;
}

export function recordingHosts(hosts: HostLookup): RecordingHosts {
  const known = new Map<string, Promise<readonly string[]>>();
  const answers = new Map<string, readonly string[]>();
  return {
    lookup(host) {
      const asked = known.get(host);
      if (asked !== undefined) return asked;
      const answer = hosts.lookup(host).then((addresses) => {
        answers.set(host, addresses);
        return addresses;
      });
      known.set(host, answer);
      return answer;
    },
    answers: () => Object.fromEntries(answers),
  };
}

/** Answers as recorded: a worker that replaces another must not fail because a name server is away. */
export function replayHosts(answers: HostAnswers): HostLookup {
  const known = new Map(Object.entries(answers));
  return { lookup: async (host) => known.get(host) ?? [] };
}
