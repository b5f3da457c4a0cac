/** The server of a request, by the host that its client named, and what TLS has against the request. */
import { INFO } from "../net/error-log.ts";
import type { Request } from "./request.ts";
import { certificateVerdict } from "./server-tls.ts";

/** What is going on, for the log. */
export const READING_HEADERS = "reading client request headers";

/**
 * Finds the server for the host that the client named; `complete`: there is no more to come that could name one. True
 * when a server that looks at client certificates was named another way than in the handshake.
 */
export function chooseServer(r: Request, host: string, complete: boolean): boolean {
  r.host = host;
  if (host === "" && !complete) return false;
  const { binding, tls: connectionTls } = r.connection;
  const { servers } = binding;
  const server = servers.find(host, r);
  const named = connectionTls?.named;
  if (named !== undefined && named.name !== host) {
    const { tls } = server ?? servers.defaultServer;
    if (tls !== undefined && tls.verifyClient !== "off") return true;
  }
  const chosen = server ?? (named === undefined || named.name === host ? undefined : servers.defaultServer);
  if (chosen === undefined) return false;
  r.server = chosen;
  r.location = chosen.level;
  return false;
}

/** What TLS, or that there is none, has against a request: a status to refuse it with, or 0. */
export function tlsVerdict(r: Request, misdirected: boolean): number {
  const { withoutTls, tls } = r.connection;
  r.action = READING_HEADERS;
  let status = 0;
  if (misdirected) {
    r.log(INFO, "client attempted to request the server name different from the one that was negotiated");
    status = 421;
  } else if (withoutTls) {
    r.log(INFO, "client sent plain HTTP request to HTTPS port");
    status = 497;
  } else if (tls?.session !== undefined) status = certificateVerdict(r, tls.session);
  if (status === 0) r.action = "";
  return status;
}
