/** The `error_page` directive (ngx_http_core_error_page). */
import { ConfigFault, type DirectiveSite, invalidValue } from "../config/directive.ts";
import type { CoreSettings, ErrorPage } from "../http/settings.ts";
import { compileTemplate } from "../template/template.ts";

/** `error_page CODE... [=[CODE]] URI`. */
export function applyErrorPage(own: CoreSettings, site: DirectiveSite): ConfigFault | undefined {
  const args = [...site.statement.args];
  const uri = args.pop()!;
  let overwrite = -1;
  const last = args.at(-1);
  if (last?.startsWith("=")) {
    args.pop();
    if (args.length === 0) return invalidValue(last);
    overwrite = last === "=" ? 0 : statusNumber(last.slice(1));
    if (Number.isNaN(overwrite)) return invalidValue(last);
  }
  const statuses: number[] = [];
  for (const text of args) {
    const status = statusNumber(text);
    if (Number.isNaN(status) || status === 499) return invalidValue(text);
    if (status < 300 || status > 599) return new ConfigFault(`value "${text}" must be between 300 and 599`);
    statuses.push(status);
  }
  const compiled = compileTemplate(uri, site);
  if (compiled instanceof ConfigFault) return compiled;
  let target = compiled;
  let pageArgs: string | undefined;
  if (compiled.constant?.startsWith("/")) {
    const question = compiled.constant.indexOf("?");
    if (question >= 0) {
      const path = compiled.constant.slice(0, question);
      pageArgs = compiled.constant.slice(question + 1);
      target = { source: uri, constant: path, evaluate: () => path };
    }
  }
  const pages = statuses.map((status): ErrorPage => {
    const given = overwrite >= 0 ? overwrite : ownStatus(status);
    return { status, overwrite: given, target, args: pageArgs };
  });
  own.errorPages = [...(own.errorPages ?? []), ...pages];
  return undefined;
}

/** Statuses that nginx uses inside and never shows: they answer as 400 unless `=` says otherwise. */
function ownStatus(status: number): number {
  return status >= 494 && status <= 497 ? 400 : -1;
}

function statusNumber(text: string): number {
  return /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
}
