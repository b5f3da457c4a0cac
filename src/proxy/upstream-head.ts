/**
 * The head of the request to the upstream: what `proxy_set_header` says, then what is left of the client's own header lines
 * (ngx_http_proxy_create_request, ngx_http_proxy_init_headers). Compiled per location into one function.
 */
import { asciiLowerCase } from "../http/header-list.ts";
import { oneLineUri, oneLineValue } from "../http/line-breaks.ts";
import type { Request } from "../http/request.ts";
import { constantTemplate, type Template } from "../template/template.ts";
import type { RequestHeaderSettings, SetHeader } from "./request-headers.ts";

/** What of a request's head only the proxy knows. */
export interface UpstreamRequest {
  /** `$proxy_host`. */
  readonly hostHeader: string;
  /** Length of the body that will follow; -1 where there is none or it is chunked. */
  readonly bodyLength: number;
  /** The body is streamed in chunks, as its length is not known. */
  readonly chunked: boolean;
}

/** Makes the whole head, from the request line to the empty line, one char per byte. */
export type RequestHeadBuilder = (r: Request, method: string, uri: string, upstream: UpstreamRequest) => string;

/** Client header lines that are replaced by the proxy's own or dropped, in the order of nginx's table of defaults. */
const DEFAULTS = ["Host", "Connection", "Content-Length", "Transfer-Encoding", "TE", "Keep-Alive", "Expect", "Upgrade"];

/** A run of constant lines, or a line whose value each request decides. */
type Line =
  | { readonly kind: "constant"; readonly text: string }
  | { readonly kind: "template"; readonly start: string; readonly value: Template }
  | { readonly kind: "host" | "length" | "chunked" };

function defaultLine(name: string, version: "1.0" | "1.1"): Line | undefined {
  switch (name) {
    case "Host":
      return { kind: "host" };
    case "Connection":
      return version === "1.0" ? { kind: "constant", text: "Connection: close\r\n" } : undefined;
    case "Content-Length":
      return { kind: "length" };
    case "Transfer-Encoding":
      return { kind: "chunked" };
    default:
      return undefined;
  }
}

function setLine({ name, value }: SetHeader): Line | undefined {
  if (value.constant === undefined) return { kind: "template", start: `${name}: `, value };
  return value.constant === "" ? undefined : { kind: "constant", text: `${name}: ${value.constant}\r\n` };
}

/** The lines in nginx's order: those set, then the defaults that nothing sets. */
function linesOf(sets: readonly SetHeader[], version: "1.0" | "1.1"): Line[] {
  const given = new Set(sets.map(({ name }) => asciiLowerCase(name)));
  const defaults = DEFAULTS.filter((name) => !given.has(asciiLowerCase(name)));
  const lines = [...sets.map(setLine), ...defaults.map((name) => defaultLine(name, version))];
  const out: Line[] = [];
  for (const line of lines) {
    if (line === undefined) continue;
    const last = out.at(-1);
    if (line.kind === "constant" && last?.kind === "constant") {
      out[out.length - 1] = { kind: "constant", text: last.text + line.text };
    } else out.push(line);
  }
  return out;
}

/** What a request decides about a line: "" for a line that is not sent. */
function lineValue(line: Line, r: Request, upstream: UpstreamRequest): string {
  switch (line.kind) {
    case "constant":
      return line.text;
    case "template":
      return line.value.evaluate(r);
    case "host":
      return upstream.hostHeader;
    case "length":
      return upstream.bodyLength < 0 ? "" : String(upstream.bodyLength);
    default:
      return upstream.chunked ? "chunked" : "";
  }
}

function lineText(line: Line, value: string): string {
  if (value === "") return "";
  switch (line.kind) {
    case "constant":
      return value;
    case "template":
      return line.start + oneLineValue(value) + "\r\n";
    case "host":
      return "Host: " + value + "\r\n";
    case "length":
      return "Content-Length: " + value + "\r\n";
    default:
      return "Transfer-Encoding: chunked\r\n";
  }
}

/** Compiles the settings of a level. The result is hot: one string per request, no objects made. */
export function compileRequestHeaders(settings: RequestHeaderSettings): RequestHeadBuilder {
  const last = new LastHead(settings);
  return (r, method, uri, upstream) => last.make(r, method, uri, upstream);
}

/** A longer head is not remembered. */
const MAX_REMEMBERED_LENGTH = 4096;

/**
 * The head made last. Clients say the same again and again, and to compare what a head is made of takes less time than
 * to join it.
 */
class LastHead {
  private readonly lines: readonly Line[];
  private readonly replaced: ReadonlySet<string>;
  private readonly passHeaders: boolean;
  private readonly versionText: string;
  /** What it was made of: the values of `lines`, and the client's fields. */
  private readonly lineValues: string[] = [];
  private readonly names: string[] = [];
  private readonly values: string[] = [];
  /** Of the client's fields; -1 where no head is remembered. */
  private count = -1;
  private method = "";
  private uri = "";
  private head = "";
  /** All but the first line. */
  private fields = "";

  constructor(settings: RequestHeaderSettings) {
    const version = settings.proxyHttpVersion ?? "1.1";
    const sets = settings.setHeaders ?? [];
    this.lines = linesOf(sets, version);
    this.replaced = new Set([...sets.map(({ name }) => name), ...DEFAULTS].map(asciiLowerCase));
    this.passHeaders = settings.passRequestHeaders ?? true;
    this.versionText = ` HTTP/${version}\r\n`;
  }

  make(r: Request, method: string, uri: string, upstream: UpstreamRequest): string {
    if (r.upgrade !== undefined) return this.makeUnique(r, method, uri, upstream);
    const asBefore = this.sameFields(r, upstream);
    if (!asBefore || uri !== this.uri || method !== this.method) {
      if (!asBefore) this.fields = this.fieldsText(r);
      this.method = method;
      this.uri = uri;
      this.head = this.firstLine(method, uri) + this.fields;
    }
    const { head } = this;
    if (head.length > MAX_REMEMBERED_LENGTH) this.forget();
    else this.count = this.passHeaders ? r.headers.count : 0;
    return head;
  }

  /** The head of a WebSocket handshake has a key that none had before: there is nothing to compare. */
  private makeUnique(r: Request, method: string, uri: string, upstream: UpstreamRequest): string {
    const { lines, lineValues } = this;
    this.count = -1;
    for (let i = 0; i < lines.length; i++) lineValues[i] = lineValue(lines[i]!, r, upstream);
    return this.firstLine(method, uri) + this.fieldsText(r);
  }

  private firstLine(method: string, uri: string): string {
    return oneLineUri(method) + " " + oneLineUri(uri) + this.versionText;
  }

  private forget(): void {
    this.lineValues.length = 0;
    this.names.length = 0;
    this.values.length = 0;
    this.count = -1;
    this.uri = "";
    this.head = "";
    this.fields = "";
  }

  /**
   * Whether the fields are those of the last head; notes those of this one. Until its head is made there is nothing to
   * compare with: an exception on the way must not leave parts of one request beside the head of another.
   */
  private sameFields(r: Request, upstream: UpstreamRequest): boolean {
    const { lines, lineValues, count: lastCount } = this;
    this.count = -1;
    const count = this.passHeaders ? r.headers.count : 0;
    let same = count === lastCount;
    for (let i = 0; i < lines.length; i++) {
      const value = lineValue(lines[i]!, r, upstream);
      if (value === lineValues[i]) continue;
      lineValues[i] = value;
      same = false;
    }
    const { names, values } = r.headers;
    for (let i = 0; i < count; i++) {
      if (values[i] === this.values[i] && names[i] === this.names[i]) continue;
      this.names[i] = names[i]!;
      this.values[i] = values[i]!;
      same = false;
    }
    return same;
  }

  private fieldsText(r: Request): string {
    const { lines, lineValues, replaced } = this;
    let text = "";
    for (let i = 0; i < lines.length; i++) text += lineText(lines[i]!, lineValues[i]!);
    if (this.passHeaders) {
      const { count, names, keys, values } = r.headers;
      for (let i = 0; i < count; i++) {
        if (!replaced.has(keys[i]!)) text += names[i] + ": " + values[i] + "\r\n";
      }
    }
    return text + "\r\n";
  }
}

const HANDSHAKE_LINES: readonly SetHeader[] = [
  { name: "Upgrade", value: constantTemplate("websocket") },
  { name: "Connection", value: constantTemplate("upgrade") },
];

/** As `compileRequestHeaders`, for WebSocket handshakes (RFC 6455, 4.1): whatever is set for other requests, they ask for one. */
export function compileHandshakeHeaders(settings: RequestHeaderSettings): RequestHeadBuilder {
  const others = (settings.setHeaders ?? []).filter(({ name }) => {
    const key = asciiLowerCase(name);
    return key !== "upgrade" && key !== "connection";
  });
  return compileRequestHeaders({
    ...settings,
    setHeaders: [...others, ...HANDSHAKE_LINES],
    proxyHttpVersion: "1.1",
  });
}
