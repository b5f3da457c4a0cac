/** Status lines with the texts of nginx's table, which differ from the RFC's here and there. */

const texts: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  206: "Partial Content",
  301: "Moved Permanently",
  302: "Moved Temporarily",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Not Allowed",
  406: "Not Acceptable",
  408: "Request Time-out",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Request Entity Too Large",
  414: "Request-URI Too Large",
  415: "Unsupported Media Type",
  416: "Requested Range Not Satisfiable",
  421: "Misdirected Request",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Temporarily Unavailable",
  504: "Gateway Time-out",
  505: "HTTP Version Not Supported",
  507: "Insufficient Storage",
};

const lines = new Map<number, string>();
for (const [status, text] of Object.entries(texts)) lines.set(Number(status), `${status} ${text}`);

/** `200 OK`; for a status without a text three digits and a space, as nginx sends it. */
export function statusLine(status: number): string {
  return lines.get(status) ?? `${String(status).padStart(3, "0")} `;
}

/** The last lines made of an upstream's own reasons, by status: they rarely differ from the ones before. */
const ownReasons = new Map<number, { readonly reason: string; readonly line: string }>();

/** Status and reason as an upstream sent them: `200 OK`; the number alone where it gave no reason. */
export function ownStatusLine(status: number, reason: string): string {
  const known = ownReasons.get(status);
  if (known !== undefined && known.reason === reason) return known.line;
  const line = reason === "" ? String(status) : `${status} ${reason}`;
  ownReasons.set(status, { reason, line });
  return line;
}
