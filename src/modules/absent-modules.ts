/** Modules of nginx that are not here: their directives are good where they only say that the module is not wanted. */
import { choice, flag, text } from "../config/arguments.ts";
import {
  type AcceptedRow,
  type ArgumentType,
  acceptedRow,
  ConfigFault,
  type DirectiveSite,
  HTTP_SERVER_LOCATION,
  LOCATION_IF,
  Module,
} from "../config/directive.ts";
import { bufs } from "../config/list-arguments.ts";
import { nginxModuleOf } from "../config/unsupported.ts";

const WITH_IF = HTTP_SERVER_LOCATION | LOCATION_IF;

/** Checked as nginx does; good for `off` only. */
function off(name: string, where: number, check: ArgumentType<boolean | string | undefined>): AcceptedRow {
  const parse = (args: readonly string[], site: DirectiveSite): boolean | string | ConfigFault | undefined => {
    const value = check.parse(args, site);
    if (value instanceof ConfigFault || value === false || value === "off") return value;
    return new ConfigFault(`directive "${name}" of nginx's ${nginxModuleOf(name)} is not supported by hopway`);
  };
  return acceptedRow(name, where, { ...check, parse }, "it is off in any case", "Only off is known here.");
}

/** Says how something is to be done that is never done. */
function unused(name: string, where: number, check: ArgumentType<unknown>): AcceptedRow {
  return acceptedRow(name, where, check, "what it tunes is off in any case", "Tunes what is not known here.");
}

const FLAG = flag(undefined);
const TEXT = text(undefined);

export const absentModules: Module = new Module({
  name: "absent",
  directives: [
    off("autoindex", HTTP_SERVER_LOCATION, FLAG),
    unused("autoindex_exact_size", HTTP_SERVER_LOCATION, FLAG),
    unused("autoindex_format", HTTP_SERVER_LOCATION, choice(["html", "json", "jsonp", "xml"], undefined)),
    unused("autoindex_localtime", HTTP_SERVER_LOCATION, FLAG),
    off("gunzip", HTTP_SERVER_LOCATION, FLAG),
    unused("gunzip_buffers", HTTP_SERVER_LOCATION, bufs(undefined)),
    off("mirror", HTTP_SERVER_LOCATION, TEXT),
    unused("mirror_request_body", HTTP_SERVER_LOCATION, FLAG),
    off("ssi", WITH_IF, FLAG),
    unused("ssi_silent_errors", HTTP_SERVER_LOCATION, FLAG),
    off("userid", HTTP_SERVER_LOCATION, choice(["off", "log", "v1", "on"], undefined)),
  ],
  create: () => ({}),
});
