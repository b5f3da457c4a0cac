/** Directives that decide about the request to the upstream: `proxy_set_header`, `proxy_set_body` and their like. */
import { choice, flag } from "../config/arguments.ts";
import { ConfigFault, type Directive, directiveFault, exactly, HTTP_SERVER_LOCATION } from "../config/directive.ts";
import { compileTemplate, type Template, template } from "../template/template.ts";

/** One `proxy_set_header`. An empty value means that the line is not sent. */
export interface SetHeader {
  readonly name: string;
  readonly value: Template;
}

/** What of the client's request goes to the upstream, whatever its protocol. */
export interface PassRequestSettings {
  passRequestHeaders: boolean | undefined;
  passRequestBody: boolean | undefined;
}

/** `proxy_pass_request_headers`, `proxy_pass_request_body` and those of other prefixes. */
export function passRequestRows(prefix: string): readonly Directive<PassRequestSettings>[] {
  return [
    {
      name: `${prefix}_pass_request_headers`,
      in: HTTP_SERVER_LOCATION,
      arg: flag(true),
      set: "passRequestHeaders",
      doc: "Whether the client's header lines are passed on.",
    },
    {
      name: `${prefix}_pass_request_body`,
      in: HTTP_SERVER_LOCATION,
      arg: flag(true),
      set: "passRequestBody",
      doc: "Whether the client's request body is passed on.",
    },
  ];
}

/** The settings that the rows below fill. */
export interface RequestHeaderSettings extends PassRequestSettings {
  setHeaders: SetHeader[] | undefined;
  setBody: Template | undefined;
  requestMethod: Template | undefined;
  proxyHttpVersion: "1.0" | "1.1" | undefined;
  /** A malformed variable in a header line or in the body; nginx compiles them when the http block ends. */
  headerFault: ConfigFault | undefined;
  bodyFault: ConfigFault | undefined;
}

/** The settings of a level on which nothing is said. */
export function newRequestHeaderSettings(): RequestHeaderSettings {
  return {
    setHeaders: undefined,
    passRequestHeaders: undefined,
    passRequestBody: undefined,
    setBody: undefined,
    requestMethod: undefined,
    proxyHttpVersion: undefined,
    headerFault: undefined,
    bodyFault: undefined,
  };
}

/** `proxy_set_header`, `proxy_set_body`, `proxy_method`, `proxy_http_version`. */
export const requestHeaderRows: readonly Directive<RequestHeaderSettings>[] = [
  {
    name: "proxy_set_header",
    in: HTTP_SERVER_LOCATION,
    arity: exactly(2),
    doc: "Sets a header line of the request to the upstream; an empty value removes it.",
    apply(own, site) {
      const [name = "", text = ""] = site.statement.args;
      const value = compileTemplate(text, site);
      own.setHeaders ??= [];
      if (value instanceof ConfigFault) own.headerFault ??= value;
      else own.setHeaders.push({ name, value });
      return undefined;
    },
  },
  {
    name: "proxy_set_body",
    in: HTTP_SERVER_LOCATION,
    arity: exactly(1),
    doc: "The request body to send in place of the client's.",
    apply(own, site) {
      if (own.setBody !== undefined) return directiveFault(site, "is duplicate");
      const body = compileTemplate(site.statement.args[0] ?? "", site);
      if (body instanceof ConfigFault) own.bodyFault ??= body;
      else own.setBody = body;
      return undefined;
    },
  },
  {
    name: "proxy_method",
    in: HTTP_SERVER_LOCATION,
    arg: template(undefined),
    set: "requestMethod",
    doc: "The method to use in place of the client's.",
  },
  {
    name: "proxy_http_version",
    in: HTTP_SERVER_LOCATION,
    arg: choice(["1.0", "1.1"], "1.1"),
    set: "proxyHttpVersion",
    doc: "HTTP version of the request to the upstream.",
  },
];

/** Header lines of a level replace all of the outer level's, so does its body; the flags are merged by their rows. */
export function mergeRequestHeaders(own: RequestHeaderSettings, outer: RequestHeaderSettings | undefined): void {
  if (own.setHeaders === undefined) own.headerFault ??= outer?.headerFault;
  if (own.setBody === undefined) own.bodyFault ??= outer?.bodyFault;
  own.setHeaders ??= outer?.setHeaders;
  own.setBody ??= outer?.setBody;
}
