/** `uwsgi_pass` and its directives (ngx_http_uwsgi_module.c). Those of every upstream are in upstream-rows.ts. */
import { numberBetween, text } from "../config/arguments.ts";
import { type Directive, HTTP_SERVER_LOCATION, type Module } from "../config/directive.ts";
import { type CgiSettings, cgiModule } from "./cgi-module.ts";
import { parseUwsgiUrl } from "./pass-url.ts";
import { HIDDEN_ALWAYS } from "./response-header-rules.ts";
import { UwsgiProtocol, type UwsgiSettings } from "./uwsgi-protocol.ts";

/** The settings of one level. */
interface UwsgiLevel extends CgiSettings, UwsgiSettings {}

const rows: readonly Directive<UwsgiLevel>[] = [
  {
    name: "uwsgi_modifier1",
    in: HTTP_SERVER_LOCATION,
    arg: numberBetween(0, 255, 0),
    set: "modifier1",
    doc: "First modifier of the packet: what kind of application is asked.",
  },
  {
    name: "uwsgi_modifier2",
    in: HTTP_SERVER_LOCATION,
    arg: numberBetween(0, 255, 0),
    set: "modifier2",
    doc: "Second modifier of the packet.",
  },
  {
    name: "uwsgi_string",
    in: HTTP_SERVER_LOCATION,
    arg: text(""),
    set: "trailer",
    doc: "Bytes behind the parameters of the packet.",
  },
];

export const uwsgiModule: Module<UwsgiLevel> = cgiModule<UwsgiLevel>({
  prefix: "uwsgi",
  parseUrl: parseUwsgiUrl,
  hidden: HIDDEN_ALWAYS,
  rows,
  create: (common) => common as UwsgiLevel,
  compile: (settings, params, passHeaders) => UwsgiProtocol.compile(settings, params, passHeaders),
});
