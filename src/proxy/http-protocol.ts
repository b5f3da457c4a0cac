/** Requests to an HTTP upstream: what `proxy_pass` sends (ngx_http_proxy_create_request). */
import type { Request } from "../http/request.ts";
import { ResponseHeadParser, responseFraming } from "../http/response-head.ts";
import { isHandshake } from "../websocket/handshake.ts";
import { webSocketModule } from "../websocket/module.ts";
import type { RequestHeaderSettings } from "./request-headers.ts";
import { compileHandshakeHeaders, compileRequestHeaders, type RequestHeadBuilder } from "./upstream-head.ts";
import { type ExchangeTarget, type OutgoingRequest, SpareParsers, type UpstreamProtocol } from "./upstream-protocol.ts";
import { upstreamUri } from "./uri.ts";

const parsers = new SpareParsers(() => new ResponseHeadParser());

export class HttpProtocol implements UpstreamProtocol {
  readonly keepsConnections = true;
  readonly parsers = parsers;
  readonly framing = responseFraming;
  private readonly settings: RequestHeaderSettings;
  private readonly buildHead: RequestHeadBuilder;
  /** Made for the first handshake of a location with `websocket`. */
  private buildHandshake: RequestHeadBuilder | undefined = undefined;

  constructor(settings: RequestHeaderSettings) {
    this.settings = settings;
    this.buildHead = compileRequestHeaders(settings);
  }

  get sendsChunks(): boolean {
    return this.settings.proxyHttpVersion !== "1.0";
  }

  get replacesBody(): boolean {
    return this.settings.setBody !== undefined;
  }

  makeRequest(r: Request, target: ExchangeTarget, request: OutgoingRequest): boolean {
    const { setBody, requestMethod } = this.settings;
    request.uri = upstreamUri(r, target.prefix, target.url.uri, target.evaluated);
    if (setBody !== undefined) {
      request.fixedBody = Buffer.from(setBody.evaluate(r), "latin1");
      request.bodyLength = request.fixedBody.length;
    }
    const build = this.proxiesHandshake(r) ? this.handshakeBuilder() : this.buildHead;
    if (requestMethod !== undefined) request.method = requestMethod.evaluate(r);
    request.head = build(r, request.method, request.uri, request);
    return true;
  }

  /** `websocket on|auto`, and the request is one. */
  private proxiesHandshake(r: Request): boolean {
    if (r.upgrade === undefined) return false;
    const { mode } = webSocketModule.of(r.location);
    return (mode === "on" || mode === "auto") && isHandshake(r);
  }

  private handshakeBuilder(): RequestHeadBuilder {
    this.buildHandshake ??= compileHandshakeHeaders(this.settings);
    return this.buildHandshake;
  }
}
