/** `auth_basic`: users and passwords of a file (RFC 7617; ngx_http_auth_basic_module.c). */
import {
  type ConfigFault,
  type DirectiveSite,
  exactly,
  HTTP_SERVER_LOCATION,
  LIMIT_EXCEPT,
  Module,
} from "../config/directive.ts";
import { failed } from "../http/finalize.ts";
import { oneLineValue } from "../http/line-breaks.ts";
import { resume } from "../http/phases.ts";
import { phaseHandlers } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import { AGAIN, DECLINED, OK } from "../http/verdict.ts";
import { CRIT, ERR, INFO } from "../net/error-log.ts";
import { ENOENT } from "../net/file.ts";
import { numberedError } from "../net/libc.ts";
import { type PasswordVerdict, verifyPassword } from "../net/password.ts";
import { compileTemplate, type Template, template } from "../template/template.ts";
import { basicCredentials } from "./basic-credentials.ts";
import { findPassword } from "./password-file.ts";

interface AuthBasicSettings {
  /** Shown to users; `off` where no password is asked for. */
  realm: Template | undefined;
  userFile: Template | undefined;
}

const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
const INTERNAL_ERROR = 500;

/** Relative to the folder of the main configuration file, where it does not begin with a variable. */
function parseUserFile([written = ""]: readonly string[], site: DirectiveSite): Template | ConfigFault {
  const { load } = site;
  if (!written.startsWith("$")) return compileTemplate(load.confPath(written), site);
  const compiled = compileTemplate(written, site);
  if (!("evaluate" in compiled)) return compiled;
  return { source: written, constant: undefined, evaluate: (r) => load.confPath(compiled.evaluate(r)) };
}

function challenge(r: Request, realm: string): number {
  r.out.list.set("WWW-Authenticate", `Basic realm="${oneLineValue(realm)}"`);
  return UNAUTHORIZED;
}

function authBasicHandler(r: Request): number {
  const { realm, userFile } = authBasic.of(r.location);
  if (realm === undefined || userFile === undefined) return DECLINED;
  const realmText = realm.evaluate(r);
  return realmText === "off" ? DECLINED : admit(r, realmText, userFile);
}

/** Apart from the handler, which runs for every request: the closures below would cost each of them an environment. */
function admit(r: Request, realmText: string, userFile: Template): number {
  const authorization = r.headers.get("authorization");
  const credentials = authorization === undefined ? undefined : basicCredentials(authorization);
  if (credentials === undefined) {
    r.log(INFO, "no user/password was provided for basic authentication");
    return challenge(r, realmText);
  }
  const { user, password } = credentials;
  const path = userFile.evaluate(r);
  const stored = findPassword(path, user);
  if (stored === undefined) {
    r.log(ERR, `user "${user}" was not found in "${path}"`);
    return challenge(r, realmText);
  }
  if (typeof stored !== "string") {
    const { call, errno } = stored;
    const missing = call === "open" && errno === ENOENT;
    r.log(missing ? ERR : CRIT, `${call}() "${path}" failed (${numberedError(errno)})`);
    return missing ? FORBIDDEN : INTERNAL_ERROR;
  }
  const settle = (verdict: PasswordVerdict): number => {
    if (verdict === true) return OK;
    if (verdict === "unknown") {
      r.log(CRIT, "crypt_r() failed");
      return INTERNAL_ERROR;
    }
    r.log(ERR, `user "${user}": password mismatch`);
    return challenge(r, realmText);
  };
  const verdict = verifyPassword(password, stored);
  if (typeof verdict === "boolean" || verdict === "unknown") return settle(verdict);
  verdict
    .then((answer) => {
      if (!r.finished && r.connection.open) resume(r, settle(answer));
    })
    .catch((error: unknown) => failed(r, error));
  return AGAIN;
}

const PLACES = HTTP_SERVER_LOCATION | LIMIT_EXCEPT;

/** `auth_basic` and `auth_basic_user_file`. */
export const authBasic: Module<AuthBasicSettings> = new Module<AuthBasicSettings>({
  name: "http_auth_basic",
  directives: [
    {
      name: "auth_basic",
      in: PLACES,
      arg: template(undefined),
      set: "realm",
      doc: "Asks for a user name and password, of which the browser tells its user this; off asks for none.",
    },
    {
      name: "auth_basic_user_file",
      in: PLACES,
      arg: { arity: exactly(1), fallback: undefined, parse: parseUserFile },
      set: "userFile",
      doc: "File with the users and their passwords, as htpasswd writes it.",
    },
  ],
  create: () => ({ realm: undefined, userFile: undefined }),
  register: (load) => {
    phaseHandlers(load).access.push(authBasicHandler);
  },
});
