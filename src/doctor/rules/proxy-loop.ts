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

/** Whether a destination is an address that the configuration itself listens on. */
function isSelf({ servers }: Examination, { host, port }: Destination): boolean {
  return servers.some((server) =>
    listensOf(server).some((listen) => {
      if (listen.port === 0) return listen.host === host;
      return listen.port === port && (OWN_ADDRESS.test(host) || (listen.host !== "" && listen.host === host));
    }),
  );
}

/** The places that a request goes through, from the one after `place`; true where it comes back. */
function comesBack(examination: Examination, start: ProxyPlace): boolean {
  const { simulation, places } = examination;
  const seen = new Set<Statement>([start.pass]);
  let place: ProxyPlace = start;
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const head = place.plain ?? place.handshake;
    const own = destinations(place).find((destination) => isSelf(examination, destination));
    if (head === undefined || own === undefined || own.port === 0) return false;
    const host = head.field("host");
    const trace = simulation?.run({
      method: "GET",
      target: head.uri,
      headers: [["Host", host === "" ? "localhost" : host]],
      clientAddress: "127.0.0.1",
      port: own.port,
      address: undefined,
      tls: own.tls,
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
    return examination.places.flatMap((place): Symptom[] => {
      if (!comesBack(examination, place)) return [];
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
