/** The variables of nginx's http core (ngx_http_variables.c). */
import { randomFillSync } from "node:crypto";
import { Module } from "../config/directive.ts";
import { keepFirst } from "../template/cached-variable.ts";
import { variables } from "../template/variables.ts";
import { connectionPrefixes, connectionVariables } from "./variables-connection.ts";
import { fieldPrefixes, requestFieldVariables, sentFieldVariables } from "./variables-headers.ts";
import { requestVariables } from "./variables-request.ts";
import { requestCompletion, responseVariables } from "./variables-response.ts";
import { timeVariables } from "./variables-time.ts";

const ID_BYTES = 16;

// Random bytes are fetched for many requests at once: one system call each would cost more than the rest of the log line.
const pool = Buffer.alloc(256 * ID_BYTES);
let used = pool.length;

/** `$request_id`: 32 hexadecimal digits. */
function randomId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += ID_BYTES;
  return pool.toString("hex", used - ID_BYTES, used);
}

export const coreVariables: Module = new Module({
  name: "http_variables",
  directives: [],
  create: () => ({}),
  register(load) {
    const registry = variables(load);
    registry.provide(requestVariables);
    registry.provide(connectionVariables, connectionPrefixes);
    registry.provide(responseVariables);
    registry.provide(timeVariables);
    registry.provide([...requestFieldVariables, ...sentFieldVariables(registry)], fieldPrefixes(registry));
    registry.provide([requestCompletion(registry), { name: "request_id", get: keepFirst(registry, randomId) }]);
  },
});
