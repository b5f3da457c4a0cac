/** `stub_status`: connections of all workers (ngx_http_stub_status_module.c). */
import { between, type DirectiveSite, LOCATION, Module, SERVER } from "../config/directive.ts";
import { locationOf } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import { discardBody } from "../http/request-body.ts";
import { respond } from "../http/response-output.ts";
import { OK } from "../http/verdict.ts";
import { metricsMemory } from "../metrics/attached-metrics.ts";
import { ACCEPTED, ACTIVE, HANDLED, HANDSHAKING, READING, REQUESTS, WRITING } from "../metrics/cells.ts";
import { variables } from "../template/variables.ts";

const METHOD_NOT_ALLOWED = 405;

/** What all processes have counted in one place. */
function sumOf(cell: number): number {
  return metricsMemory()?.sumOf(cell) ?? 0;
}

/** Connections on which nothing is under way. Never less than 0, though the numbers are not of the same instant. */
function waiting(): number {
  return Math.max(0, sumOf(ACTIVE) - sumOf(READING) - sumOf(WRITING) - sumOf(HANDSHAKING));
}

function statusText(): string {
  return (
    `Active connections: ${sumOf(ACTIVE)} \n` +
    "server accepts handled requests\n" +
    ` ${sumOf(ACCEPTED)} ${sumOf(HANDLED)} ${sumOf(REQUESTS)} \n` +
    `Reading: ${sumOf(READING)} Writing: ${sumOf(WRITING)} Waiting: ${waiting()} \n`
  );
}

function statusHandler(r: Request): number {
  if (r.method !== "GET" && r.method !== "HEAD") return METHOD_NOT_ALLOWED;
  const refused = discardBody(r);
  return refused === OK ? respond(r, 200, "text/plain", statusText()) : refused;
}

function apply(_own: object, { scope }: DirectiveSite): undefined {
  locationOf(scope).handler = statusHandler;
}

export const stubStatus: Module = new Module({
  name: "http_stub_status",
  directives: [
    {
      name: "stub_status",
      in: SERVER | LOCATION,
      arity: between(0, 1),
      doc: "Answers with the numbers of connections and requests, of all workers together.",
      apply,
    },
  ],
  create: () => ({}),
  register(load) {
    const number = (name: string, read: () => number) => ({ name: `connections_${name}`, get: () => String(read()) });
    variables(load).provide([
      number("active", () => sumOf(ACTIVE)),
      number("reading", () => sumOf(READING)),
      number("writing", () => sumOf(WRITING)),
      number("waiting", waiting),
    ]);
  },
});
