/** The argument of `uwsgi_pass` and `scgi_pass`: an address with or without a scheme (ngx_http_uwsgi_pass, ngx_http_uwsgi_eval). */
import { parseAddress } from "../net/address.ts";
import type { ProxyUrl, ProxyUrlFault } from "./proxy-url.ts";

/** Splits such a URL of a scheme (`uwsgi`). Faults are worded as for the configuration. */
export function parsePassUrl(scheme: string, text: string): ProxyUrl | ProxyUrlFault {
  const start = `${scheme}://`;
  const secure = `s${start}`;
  const lower = text.toLowerCase();
  if (scheme === "uwsgi" && lower.startsWith(secure)) {
    return { fault: `"${scheme}_pass" to ${secure} is not supported by hopway` };
  }
  const rest = lower.startsWith(start) ? text.slice(start.length) : text;
  const parsed = parseAddress(rest, { listen: false, uriPart: false, defaultPort: 0 });
  if ("fault" in parsed) return { fault: `${parsed.fault} in upstream "${rest}"` };
  const unix = parsed.address?.family === "unix";
  return {
    text,
    scheme,
    tls: false,
    host: unix ? `unix:${parsed.host}` : parsed.host,
    port: parsed.port,
    portWritten: !parsed.noPort,
    hostHeader: "",
    portText: "",
    uri: "",
  };
}
