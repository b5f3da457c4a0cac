/** One request: what came in, where it is in its phases, what goes out. */
import { ERR, type LogLevel } from "../net/error-log.ts";
import { nowMs, wallMs } from "../net/timers.ts";
import type { BodyFilter } from "./body-filter.ts";
import type { Connection } from "./connection.ts";
import type { HeaderList } from "./header-list.ts";
import type { Location, Server } from "./location.ts";
import { ModuleValues } from "./module-values.ts";
import type { RequestBody } from "./request-body.ts";
import { ResponseHead } from "./response.ts";
import type { Spool } from "./spool.ts";

/** One try at an upstream peer, for `$upstream_addr`, `$upstream_status` and the others. Times in ms; -1 unknown. */
export interface UpstreamState {
  peer: string;
  /** Where the peer is counted: PEER_ROW. */
  readonly countersAt: number;
  status: number;
  connectMs: number;
  headerMs: number;
  responseMs: number;
  bytesReceived: number;
  bytesSent: number;
  /** Body bytes: `$upstream_response_length`. */
  responseLength: number;
}

/** What variables show of the upstream that is asked or was asked last; internal redirects leave it (r->upstream). */
export interface UpstreamView {
  /** `$proxy_host`. */
  readonly hostHeader: string;
  /** `$proxy_port`. */
  readonly portText: string;
  /** Length of the request body sent; -1: none, or chunked. */
  readonly bodyLength: number;
  /** The request body is sent in chunks. */
  readonly chunked: boolean;
  readonly responseHeaders: HeaderList;
  readonly responseTrailers: HeaderList | undefined;
  /** What the error log calls it, as `http://127.0.0.1:81/x`; undefined while no peer has been asked. */
  readonly logText: string | undefined;
  /** The request is over: nothing reads the response's fields any more. */
  releaseHeaders(): void;
}

/** Who must know when a client goes away while its request waits for something. */
export interface AbortListener {
  /** The client closed or reset its connection; `reset` tells which. True: the request goes on without its client. */
  onClientAbort(reset: boolean): boolean;
}

/** Produces a response body; is asked to go on when the client takes bytes again. */
export interface BodyProducer {
  onWritable(): void;
}

/** Who waits for a subrequest. */
export interface SubrequestOwner {
  /** The client's request. */
  readonly main: Request;
  /** What came of it is in `sub.out` and `sub.upstream`, for the length of this call. Returns the verdict that `main` goes on with. */
  onSubrequestDone(sub: Request): number;
}

/** Rewrites may change the URI this often before the request is a 500 (ngx_http_core_module). */
const MAX_URI_CHANGES = 10;

/** No Module.id. */
const NO_MODULE = -1;

/** Whom a request comes from, where that is not the other end of its connection. */
export interface RealClient {
  /** An IP literal without brackets. */
  readonly address: string;
  /** 0 where it is not known. */
  readonly port: number;
  /** 4 or 16. */
  readonly bytes: Uint8Array;
}

export class Request {
  readonly connection: Connection;
  server: Server;
  location: Location;

  method = "";
  /** As received, without the line end. */
  requestLine = "";
  /** `$request_uri`: as received, with arguments. */
  unparsedUri = "";
  /** `$uri`: decoded and normalised; rewrites change it. */
  uri = "";
  /** Without the `?`; undefined when the URI has none. */
  args: string | undefined = undefined;
  /** 9, 1000 or 1001, as nginx numbers them. */
  httpVersion = 1001;
  /** Host name without port, lower case; "" when the client named none. */
  host = "";
  headers: HeaderList;
  /** Bytes of request line and headers. */
  headBytes = 0;
  /** -1 when the request has no Content-Length. */
  contentLength = -1;
  chunked = false;
  /** Value of the Upgrade header. */
  upgrade: string | undefined = undefined;
  expectContinue = false;
  /** The connection may carry another request after this one. */
  keepAlive = false;

  body: RequestBody | undefined = undefined;
  /** What has been read of the body, where a handler keeps it: `$request_body`, `$request_body_file`. */
  bodySpool: Spool | undefined = undefined;
  readonly out = new ResponseHead();
  headSent = false;
  /** Only the head is sent: HEAD, 204, 304. */
  headerOnly = false;
  chunkedOut = false;
  /** Changes the body on its way out. */
  bodyFilter: BodyFilter | undefined = undefined;
  /** The client may get a compressed response; undefined until somebody asks. */
  mayCompress: boolean | undefined = undefined;
  /** The response would be another one for a client that accepts something else. */
  variesByEncoding = false;
  /** Bytes that the connection had sent when this request began. */
  sentBefore = 0;
  headerBytesSent = 0;

  /** Captures of the last regular expression that matched: `$1` to `$9`. */
  captures: RegExpExecArray | undefined = undefined;
  /** Values of variables with storage per request, by slot. */
  private slots: (string | undefined)[] | undefined = undefined;

  internal = false;
  /** Whom a subrequest is for; undefined for the request of a client. */
  owner: SubrequestOwner | undefined = undefined;
  /** `unparsedUri` still says what is wanted: cleared by rewrites and internal redirects. */
  validUnparsedUri = true;
  /** `uri` still begins with the location's prefix: cleared by `rewrite ... break`. */
  validLocation = true;
  /** try_files chose a file below the `alias` of a regular expression: `uri` is to be added to it. */
  addUriToAlias = false;
  uriChanged = false;
  uriChangesLeft = MAX_URI_CHANGES + 1;
  /** An error page is being served: its own errors are not looked up again unless recursive_error_pages. */
  errorPage = false;
  /** The status that led to an error page, to be kept unless `=` changes it. */
  errorStatus = 0;
  /** Position in the phases, for handlers that resume. */
  phase = 0;
  phaseHandler = 0;
  /** `satisfy any`: the refusal to give when no access handler allows. */
  accessStatus = 0;

  /** Tries at upstreams, in order; one with peer "" stands between those before and after an internal redirect. */
  upstreamStates: UpstreamState[] | undefined = undefined;
  upstream: UpstreamView | undefined = undefined;
  abortListener: AbortListener | undefined = undefined;
  producer: BodyProducer | undefined = undefined;
  /** `$limit_rate` as set by the configuration or X-Accel-Limit-Rate; undefined: as the location says. */
  limitRate: number | undefined = undefined;
  limitRateAfter: number | undefined = undefined;

  /** Set where a trusted proxy named the client: holds for this request only (ngx_http_realip_module). */
  realClient: RealClient | undefined = undefined;

  readonly startMs = nowMs();
  /** Wall clock at the start, in ms since 1970. */
  readonly startedAt = wallMs();
  /** What the request is doing, for the error log: "reading client request headers". */
  action = "";
  finished = false;
  /** The response has left as a whole: `$request_completion`. */
  completed = false;
  /** The head had arrived before the request before it was answered: `$pipe`. */
  pipelined = false;
  /** The log phase has run. */
  logged = false;
  private contexts: ModuleValues | undefined = undefined;
  /** Module.id of the module that the current location has passed the request to an upstream with; NO_MODULE for none. */
  passedBy = NO_MODULE;
  /** As `contexts`, but internal redirects leave them: what nginx keeps with the main request. */
  private lasting: ModuleValues | undefined = undefined;

  constructor(connection: Connection, server: Server, headers: HeaderList) {
    this.connection = connection;
    this.server = server;
    this.location = server.level;
    this.headers = headers;
  }

  /** The status that the client gets: an error's until its page is through; 0 while nothing is decided. */
  get status(): number {
    return this.errorStatus !== 0 ? this.errorStatus : this.out.status;
  }

  /** Bytes that the client has sent, its head and what was read of its body: `$request_length`. */
  get receivedBytes(): number {
    return this.headBytes + (this.body === undefined ? 0 : this.body.wireBytes);
  }

  /** Bytes that the client has been sent, with the head. */
  get bytesSent(): number {
    return this.connection.output.sentBytes - this.sentBefore;
  }

  /** Of these, the body: `$body_bytes_sent`. */
  get bodyBytesSent(): number {
    return Math.max(0, this.bytesSent - this.headerBytesSent);
  }

  /** The stored value of a variable, by slot. */
  slot(slot: number): string | undefined {
    return this.slots?.[slot];
  }

  setSlot(slot: number, value: string | undefined): void {
    this.slots ??= new Array<string | undefined>(this.server.http.slotCount).fill(undefined);
    this.slots[slot] = value;
  }

  /** A subrequest sees and sets the same values of variables, and counts as this one at limits. */
  shareVariables(sub: Request): void {
    this.slots ??= new Array<string | undefined>(this.server.http.slotCount).fill(undefined);
    this.lasting ??= new ModuleValues(NO_MODULE, undefined);
    sub.slots = this.slots;
    sub.lasting = this.lasting;
  }

  /** What a module keeps for this request, by Module.id. */
  context(id: number): unknown {
    return this.contexts?.get(id);
  }

  setContext(id: number, value: unknown): void {
    if (this.contexts === undefined) this.contexts = new ModuleValues(id, value);
    else this.contexts.set(id, value);
  }

  /** What a module keeps for this request and its subrequests, through internal redirects, by Module.id. */
  lastingContext(id: number): unknown {
    return this.lasting?.get(id);
  }

  setLastingContext(id: number, value: unknown): void {
    if (this.lasting === undefined) this.lasting = new ModuleValues(id, value);
    else this.lasting.set(id, value);
  }

  /** An internal redirect leads to a location for which no module keeps anything. */
  forgetContexts(): void {
    this.contexts = undefined;
    this.passedBy = NO_MODULE;
  }

  /** `$remote_addr`: the client's address as text; `unix:` for a unix socket. */
  get remoteAddress(): string {
    return this.realClient === undefined ? this.connection.remoteAddress : this.realClient.address;
  }

  /** `$remote_port`; 0 where there is none. */
  get remotePort(): number {
    return this.realClient === undefined ? this.connection.remotePort : this.realClient.port;
  }

  /** The client's address: 4 bytes (IPv4), 16 (IPv6), or none (unix socket). */
  clientAddress(): Uint8Array {
    return this.realClient === undefined ? this.connection.clientAddress() : this.realClient.bytes;
  }

  /** Writes to the error log with what nginx adds: the client, the server, the request line, the host. */
  log(level: LogLevel, message: string): void {
    const log = this.location.core.errorLog;
    if (!log.enabled(level)) return;
    let text = message;
    if (this.action !== "") text += ` while ${this.action}`;
    text += `, client: ${this.remoteAddress}, server: ${this.server.name}`;
    if (this.requestLine !== "") text += `, request: "${this.requestLine}"`;
    if (this.owner !== undefined) text += `, subrequest: "${this.uri}"`;
    const upstream = this.upstream?.logText;
    if (upstream !== undefined) text += `, upstream: "${upstream}"`;
    const host = this.headers.get("host");
    if (host !== undefined) text += `, host: "${host}"`;
    const referrer = this.headers.get("referer");
    if (referrer !== undefined) text += `, referrer: "${referrer}"`;
    log.write(level, this.connection.number, text);
  }

  logError(message: string): void {
    this.log(ERR, message);
  }
}
