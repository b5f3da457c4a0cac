/** Requests to an SCGI server: a netstring of parameters, then the body (ngx_http_scgi_create_request). */
import type { ConfigFault } from "../config/directive.ts";
import type { Request } from "../http/request.ts";
import { cgiFraming } from "../http/response-head.ts";
import { type CgiParam, compileParams, type ParamBuilder } from "./cgi-params.ts";
import { cgiParsers } from "./cgi-parsers.ts";
import type { ExchangeTarget, OutgoingRequest, UpstreamProtocol } from "./upstream-protocol.ts";

/** A zero byte in a value ($request_body may hold one) would begin a parameter of the client's choice: nginx lets it. */
function encode(name: string, value: string): string {
  return `${name}\0${value.includes("\0") ? value.replaceAll("\0", " ") : value}\0`;
}

export class ScgiProtocol implements UpstreamProtocol {
  readonly keepsConnections = false;
  readonly sendsChunks = false;
  readonly replacesBody = false;
  readonly parsers = cgiParsers;
  readonly framing = cgiFraming;
  private readonly params: ParamBuilder;

  private constructor(params: ParamBuilder) {
    this.params = params;
  }

  static compile(params: readonly CgiParam[], passHeaders: boolean): ScgiProtocol | ConfigFault {
    const builder = compileParams(params, passHeaders, encode);
    return typeof builder === "function" ? new ScgiProtocol(builder) : builder;
  }

  makeRequest(r: Request, _target: ExchangeTarget, request: OutgoingRequest): boolean {
    const block = encode("CONTENT_LENGTH", String(Math.max(0, request.bodyLength))) + this.params(r);
    request.head = `${block.length}:${block},`;
    return true;
  }
}
