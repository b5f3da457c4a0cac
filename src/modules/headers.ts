/** Fields added to responses: add_header, add_trailer, expires (ngx_http_headers_module). */
import { choice } from "../config/arguments.ts";
import {
  between,
  ConfigFault,
  type DirectiveSite,
  HTTP_SERVER_LOCATION,
  invalidParameter,
  LOCATION_IF,
  Module,
} from "../config/directive.ts";
import { parseHttpDate } from "../http/date.ts";
import { asciiLowerCase } from "../http/header-list.ts";
import { oneLineValue } from "../http/line-breaks.ts";
import { headerFilters } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import { compileTemplate, type Template } from "../template/template.ts";
import { type ExpiresSetting, parseExpiresDirective, setExpires } from "./expires.ts";

interface Field {
  readonly name: string;
  /** Lower case. */
  readonly key: string;
  readonly value: Template;
  /** Also on errors. */
  readonly always: boolean;
}

/** How fields of a level and of the level outside it come together; `merge` keeps both. */
type Inherit = "on" | "off" | "merge";

interface HeadersSettings {
  fields: Field[] | undefined;
  trailers: Field[] | undefined;
  fieldsInherit: Inherit | undefined;
  trailersInherit: Inherit | undefined;
  expires: ExpiresSetting | undefined;
  /** Compiled from `trailers`: made once, as responses hold a reference to it. */
  writeTrailers: ((r: Request) => string) | undefined;
}

/** Statuses that get the fields without `always`. */
function isSafe(status: number): boolean {
  switch (status) {
    case 200:
    case 201:
    case 204:
    case 206:
    case 301:
    case 302:
    case 303:
    case 304:
    case 307:
    case 308:
      return true;
    default:
      return false;
  }
}

function parseField(site: DirectiveSite): Field | ConfigFault {
  const [name = "", text = "", always] = site.statement.args;
  const value = compileTemplate(text, site);
  if (value instanceof ConfigFault) return value;
  if (always !== undefined && always !== "always") return invalidParameter(always);
  return { name, key: asciiLowerCase(name), value, always: always !== undefined };
}

function addField(own: HeadersSettings, site: DirectiveSite): ConfigFault | undefined {
  const field = parseField(site);
  if (field instanceof ConfigFault) return field;
  own.fields ??= [];
  own.fields.push(field);
  return undefined;
}

function addTrailer(own: HeadersSettings, site: DirectiveSite): ConfigFault | undefined {
  const field = parseField(site);
  if (field instanceof ConfigFault) return field;
  own.trailers ??= [];
  own.trailers.push(field);
  return undefined;
}

function applyExpires(own: HeadersSettings, site: DirectiveSite): ConfigFault | undefined {
  if (own.expires !== undefined) return new ConfigFault('"expires" directive is duplicate');
  const expires = parseExpiresDirective(site);
  if (expires instanceof ConfigFault) return expires;
  own.expires = expires;
  return undefined;
}

function combined(own: Field[] | undefined, outer: Field[] | undefined, inherit: Inherit): Field[] | undefined {
  switch (inherit) {
    case "off":
      return own;
    case "merge":
      return own === undefined || outer === undefined ? (own ?? outer) : [...own, ...outer];
    default:
      return own ?? outer;
  }
}

function headersFilter(r: Request): undefined {
  const { fields, expires, trailers, writeTrailers } = headersModule.of(r.location);
  if (fields === undefined && expires === undefined && trailers === undefined) return;
  const safe = isSafe(r.out.status);
  if (expires !== undefined && safe) setExpires(r, expires);
  if (fields !== undefined) {
    for (const field of fields) if (safe || field.always) setField(r, field);
  }
  if (writeTrailers !== undefined && trailers?.some((trailer) => safe || trailer.always)) {
    const upstream = r.out.trailers;
    r.out.trailers = upstream === undefined ? writeTrailers : bothTrailers(upstream, writeTrailers);
  }
}

type TrailerWriter = (r: Request) => string;

function bothTrailers(first: TrailerWriter, second: TrailerWriter): TrailerWriter {
  return (r) => first(r) + second(r);
}

function setField(r: Request, field: Field): void {
  const { out } = r;
  const value = oneLineValue(field.value.evaluate(r));
  switch (field.key) {
    case "last-modified":
      replaceField(r, field, value);
      out.lastModifiedSeconds = value === "" ? -1 : parseHttpDate(value);
      out.lastModifiedText = value === "" ? undefined : value;
      return;
    case "etag":
      replaceField(r, field, value);
      out.etag = value === "" ? undefined : value;
      return;
    default:
      if (value !== "") out.list.addInterned(field.name, field.key, value);
  }
}

function replaceField(r: Request, field: Field, value: string): void {
  if (value === "") r.out.list.remove(field.key);
  else r.out.list.set(field.name, value);
}

function trailerWriter(trailers: readonly Field[]): TrailerWriter {
  return (r) => {
    const safe = isSafe(r.out.status);
    let lines = "";
    for (const { name, value, always } of trailers) {
      if (!safe && !always) continue;
      const text = oneLineValue(value.evaluate(r));
      if (text !== "") lines += `${name}: ${text}\r\n`;
    }
    return lines;
  };
}

const WHERE = HTTP_SERVER_LOCATION | LOCATION_IF;
const INHERIT = ["on", "off", "merge"] as const;

export const headersModule: Module<HeadersSettings> = new Module<HeadersSettings>({
  name: "http_headers",
  directives: [
    { name: "add_header", in: WHERE, arity: between(2, 3), doc: "Adds a field to responses.", apply: addField },
    {
      name: "add_header_inherit",
      in: WHERE,
      arg: choice(INHERIT, "on"),
      set: "fieldsInherit",
      doc: "Whether a level's add_header replaces that of the level outside it.",
    },
    { name: "add_trailer", in: WHERE, arity: between(2, 3), doc: "Adds a field after the body.", apply: addTrailer },
    {
      name: "add_trailer_inherit",
      in: WHERE,
      arg: choice(INHERIT, "on"),
      set: "trailersInherit",
      doc: "Whether a level's add_trailer replaces that of the level outside it.",
    },
    {
      name: "expires",
      in: WHERE,
      arity: between(1, 2),
      doc: "How long clients may keep a response.",
      apply: applyExpires,
    },
  ],
  create: () => ({
    fields: undefined,
    trailers: undefined,
    fieldsInherit: undefined,
    trailersInherit: undefined,
    expires: undefined,
    writeTrailers: undefined,
  }),
  merge(own, outer) {
    own.fields = combined(own.fields, outer?.fields, own.fieldsInherit ?? "on");
    own.trailers = combined(own.trailers, outer?.trailers, own.trailersInherit ?? "on");
    own.writeTrailers = own.trailers === undefined ? undefined : trailerWriter(own.trailers);
    own.expires ??= outer?.expires;
    return undefined;
  },
  register: (load) => {
    headerFilters(load).push(headersFilter);
  },
});
