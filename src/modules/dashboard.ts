/** `hopway_dashboard`: a page that shows what happens now, and the WebSocket that it listens to. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { type DirectiveSite, exactly, LOCATION, Module, type Scope, SERVER } from "../config/directive.ts";
import { enclosing } from "../config/enclosing-level.ts";
import type { LoadContext } from "../config/load-context.ts";
import { locationOf } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import { discardBody } from "../http/request-body.ts";
import { respond } from "../http/response-output.ts";
import type { Handler } from "../http/settings.ts";
import { OK } from "../http/verdict.ts";
import { watching } from "../metrics/watching.ts";
import { ERR } from "../net/error-log.ts";
import { asksForWebSocket, isHandshake } from "../websocket/handshake.ts";
import { writableApis } from "./api.ts";
import { openFeed } from "./dashboard-feed.ts";
import { noteExposure } from "./exposure.ts";
import { fromSameOrigin } from "./same-origin.ts";

const BAD_REQUEST = 400;
const FORBIDDEN = 403;
const METHOD_NOT_ALLOWED = 405;

function asset(name: string): string {
  return readFileSync(new URL(`dashboard/${name}`, import.meta.url), "latin1");
}

function hash(text: string): string {
  return `'sha256-${createHash("sha256").update(text, "latin1").digest("base64")}'`;
}

interface Page {
  readonly html: string;
  /** Only what is in the page runs, and it talks to this server only. */
  readonly policy: string;
}

/** One file with all that belongs to it. Read when the process starts, while it may. */
const page = ((): Page => {
  const style = asset("page.css");
  const script = asset("page.js");
  const html = asset("page.html")
    .replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${style}</style>`)
    .replace(/<script [^>]*><\/script>/, () => `<script type="module">${script}</script>`);
  const policy = [
    "default-src 'none'",
    `style-src ${hash(style)}`,
    `script-src ${hash(script)}`,
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return { html, policy };
})();

function sendPage(r: Request): number {
  if (r.method !== "GET" && r.method !== "HEAD") return METHOD_NOT_ALLOWED;
  const refused = discardBody(r);
  if (refused !== OK) return refused;
  const { list } = r.out;
  list.add("Cache-Control", "no-store");
  list.add("Content-Security-Policy", page.policy);
  list.add("X-Content-Type-Options", "nosniff");
  list.add("Referrer-Policy", "no-referrer");
  r.out.typeHoldsCharset = true;
  return respond(r, 200, "text/html; charset=utf-8", page.html);
}

function dashboardHandler(load: LoadContext, server: Scope | undefined): Handler {
  return (r) => {
    if (!asksForWebSocket(r)) return sendPage(r);
    if (!isHandshake(r)) return BAD_REQUEST;
    if (!fromSameOrigin(r)) {
      r.log(ERR, "the page's WebSocket was asked for by another site");
      return FORBIDDEN;
    }
    return openFeed(r, load, server === undefined ? undefined : writableApis(load).get(server));
  };
}

function apply(_own: object, site: DirectiveSite): undefined {
  const { scope, load } = site;
  const seen = watching(load);
  seen.wanted = true;
  seen.lists = true;
  seen.history = true;
  noteExposure(site);
  locationOf(scope).handler = dashboardHandler(load, enclosing(scope, SERVER));
}

export const dashboardModule: Module = new Module({
  name: "hopway_dashboard",
  directives: [
    {
      name: "hopway_dashboard",
      in: LOCATION,
      arity: exactly(0),
      doc: "Answers with a page that shows tunnels, handshakes, messages and peers as they are now.",
      apply,
    },
  ],
  create: () => ({}),
});
