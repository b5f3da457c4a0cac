/** nginx's built-in pages for redirects and errors, byte for byte except for the name in the footer. */

/** What the page says: its title (with the status), and where they differ the heading and a second line. */
interface Page {
  readonly title: string;
  readonly heading?: string;
  readonly detail?: string;
}

const pages = new Map<number, Page>();
for (const title of [
  "301 Moved Permanently",
  "302 Found",
  "303 See Other",
  "307 Temporary Redirect",
  "308 Permanent Redirect",
  "400 Bad Request",
  "401 Authorization Required",
  "402 Payment Required",
  "403 Forbidden",
  "404 Not Found",
  "405 Not Allowed",
  "406 Not Acceptable",
  "408 Request Time-out",
  "409 Conflict",
  "410 Gone",
  "411 Length Required",
  "412 Precondition Failed",
  "413 Request Entity Too Large",
  "414 Request-URI Too Large",
  "415 Unsupported Media Type",
  "416 Requested Range Not Satisfiable",
  "421 Misdirected Request",
  "429 Too Many Requests",
  "500 Internal Server Error",
  "501 Not Implemented",
  "502 Bad Gateway",
  "503 Service Temporarily Unavailable",
  "504 Gateway Time-out",
  "505 HTTP Version Not Supported",
  "507 Insufficient Storage",
]) {
  pages.set(Number(title.substring(0, 3)), { title });
}
const badRequest = "400 Bad Request";
pages.set(494, {
  title: "400 Request Header Or Cookie Too Large",
  heading: badRequest,
  detail: "Request Header Or Cookie Too Large",
});
pages.set(495, {
  title: "400 The SSL certificate error",
  heading: badRequest,
  detail: "The SSL certificate error",
});
pages.set(496, {
  title: "400 No required SSL certificate was sent",
  heading: badRequest,
  detail: "No required SSL certificate was sent",
});
pages.set(497, {
  title: "400 The plain HTTP request was sent to HTTPS port",
  heading: badRequest,
  detail: "The plain HTTP request was sent to HTTPS port",
});
// nginx's table has the 404 page at 498.
pages.set(498, { title: "404 Not Found" });

const PADDING = "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n".repeat(6);

/**
 * The page for a status that has one, else undefined. `footer` is the server's name as `server_tokens` gives it;
 * `msiePadding` adds what `msie_padding` sends to old browsers, to pages of errors only. 494 to 497 are sent with
 * status 400.
 */
export function builtinErrorPage(status: number, footer: string, msiePadding: boolean): string | undefined {
  const page = pages.get(status);
  if (page === undefined) return undefined;
  const detail = page.detail === undefined ? "" : `<center>${page.detail}</center>\r\n`;
  return (
    `<html>\r\n<head><title>${page.title}</title></head>\r\n<body>\r\n` +
    `<center><h1>${page.heading ?? page.title}</h1></center>\r\n${detail}` +
    `<hr><center>${footer}</center>\r\n</body>\r\n</html>\r\n` +
    (msiePadding && status >= 400 ? PADDING : "")
  );
}
