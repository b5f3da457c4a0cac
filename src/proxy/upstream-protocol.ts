/** What an exchange leaves to the protocol that its upstream speaks. Asked once per request or head, never per byte. */
import type { HeaderList } from "../http/header-list.ts";
import type { Request } from "../http/request.ts";
import type { ResponseFraming, ResponseHeadParser } from "../http/response-head.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { ProxyUrl } from "./proxy-url.ts";

/** Where a request goes. */
export interface ExchangeTarget {
  readonly url: ProxyUrl;
  readonly upstream: Upstream;
  /** The location's prefix that the URL's URI part replaces. */
  readonly prefix: string;
  /** The URL was made from variables. */
  readonly evaluated: boolean;
}

/** A request to an upstream while it is being made. */
export interface OutgoingRequest {
  /** `$proxy_host`. */
  readonly hostHeader: string;
  /** Length of the client's body; -1 where there is none or it comes in chunks. A body of the protocol's own changes it. */
  bodyLength: number;
  /** The body is streamed in chunks, as its length is not known. */
  readonly chunked: boolean;
  /** All that goes before the body, one char per byte. */
  head: string;
  /** What is asked for: a HEAD has an answer without body. The client's method unless the protocol changes it. */
  method: string;
  /** As the error log shows it behind the peer's address. */
  uri: string;
  /** Sent in place of the client's body. */
  fixedBody: Buffer | undefined;
}

/** HTTP, uwsgi or SCGI with the settings of one level. */
export interface UpstreamProtocol {
  /** A connection may carry another request when both sides say so. */
  readonly keepsConnections: boolean;
  /** A body whose length is not known can be sent as it comes. */
  readonly sendsChunks: boolean;
  /** The client's body is not sent. */
  readonly replacesBody: boolean;
  /** Where parsers of response heads are kept between two heads. */
  readonly parsers: SpareParsers;
  /** Fills `head`, `uri` and `fixedBody`. False where the request can't be made, which is logged then. */
  makeRequest(r: Request, target: ExchangeTarget, request: OutgoingRequest): boolean;
  /** How the body behind a head ends, or nginx's words for what is wrong with the head. */
  framing(head: { readonly status: number; readonly headers: HeaderList }, requestMethod: string): ResponseFraming;
}

const MAX_SPARE_PARSERS = 64;

/** Parsers are used for the length of one head only. */
export class SpareParsers {
  private readonly spare: ResponseHeadParser[] = [];
  private readonly create: () => ResponseHeadParser;

  constructor(create: () => ResponseHeadParser) {
    this.create = create;
  }

  take(): ResponseHeadParser {
    return this.spare.pop() ?? this.create();
  }

  give(parser: ResponseHeadParser): void {
    if (this.spare.length < MAX_SPARE_PARSERS) this.spare.push(parser);
  }
}
