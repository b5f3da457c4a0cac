/** Variables of the request itself: its line, its host, its body, its file. */
import { realpathSync } from "node:fs";
import type { Request } from "../http/request.ts";
import { CRIT } from "../net/error-log.ts";
import { numberedException } from "../net/libc.ts";
import type { VariableDefinition } from "../template/variables.ts";
import { basicCredentials } from "./basic-credentials.ts";
import { documentRoot, requestPath } from "./file-path.ts";

/** nginx calls what was never parsed "not found". */
function present(text: string): string | undefined {
  return text === "" ? undefined : text;
}

function protocol(r: Request): string | undefined {
  // Without a method the line was not understood, and the version is an assumption.
  if (r.method === "" || r.httpVersion < 1000) return undefined;
  return r.httpVersion === 1001 ? "HTTP/1.1" : "HTTP/1.0";
}

function remoteUser(r: Request): string | undefined {
  const authorization = r.headers.get("authorization");
  return authorization === undefined ? undefined : basicCredentials(authorization)?.user;
}

function contentLength(r: Request): string | undefined {
  const field = r.headers.get("content-length");
  if (field !== undefined || !r.chunked) return field;
  if (r.body === undefined) return undefined;
  if (r.body.discarded) return "0";
  return r.body.complete ? String(r.body.bytes) : undefined;
}

function requestBody(r: Request): string | undefined {
  const spool = r.bodySpool;
  if (spool === undefined || spool.bytes === 0) return undefined;
  return spool.inMemory()?.latin1Slice();
}

function realpathRoot(r: Request): string | undefined {
  const root = documentRoot(r);
  try {
    return realpathSync.native(Buffer.from(root, "latin1"), { encoding: "buffer" }).latin1Slice();
  } catch (error) {
    r.log(CRIT, `realpath() "${root}" failed (${numberedException(error)})`);
    return undefined;
  }
}

function setArgs(r: Request, value: string): void {
  r.args = value;
  r.validUnparsedUri = false;
}

/** In the order of ngx_http_variables.c. */
export const requestVariables: readonly VariableDefinition[] = [
  { name: "content_length", get: contentLength },
  { name: "content_type", get: (r) => r.headers.getJoined("content-type", ", ") },
  { name: "host", get: (r) => (r.host === "" ? r.server.name : r.host) },
  { name: "server_protocol", get: protocol },
  { name: "scheme", get: (r) => (r.connection.tls === undefined ? "http" : "https") },
  { name: "https", get: (r) => (r.connection.tls === undefined ? "" : "on") },
  { name: "request_uri", get: (r) => present(r.unparsedUri) },
  { name: "uri", get: (r) => present(r.uri) },
  { name: "document_uri", get: (r) => present(r.uri) },
  { name: "request", get: (r) => r.requestLine },
  { name: "document_root", get: documentRoot },
  { name: "realpath_root", get: realpathRoot },
  { name: "query_string", get: (r) => r.args },
  { name: "args", get: (r) => r.args, set: setArgs, changeable: true },
  { name: "is_args", get: (r) => (r.args === undefined || r.args === "" ? "" : "?") },
  { name: "request_filename", get: requestPath },
  { name: "server_name", get: (r) => r.server.name },
  { name: "request_method", get: (r) => present((r.owner?.main ?? r).method) },
  { name: "remote_user", get: remoteUser },
  { name: "request_body", get: requestBody },
  { name: "request_body_file", get: (r) => r.bodySpool?.fileName },
  { name: "request_length", get: (r) => String(r.receivedBytes) },
];
