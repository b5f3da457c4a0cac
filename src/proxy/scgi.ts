/** `scgi_pass` and its directives (ngx_http_scgi_module.c). Those of every upstream are in upstream-rows.ts. */
import type { Module } from "../config/directive.ts";
import { type CgiSettings, cgiModule } from "./cgi-module.ts";
import { parseScgiUrl } from "./pass-url.ts";
import { HIDDEN_ALWAYS } from "./response-header-rules.ts";
import { ScgiProtocol } from "./scgi-protocol.ts";

export const scgiModule: Module<CgiSettings> = cgiModule<CgiSettings>({
  prefix: "scgi",
  parseUrl: parseScgiUrl,
  hidden: ["Status", ...HIDDEN_ALWAYS],
  rows: [],
  create: (common) => common,
  compile: (_settings, params, passHeaders) => ScgiProtocol.compile(params, passHeaders),
});
