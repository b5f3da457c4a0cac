/**
 * Statements that are wrong, odd or just right, each alone in a configuration: nginx -t and hopway's loader must say the
 * same, word for word: warnings, the first error and its place. Exceptions stand in config/deliberate.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { findNginx } from "../harness/gateway.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { CONTEXTS } from "./config/contexts.ts";
import { deliberateReason } from "./config/deliberate.ts";
import { RESPONSE_LINES } from "./config/gzip-and-headers.ts";
import { LISTEN_LINES } from "./config/listen.ts";
import { LOCATIONS_LINES } from "./config/locations.ts";
import { LOGS_LINES } from "./config/logs.ts";
import { AUTH } from "./config/named-auth.ts";
import { CGI } from "./config/named-cgi.ts";
import { LIMITS } from "./config/named-limits.ts";
import { PLACES } from "./config/named-places.ts";
import { PROXYING } from "./config/named-proxying.ts";
import { SERVERS } from "./config/named-servers.ts";
import { VARIABLES } from "./config/named-variables.ts";
import { WARNINGS } from "./config/named-warnings.ts";
import { comparable, Trial } from "./config/outcome.ts";
import { PROCESS_LINES } from "./config/process.ts";
import { PROXY_LINES } from "./config/proxy.ts";
import { REWRITE_LINES } from "./config/rewrite.ts";
import { SERVER_LINES } from "./config/server.ts";
import { UPSTREAMS_LINES } from "./config/upstreams.ts";
import { VARIABLES_LINES } from "./config/variables.ts";

const SUBJECTS = {
  process: PROCESS_LINES,
  listen: LISTEN_LINES,
  locations: LOCATIONS_LINES,
  rewrite: REWRITE_LINES,
  variables: VARIABLES_LINES,
  responses: RESPONSE_LINES,
  logs: LOGS_LINES,
  proxy: PROXY_LINES,
  upstreams: UPSTREAMS_LINES,
  "the rest": SERVER_LINES,
};

/** Configurations of several statements, and older tables. */
const NAMED = {
  places: PLACES,
  servers: SERVERS,
  proxying: PROXYING,
  "maps and rewriting": VARIABLES,
  limits: LIMITS,
  "passwords and questions": AUTH,
  cgi: CGI,
  warnings: WARNINGS,
};

const installed = findNginx() !== undefined;
if (!installed) console.warn("nginx is not installed: the comparison of configuration errors is skipped");

let folder = "";
let trial: Trial;
beforeAll(() => {
  folder = makeTempDir();
  trial = new Trial(folder);
});
afterAll(() => removeTempDir(folder));

for (const [subject, groups] of Object.entries(SUBJECTS)) {
  describe.skipIf(!installed)(`what is said to ${subject}`, () => {
    for (const { context, lines } of groups) {
      for (const line of lines) {
        if (deliberateReason(line) !== undefined) continue;
        test(`${context}: ${line.replaceAll("\n", " ")}`, async () => {
          trial.write(CONTEXTS[context](line));
          const theirs = trial.nginxSays();
          expect(comparable(await trial.hopwaySays(), theirs)).toEqual(theirs);
        });
      }
    }
  });
}

for (const [subject, cases] of Object.entries(NAMED)) {
  describe.skipIf(!installed)(`what is said to ${subject}`, () => {
    for (const { name, text, files } of cases) {
      test(name, async () => {
        trial.write(text, files);
        const theirs = trial.nginxSays();
        expect(comparable(await trial.hopwaySays(), theirs)).toEqual(theirs);
      });
    }
  });
}
