/** The `rewrite` directive (ngx_http_rewrite, ngx_http_script_regex_end_code). */
import { ConfigFault, type DirectiveSite, invalidParameter } from "../config/directive.ts";
import type { Request } from "../http/request.ts";
import { hexValue } from "../http/uri.ts";
import { DECLINED } from "../http/verdict.ts";
import { ERR, NOTICE } from "../net/error-log.ts";
import { type TemplatePart, templateParts } from "../template/template.ts";
import type { RewriteLog } from "./rewrite-condition.ts";
import { NEXT, type ProgramText, programText, type Step, stopEscapingCaptures } from "./rewrite-program.ts";
import { compileSubjectMatch, type SubjectMatch } from "./rewrite-regex.ts";

/** A text that begins so is a redirect, whatever the flag says. */
export function isAbsoluteUrl(text: string): boolean {
  return text.startsWith("http://") || text.startsWith("https://") || text.startsWith("$scheme");
}

interface Flags {
  /** The status of a redirect; 0 for a rewrite. */
  readonly redirect: number;
  /** `break`: no new search for a location. */
  readonly breaks: boolean;
  /** The program ends here. */
  readonly last: boolean;
}

function parseFlag(flag: string | undefined, absolute: boolean): Flags | ConfigFault {
  switch (flag) {
    case undefined:
      return { redirect: absolute ? 302 : 0, breaks: false, last: absolute };
    case "last":
      return { redirect: absolute ? 302 : 0, breaks: false, last: true };
    case "break":
      return { redirect: absolute ? 302 : 0, breaks: true, last: true };
    case "redirect":
      return { redirect: 302, breaks: false, last: true };
    case "permanent":
      return { redirect: 301, breaks: false, last: true };
    default:
      return invalidParameter(flag);
  }
}

/** Compiles `rewrite pattern replacement [flag]`. */
export function compileRewrite(site: DirectiveSite, logging: RewriteLog): Step | ConfigFault {
  const [pattern = "", text = "", flag] = site.statement.args;
  const matches = compileSubjectMatch(pattern, false, site);
  if (matches instanceof ConfigFault) return matches;
  if (text === "") return new ConfigFault("empty replacement");
  const flags = parseFlag(flag, isAbsoluteUrl(text));
  if (flags instanceof ConfigFault) return flags;
  // A final "?" drops the arguments of the request.
  const addsArgs = !text.endsWith("?");
  const parts = templateParts(addsArgs ? text : text.slice(0, -1), site);
  if (parts instanceof ConfigFault) return parts;
  const matched = logged(matches, pattern, logging);
  if (flags.redirect !== 0) {
    // nginx sees the break of a redirect to a full URL too late to undo it.
    return redirectStep(matched, parts, flags, addsArgs, logging);
  }
  return rewriteStep(matched, splitAtQuestion(parts), flags, addsArgs, logging);
}

function logged(matches: SubjectMatch, pattern: string, logging: RewriteLog): (r: Request) => boolean {
  return (r) => {
    const { uri } = r;
    const matched = matches(r, uri);
    if (logging.log === true) r.log(NOTICE, `"${pattern}" ${matched ? "matches" : "does not match"} "${uri}"`);
    return matched;
  };
}

function noteRewritten(r: Request, flags: Flags): void {
  r.internal = true;
  r.validUnparsedUri = false;
  if (flags.breaks) {
    r.validLocation = false;
    r.uriChanged = false;
  } else {
    r.uriChanged = true;
  }
}

function redirectStep(
  matched: (r: Request) => boolean,
  parts: readonly TemplatePart[],
  flags: Flags,
  addsArgs: boolean,
  logging: RewriteLog,
): Step {
  const text = programText(parts);
  const hasArgs = parts.some((part) => typeof part === "string" && part.includes("?"));
  return (r) => {
    if (!matched(r)) return NEXT;
    noteRewritten(r, flags);
    let location = unescapeRedirect(text.evaluate(r, true));
    if (addsArgs && r.args !== undefined && r.args !== "") location += (hasArgs ? "&" : "?") + r.args;
    if (logging.log === true) r.log(NOTICE, `rewritten redirect: "${location}"`);
    r.out.location = location;
    return flags.redirect;
  };
}

interface Replacement {
  readonly path: ProgramText;
  /** What stands after the first literal "?"; undefined without one. */
  readonly args: ProgramText | undefined;
}

function splitAtQuestion(parts: readonly TemplatePart[]): Replacement {
  for (const [i, part] of parts.entries()) {
    const at = typeof part === "string" ? part.indexOf("?") : -1;
    if (typeof part !== "string" || at < 0) continue;
    const before = [...parts.slice(0, i), part.slice(0, at)];
    const after = [part.slice(at + 1), ...parts.slice(i + 1)];
    return { path: programText(before.filter(notEmpty)), args: programText(after.filter(notEmpty)) };
  }
  return { path: programText(parts), args: undefined };
}

function notEmpty(part: TemplatePart): boolean {
  return part !== "";
}

function rewriteStep(
  matched: (r: Request) => boolean,
  replacement: Replacement,
  flags: Flags,
  addsArgs: boolean,
  logging: RewriteLog,
): Step {
  const { path, args } = replacement;
  const ends = flags.last ? DECLINED : NEXT;
  return (r) => {
    if (!matched(r)) return NEXT;
    noteRewritten(r, flags);
    const uri = path.evaluate(r, false);
    if (args !== undefined) {
      const text = args.evaluate(r, true);
      r.args = addsArgs && r.args !== undefined && r.args !== "" ? `${text}&${r.args}` : text;
    } else if (!addsArgs && r.args !== undefined) {
      r.args = "";
    }
    stopEscapingCaptures();
    if (logging.log === true) r.log(NOTICE, `rewritten data: "${uri}", args: "${r.args ?? ""}"`);
    r.uri = uri;
    if (uri === "") {
      r.log(ERR, "the rewritten URI has a zero length");
      return 500;
    }
    return ends;
  };
}

/** Undoes escapes that a Location header does not need; what follows a "?" is left alone (NGX_UNESCAPE_REDIRECT). */
export function unescapeRedirect(text: string): string {
  if (!text.includes("%")) return text;
  let out = "";
  let i = 0;
  while (i < text.length) {
    const c = text.charAt(i++);
    if (c === "?") return out + c + text.slice(i);
    if (c !== "%") {
      out += c;
      continue;
    }
    if (i === text.length) break;
    const high = hexValue(text.charCodeAt(i));
    if (high < 0) {
      out += text.charAt(i++);
      continue;
    }
    i++;
    if (i === text.length) break;
    const low = hexValue(text.charCodeAt(i++));
    // A broken escape disappears.
    if (low < 0) continue;
    const code = high * 16 + low;
    if (code === 0x3f) return `${out}?${text.slice(i)}`;
    out += code > 0x25 && code < 0x7f ? String.fromCharCode(code) : text.slice(i - 3, i);
  }
  return out;
}
