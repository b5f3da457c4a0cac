/** The `return` directive (ngx_http_rewrite_return, ngx_http_send_response). */
import { ConfigFault, type DirectiveSite } from "../config/directive.ts";
import type { Request } from "../http/request.ts";
import { discardBody } from "../http/request-body.ts";
import { respond } from "../http/response-output.ts";
import { OK } from "../http/verdict.ts";
import { compileTemplate, type Template } from "../template/template.ts";
import { contentType } from "./content-type.ts";
import type { Step } from "./rewrite-program.ts";
import { isAbsoluteUrl } from "./rewrite-replacement.ts";

const MAX_STATUS = 999;

/** Compiles `return code;`, `return code text;`, `return code URL;` and `return URL;`. */
export function compileReturn(site: DirectiveSite): Step | ConfigFault {
  const [first = "", second] = site.statement.args;
  const status = /^[0-9]+$/.test(first) ? Number(first) : undefined;
  if (status === undefined) {
    if (second !== undefined || !isAbsoluteUrl(first)) return new ConfigFault(`invalid return code "${first}"`);
    const url = compileTemplate(first, site);
    return url instanceof ConfigFault ? url : redirect(302, url);
  }
  if (status > MAX_STATUS) return new ConfigFault(`invalid return code "${first}"`);
  const text = compileTemplate(second ?? "", site);
  if (text instanceof ConfigFault) return text;
  if (status >= 400 && text.constant === "") return () => status;
  if (status === 301 || status === 302 || status === 303 || status === 307 || status === 308)
    return redirect(status, text);
  return (r) => send(r, status, text);
}

function redirect(status: number, url: Template): Step {
  return (r) => {
    const refused = discardBody(r);
    if (refused !== OK) return refused;
    r.out.location = url.evaluate(r);
    return status;
  };
}

function send(r: Request, status: number, text: Template): number {
  // The text may name $status, and $content_length is that of a body that has been thrown away.
  r.out.status = status;
  const refused = discardBody(r);
  if (refused !== OK) return refused;
  const body = text.evaluate(r);
  return respond(r, status, r.out.contentType ?? contentType(r), body);
}
