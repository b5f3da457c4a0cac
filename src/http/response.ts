/** The response that a request is about to send, before it becomes bytes. */
import { HeaderList } from "./header-list.ts";

export class ResponseHead {
  /** 0 until something decides it. */
  status = 0;
  /** "200 OK" where the upstream named the reason itself. */
  statusLine: string | undefined = undefined;
  contentType: string | undefined = undefined;
  charset: string | undefined = undefined;
  /** -1: not known, so the body is chunked or ends with the connection. */
  contentLength = -1;
  /** Seconds since 1970; -1 for none. */
  lastModifiedSeconds = -1;
  /** Last-Modified as an upstream wrote it. */
  lastModifiedText: string | undefined = undefined;
  location: string | undefined = undefined;
  etag: string | undefined = undefined;
  /** Server and Date of an upstream when the configuration passes them. */
  server: string | undefined = undefined;
  date: string | undefined = undefined;
  /** Everything else, in the order in which it is written. */
  readonly list = new HeaderList();

  clear(): void {
    this.status = 0;
    this.statusLine = undefined;
    this.contentType = undefined;
    this.charset = undefined;
    this.clearLength();
    this.lastModifiedSeconds = -1;
    this.lastModifiedText = undefined;
    this.location = undefined;
    this.etag = undefined;
    this.server = undefined;
    this.date = undefined;
    this.list.clear();
  }

  clearLength(): void {
    this.contentLength = -1;
  }
}
