/** Lists of content types: gzip_types, charset_types (ngx_http_types_slot, ngx_http_test_content_type). */
import type { DirectiveSite } from "../config/directive.ts";
import { asciiLowerCase } from "../http/header-list.ts";
import type { ResponseHead } from "../http/response.ts";

/** Types in lower case, or all of them, even none. */
export type TypeList = ReadonlySet<string> | "all";

/** `earlier` with the types of one more line. text/html is always among them; one that comes twice is warned about. */
export function addTypes(earlier: TypeList | undefined, site: DirectiveSite): TypeList {
  if (earlier === "all") return earlier;
  const list = new Set(earlier ?? ["text/html"]);
  for (const type of site.statement.args) {
    if (type === "*") return "all";
    const wanted = asciiLowerCase(type);
    if (list.has(wanted)) site.load.warn(site.statement, `duplicate MIME type "${wanted}"`);
    list.add(wanted);
  }
  return list;
}

/** Whether a response's type is on the list. */
export function listsType(list: TypeList, out: ResponseHead): boolean {
  if (list === "all") return true;
  const type = out.bareType;
  return type !== undefined && list.has(asciiLowerCase(type));
}
