/** The arguments of `uwsgi_pass` and `scgi_pass`: addresses (ngx_http_uwsgi_pass, ngx_http_uwsgi_eval, ngx_http_scgi_pass). */
import { parseAddress } from "../net/address.ts";
import type { ProxyUrl, ProxyUrlFault } from "./proxy-url.ts";

const UWSGI = "uwsgi://";
const SECURE_UWSGI = "suwsgi://";

/** An address with or without `uwsgi://`. Faults are worded as for the configuration. */
export function parseUwsgiUrl(text: string): ProxyUrl | ProxyUrlFault {
  const lower = text.toLowerCase();
  if (lower.startsWith(SECURE_UWSGI)) return { fault: `"uwsgi_pass" to ${SECURE_UWSGI} is not supported by hopway` };
  return parsePlain("uwsgi", text, lower.startsWith(UWSGI) ? text.slice(UWSGI.length) : text);
}

/** An address: SCGI has no scheme of its own. Faults are worded as for the configuration. */
export function parseScgiUrl(text: string): ProxyUrl | ProxyUrlFault {
  return parsePlain("scgi", text, text);
}

function parsePlain(scheme: string, text: string, address: string): ProxyUrl | ProxyUrlFault {
  const parsed = parseAddress(address, { listen: false, uriPart: false, defaultPort: 0 });
  if ("fault" in parsed) return { fault: `${parsed.fault} in upstream "${address}"` };
  return {
    text,
    scheme,
    tls: false,
    host: parsed.address?.family === "unix" ? `unix:${parsed.host}` : parsed.host,
    port: parsed.port,
    portWritten: !parsed.noPort,
    hostHeader: "",
    portText: "",
    uri: "",
  };
}
