/** `hopway_metrics`: all numbers for Prometheus, summed over the workers. */
import { type DirectiveSite, exactly, LOCATION, Module } from "../config/directive.ts";
import type { LoadContext } from "../config/load-context.ts";
import { locationOf } from "../http/registry.ts";
import { discardBody } from "../http/request-body.ts";
import { respond } from "../http/response-output.ts";
import type { Handler } from "../http/settings.ts";
import { OK } from "../http/verdict.ts";
import { CONTENT_TYPES, Exposition, formatFor } from "../metrics/exposition.ts";
import { watching } from "../metrics/watching.ts";
import { noteExposure } from "./exposure.ts";
import { connectionFamilies, requestFamilies, tunnelFamilies, webSocketFamilies } from "./metrics-families.ts";
import { processFamilies, spanFamilies, zoneFamilies } from "./metrics-process-families.ts";
import { Reading } from "./metrics-reading.ts";
import { upstreamFamilies } from "./metrics-upstream-families.ts";

const METHOD_NOT_ALLOWED = 405;
const UNAVAILABLE = 503;

const FAMILIES = [
  connectionFamilies,
  requestFamilies,
  tunnelFamilies,
  webSocketFamilies,
  upstreamFamilies,
  zoneFamilies,
  processFamilies,
  spanFamilies,
] as const;

function metricsHandler(load: LoadContext): Handler {
  return (r) => {
    if (r.method !== "GET" && r.method !== "HEAD") return METHOD_NOT_ALLOWED;
    const refused = discardBody(r);
    if (refused !== OK) return refused;
    const reading = Reading.take(load);
    if (reading === undefined) return UNAVAILABLE;
    const format = formatFor(r.headers.getJoined("accept", ","));
    const out = new Exposition(format);
    for (const family of FAMILIES) family(out, reading);
    r.out.typeHoldsCharset = true;
    return respond(r, 200, CONTENT_TYPES[format], out.end());
  };
}

function apply(_own: object, site: DirectiveSite): undefined {
  const { scope, load } = site;
  watching(load).wanted = true;
  noteExposure(site);
  locationOf(scope).handler = metricsHandler(load);
}

export const metricsModule: Module = new Module({
  name: "hopway_metrics",
  directives: [
    {
      name: "hopway_metrics",
      in: LOCATION,
      arity: exactly(0),
      doc: "Answers with the numbers of all workers, as Prometheus or OpenMetrics text.",
      apply,
    },
  ],
  create: () => ({}),
});
