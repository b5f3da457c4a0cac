/** The response that a request is about to send, before it becomes bytes. */
import { GONE_HEADERS, HeaderList } from "./header-list.ts";
import type { Request } from "./request.ts";

export class ResponseHead {
  /** 0 until something decides it. */
  status = 0;
  /** "200 OK" where the upstream named the reason itself. */
  statusLine: string | undefined = undefined;
  contentType: string | undefined = undefined;
  charset: string | undefined = undefined;
  /** `contentType` has the charset in it already, as an upstream wrote it: it is sent as it is. */
  typeHoldsCharset = false;
  /** -1: not known, so the body is chunked or ends with the connection. */
  contentLength = -1;
  /** Seconds since 1970; -1 for none. */
  lastModifiedSeconds = -1;
  /** Last-Modified as an upstream or add_header wrote it; it stands in `list` and replaces the line of the seconds. */
  lastModifiedText: string | undefined = undefined;
  /** The character set that the upstream wants named (X-Accel-Charset), if the configuration knows it. */
  overrideCharset: string | undefined = undefined;
  location: string | undefined = undefined;
  /** The value of the ETag field, which stands in `list`. */
  etag: string | undefined = undefined;
  /** Byte ranges of this response may be asked for; only files set it. */
  allowRanges = false;
  /** If-Modified-Since and its like are not looked at: an upstream has answered them already. */
  disableNotModified = false;
  /** Makes the trailer lines (each with CRLF) when the body has been sent; set, the response is chunked. */
  trailers: ((r: Request) => string) | undefined = undefined;
  /** `Vary: Accept-Encoding` is sent (gzip_vary). */
  varyEncoding = false;
  /** Server and Date of an upstream when the configuration passes them. */
  server: string | undefined = undefined;
  date: string | undefined = undefined;
  /** Wall clock at which the head is made, in ms since 1970: what is said of the present time in it agrees. */
  madeAtMs = 0;
  /** Everything else, in the order in which it is written. */
  list = HeaderList.take();

  /** The value of Content-Type; undefined for none. */
  get contentTypeText(): string | undefined {
    const { contentType, charset } = this;
    if (contentType === undefined || charset === undefined || this.typeHoldsCharset) return contentType;
    return `${contentType}; charset=${charset}`;
  }

  /** The type without its charset, as lists of types name it; undefined for none. */
  get bareType(): string | undefined {
    const { contentType } = this;
    if (contentType === undefined || !this.typeHoldsCharset) return contentType;
    const charset = /; *charset=/i.exec(contentType);
    return charset === null ? contentType : contentType.slice(0, charset.index);
  }

  clear(): void {
    this.status = 0;
    this.statusLine = undefined;
    this.contentType = undefined;
    this.charset = undefined;
    this.typeHoldsCharset = false;
    this.overrideCharset = undefined;
    this.clearLength();
    this.lastModifiedSeconds = -1;
    this.lastModifiedText = undefined;
    this.location = undefined;
    this.etag = undefined;
    this.allowRanges = false;
    this.disableNotModified = false;
    this.trailers = undefined;
    this.varyEncoding = false;
    this.server = undefined;
    this.date = undefined;
    this.list.clear();
  }

  /** The response is over: nothing reads its fields any more. */
  release(): void {
    this.list.release();
    this.list = GONE_HEADERS;
  }

  clearLength(): void {
    this.contentLength = -1;
  }
}
