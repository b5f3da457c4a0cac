/** A request that comes back to where it was passed on. */
import type { Statement } from "../../config/syntax.ts";
import { levelName, ownLines } from "../../explain/level.ts";
import type { Examination } from "../examination.ts";
import { passUrl } from "../find-places.ts";
import type { Rule, Symptom } from "../finding.ts";
import { listensOf } from "../listens.ts";
import type { ProxyPlace } from "../proxy-place.ts";

/** Longer ways round than any configuration has. */
const MAX_HOPS = 8;

const OWN_ADDRESS = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|0\.0\.0\.0)$/i;

interface Destination {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/** Where a place connects to, as written; with an upstream, all its servers. */
function destinations({ url, upstream }: ProxyPlace): Destination[] {
  const usual = url.tls ? 443 : 80;
  if (url.hasVariables) return [];
  if (upstream === undefined) return [{ host: url.host, port: url.port ?? usual, tls: url.tls }];
  return ownLines(upstream, "server").map(({ args }) => {
    const { host, port } = passUrl(`http://${args[0] ?? ""}`);
    return { host, port: port ?? 80, tls: url.tls };
  });
}

/** The addresses that the configuration itself listens on. */
class OwnAddresses {
  private readonly ports = new Set<number>();
  private readonly addresses = new Set<string>();

  constructor({ servers }: Examination) {
    for (const server of servers) {
      for (const { host, port } of listensOf(server)) {
        if (port !== 0) this.ports.add(port);
        this.addresses.add(port === 0 ? host : `${host}:${port}`);
      }
    }
  }

  holds({ host, port }: Destination): boolean {
    if (host.startsWith("unix:")) return this.addresses.has(host);
    if (OWN_ADDRESS.test(host)) return this.ports.has(port);
    return host !== "" && this.addresses.has(`${host}:${port}`);
  }
}

/** The places that a request goes through, from the one after `place`; true where it comes back. */
function comesBack(examination: Examination, own: OwnAddresses, start: ProxyPlace): boolean {
  const { simulation, places } = examination;
  const seen = new Set<Statement>([start.pass]);
  let place: ProxyPlace = start;
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const head = place.plain ?? place.handshake;
    const back = destinations(place).find((destination) => own.holds(destination));
    if (head === undefined || back === undefined || back.host.startsWith("unix:")) return false;
    const host = head.field("host");
    const trace = simulation?.run({
      method: "GET",
      target: head.uri,
      headers: [["Host", host === "" ? "localhost" : host]],
      clientAddress: "127.0.0.1",
      port: back.port,
      address: undefined,
      tls: back.tls,
    });
    const { outcome } = trace ?? {};
    if (outcome?.kind !== "proxied" || outcome.statement === undefined) return false;
    if (outcome.statement === start.pass) return true;
    if (seen.has(outcome.statement)) return false;
    seen.add(outcome.statement);
    const next = places.find(({ pass }) => pass === outcome.statement);
    if (next === undefined) return false;
    place = next;
  }
  return false;
}

export const proxyLoop: Rule = {
  id: "proxy-loop",
  title: "`proxy_pass` leads back to the location that it stands in",
  find(examination) {
    const own = new OwnAddresses(examination);
    return examination.places.flatMap((place): Symptom[] => {
      if (!comesBack(examination, own, place)) return [];
      return [
        {
          severity: "error",
          at: place.pass,
          message: `${levelName(place.location)} passes requests to ${place.url.text}, from where they come back to it.`,
          consequence:
            "One request opens connections until none are left: 500, 502 or 504 after a while, for all other clients too, and " +
            '"worker_connections are not enough" in the error log.',
          remedy: "Name the port on which the application listens, not the proxy's own.",
          edits: [],
          example: ["proxy_pass http://127.0.0.1:3000;"],
        },
      ];
    });
  },
};
