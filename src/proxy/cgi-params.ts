/**
 * The parameters of a CGI-like request: `uwsgi_param`, `scgi_param`, and the client's header lines as HTTP_* (RFC 3875,
 * 4.1.18; ngx_http_uwsgi_create_request). Compiled per location.
 */
import { type ActionRow, between, ConfigFault, HTTP_SERVER_LOCATION, invalidParameter } from "../config/directive.ts";
import { asciiLowerCase, type HeaderList } from "../http/header-list.ts";
import type { Request } from "../http/request.ts";
import { compileTemplate, type Template } from "../template/template.ts";

/** One `uwsgi_param`. */
export interface CgiParam {
  readonly name: string;
  /** A value that can't be compiled is told when the level is merged, as by nginx. */
  readonly value: Template | ConfigFault;
  /** `if_not_empty`: not sent without a value. */
  readonly skipEmpty: boolean;
}

/** The settings that the row below fills. */
export interface CgiParamSettings {
  params: CgiParam[] | undefined;
}

/** `uwsgi_param`, `scgi_param` (ngx_http_upstream_param_set_slot). */
export function paramRow(prefix: string): ActionRow<CgiParamSettings> {
  return {
    name: `${prefix}_param`,
    in: HTTP_SERVER_LOCATION,
    arity: between(2, 3),
    doc: "Sets a parameter of the request to the upstream.",
    apply(own, site) {
      const [name = "", value = "", word] = site.statement.args;
      if (word !== undefined && word !== "if_not_empty") return invalidParameter(word);
      own.params ??= [];
      own.params.push({ name, value: compileTemplate(value, site), skipEmpty: word !== undefined });
      return undefined;
    },
  };
}

/** A name and a value as they stand in the request, one char per byte. */
export type ParamEncoder = (name: string, value: string) => string;

/** Makes all parameters of a request. */
export type ParamBuilder = (r: Request) => string;

const PREFIX = "HTTP_";

/** The name under which a header line is sent: `Accept-Language` is HTTP_ACCEPT_LANGUAGE. */
function paramName(key: string): string {
  let name = PREFIX;
  for (let i = 0; i < key.length; i++) {
    const c = key.charCodeAt(i);
    if (c === 0x2d) name += "_";
    else name += c >= 0x61 && c <= 0x7a ? String.fromCharCode(c & ~0x20) : key[i];
  }
  return name;
}

/** Distinct names kept; a client who sends more only makes the table start afresh. */
const MAX_KNOWN_NAMES = 1024;
const knownNames = new Map<string, string>();

function knownParamName(key: string): string {
  const known = knownNames.get(key);
  if (known !== undefined) return known;
  if (knownNames.size >= MAX_KNOWN_NAMES) knownNames.clear();
  const name = paramName(key);
  knownNames.set(key, name);
  return name;
}

/** A run of constant parameters, or one whose value each request decides. */
type Piece = string | { readonly name: string; readonly value: Template; readonly skipEmpty: boolean };

/** The parameters in their order. One HTTP_* without a value is not sent, and neither is the client's line. */
function piecesOf(params: readonly CgiParam[], encode: ParamEncoder): Piece[] | ConfigFault {
  const pieces: Piece[] = [];
  for (const { name, value, skipEmpty } of params) {
    if (value instanceof ConfigFault) return value;
    const { constant } = value;
    if (constant === undefined) {
      pieces.push({ name, value, skipEmpty });
      continue;
    }
    if (constant === "" && (skipEmpty || isHeaderParam(name))) continue;
    const text = encode(name, constant);
    const last = pieces.at(-1);
    if (typeof last === "string") pieces[pieces.length - 1] = last + text;
    else pieces.push(text);
  }
  return pieces;
}

/** Such a parameter stands in the place of the client's header line. */
function isHeaderParam(name: string): boolean {
  return name.length > PREFIX.length && name.startsWith(PREFIX);
}

/** From so many lines on, comparing each with all others takes longer than a table of names. */
const MANY_LINES = 32;

/** Between the values of a header that came in several lines. */
function separator(key: string): string {
  return key === "cookie" ? "; " : ", ";
}

/** The values of all lines that have the name of line `i`; undefined where it is not the first of them. */
function joinedFrom({ count, keys, values }: HeaderList, i: number): string | undefined {
  const key = keys[i]!;
  for (let j = 0; j < i; j++) if (keys[j] === key) return undefined;
  let value = values[i]!;
  for (let j = i + 1; j < count; j++) if (keys[j] === key) value += separator(key) + values[j];
  return value;
}

function valuesByName({ count, keys, values }: HeaderList): Map<string, string> {
  const joined = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const key = keys[i]!;
    const before = joined.get(key);
    joined.set(key, before === undefined ? values[i]! : before + separator(key) + values[i]);
  }
  return joined;
}

/**
 * Compiles the parameters of a level. A header line that the client sent several times is one parameter, as in current
 * nginx: its values are joined by a comma, those of Cookie by a semicolon.
 */
export function compileParams(
  params: readonly CgiParam[],
  passHeaders: boolean,
  encode: ParamEncoder,
): ParamBuilder | ConfigFault {
  const pieces = piecesOf(params, encode);
  if (pieces instanceof ConfigFault) return pieces;
  const replaced = new Set(
    params.filter(({ name }) => isHeaderParam(name)).map(({ name }) => asciiLowerCase(name.slice(PREFIX.length))),
  );
  return (r) => {
    let text = "";
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i]!;
      if (typeof piece === "string") {
        text += piece;
        continue;
      }
      const value = piece.value.evaluate(r);
      if (value !== "" || !piece.skipEmpty) text += encode(piece.name, value);
    }
    if (!passHeaders) return text;
    const { headers } = r;
    const joined = headers.count > MANY_LINES ? valuesByName(headers) : undefined;
    for (let i = 0; i < headers.count; i++) {
      const key = headers.keys[i]!;
      if (replaced.size > 0 && replaced.has(key.replaceAll("-", "_"))) continue;
      const value = joined === undefined ? joinedFrom(headers, i) : joined.get(key);
      if (value !== undefined) text += encode(knownParamName(key), value);
      joined?.delete(key);
    }
    return text;
  };
}
