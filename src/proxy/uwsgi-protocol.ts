/** Requests to a uwsgi server: a packet of parameters, then the body (ngx_http_uwsgi_create_request). */
import type { ConfigFault } from "../config/directive.ts";
import type { Request } from "../http/request.ts";
import { cgiFraming } from "../http/response-head.ts";
import { ALERT } from "../net/error-log.ts";
import { type CgiParam, compileParams, type ParamBuilder } from "./cgi-params.ts";
import { cgiParsers } from "./cgi-parsers.ts";
import type { ExchangeTarget, OutgoingRequest, UpstreamProtocol } from "./upstream-protocol.ts";

/** A packet tells its length in 16 bits. */
const MAX_PACKET_BYTES = 0xffff;

/** What of the settings a packet is made of. */
export interface UwsgiSettings {
  /** `uwsgi_modifier1`, `uwsgi_modifier2`: 0 to 255. */
  modifier1: number;
  modifier2: number;
  /** `uwsgi_string`: bytes behind the parameters. */
  trailer: string;
}

/** 16 bits, the lower eight first. */
function word(n: number): string {
  return String.fromCharCode(n & 0xff, (n >> 8) & 0xff);
}

function encode(name: string, value: string): string {
  return word(name.length) + name + word(value.length) + value;
}

export class UwsgiProtocol implements UpstreamProtocol {
  readonly keepsConnections = false;
  readonly sendsChunks = false;
  readonly replacesBody = false;
  readonly parsers = cgiParsers;
  readonly framing = cgiFraming;
  private readonly settings: UwsgiSettings;
  private readonly params: ParamBuilder;

  private constructor(settings: UwsgiSettings, params: ParamBuilder) {
    this.settings = settings;
    this.params = params;
  }

  static compile(
    settings: UwsgiSettings,
    params: readonly CgiParam[],
    passHeaders: boolean,
  ): UwsgiProtocol | ConfigFault {
    const builder = compileParams(params, passHeaders, encode);
    return typeof builder === "function" ? new UwsgiProtocol(settings, builder) : builder;
  }

  makeRequest(r: Request, _target: ExchangeTarget, request: OutgoingRequest): boolean {
    const { modifier1, modifier2, trailer } = this.settings;
    const packet = this.params(r) + trailer;
    const { length } = packet;
    if (length > MAX_PACKET_BYTES) {
      r.log(ALERT, `uwsgi request is too big: ${length}`);
      return false;
    }
    request.head = String.fromCharCode(modifier1) + word(length) + String.fromCharCode(modifier2) + packet;
    return true;
  }
}
