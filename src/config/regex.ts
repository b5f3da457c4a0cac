/**
 * Regular expressions as configurations write them: PCRE's language, compiled to JavaScript's RegExp. Subjects are
 * latin1 strings, one character for each byte.
 */
import { ConfigFault } from "./directive.ts";
import { boundedMatcher, MAX_STEPS, MatchLimit } from "./regex-bounded.ts";
import { longestQuickSubject, regexCost } from "./regex-cost.ts";
import { RegexFault } from "./regex-fault.ts";
import { RegexTranslator, type Translation } from "./regex-translator.ts";
import { parseRegex } from "./regex-tree.ts";

/** A regular expression that is ready to match. */
export interface CompiledRegex {
  /**
   * `exec` numbers its groups as PCRE does, also where the translation needed groups of its own; `groups` has the named
   * ones. Without flags: case is folded in the pattern. Throws MatchLimit where a match would take too long.
   */
  readonly regex: RegExp;
  /** Names of groups, each once, in the order of the pattern. */
  readonly groupNames: readonly string[];
  /** Number of capture groups: the highest n for which `$n` can be set. */
  readonly captureCount: number;
}

/**
 * Compiles a pattern. `caseless` is `~*`: ASCII letters match in either case. A pattern that PCRE refuses, or that has no
 * counterpart in JavaScript (recursion, conditionals, `\K`, verbs), gives a fault in nginx's words.
 */
export function compileRegex(pattern: string, caseless: boolean): CompiledRegex | ConfigFault {
  const translation = new RegexTranslator(pattern, caseless).translate();
  if (translation instanceof RegexFault) return compileFault(pattern, translation.reason, translation.offset);
  const { names, groups } = translation;
  const numbered = numberGroups(translation);
  const regex = createRegExp(numbered.source);
  if (regex === undefined) return compileFault(pattern, "regular expression is too large", pattern.length);
  bound(regex, numbered.source, pattern);
  if (!numbered.plain) renumber(regex, numbered.indexes, names);
  return { regex, groupNames: [...names.keys()], captureCount: groups.length };
}

/** nginx's words for a pattern that does not compile (ngx_regex_compile). */
function compileFault(pattern: string, reason: string, offset: number): ConfigFault {
  const place = offset < pattern.length ? ` at "${pattern.slice(offset)}"` : "";
  return new ConfigFault(`pcre2_compile() failed: ${reason} in "${pattern}"${place}`);
}

function createRegExp(source: string): RegExp | undefined {
  try {
    return new RegExp(source);
  } catch {
    // JavaScriptCore gives up on patterns beyond its own size limits.
    return undefined;
  }
}

/** What is matched is shorter: header lines, URIs and bodies in memory are bounded by their buffers. */
const LONGEST_SUBJECT = 1024 * 1024;

/** A subject on which the pattern may be slow goes to a matcher that gives up; the others to JavaScript's own. */
function bound(regex: RegExp, source: string, pattern: string): void {
  const tree = parseRegex(source);
  if (tree === undefined) return;
  const longest = longestQuickSubject(regexCost(tree));
  if (longest >= LONGEST_SUBJECT) return;
  const execute = regex.exec.bind(regex);
  const bounded = boundedMatcher(tree, MAX_STEPS);
  regex.exec = (subject) => {
    if (subject.length <= longest) return execute(subject);
    try {
      return bounded(subject);
    } catch (error) {
      // nginx's words: -47 is PCRE2_ERROR_MATCHLIMIT.
      throw error instanceof MatchLimit
        ? new MatchLimit(`pcre2_match() failed: -47 on "${subject}" using "${pattern}"`)
        : error;
    }
  };
}

interface NumberedSource {
  readonly source: string;
  /** For each PCRE group, from 1 at index 0: the JavaScript groups that stand for it. */
  readonly indexes: readonly (readonly number[])[];
  /** Whether JavaScript's numbers and names are PCRE's. */
  readonly plain: boolean;
}

/** Replaces the marks that the translator left for groups and references. */
function numberGroups({ source, groups, names }: Translation): NumberedSource {
  const indexById = new Map<string, number>();
  for (const [, id = ""] of source.matchAll(/<G(\d+)>/g)) indexById.set(id, indexById.size + 1);
  const indexes = groups.map((ids) => ids.map((id) => indexById.get(String(id)) ?? 0));
  const plain = indexes.length === indexById.size && [...names.values()].every((numbers) => numbers.length === 1);
  const nameById = new Map<string, string>();
  if (plain) {
    for (const [name, numbers] of names) nameById.set(String(groups[(numbers[0] ?? 0) - 1]?.[0]), name);
  }
  const replaceMark = (_: string, kind: string, label: string): string => {
    switch (kind) {
      case "G":
        return nameById.has(label) ? `?<${nameById.get(label)}>` : "";
      case "A":
        return reference([indexById.get(label) ?? 0]);
      case "R":
        return reference(indexes[Number(label) - 1] ?? []);
      default:
        return reference((names.get(label) ?? []).flatMap((number) => indexes[number - 1] ?? []));
    }
  };
  return { indexes, plain, source: source.replace(/<([GARN])(\w+)>/g, replaceMark) };
}

/** A reference to whichever of the groups has matched: the others are empty in JavaScript. */
function reference(indexes: readonly number[]): string {
  return `(?:${indexes.map((index) => `(?:\\${index})`).join("")})`;
}

/** Makes `exec` of this one object give PCRE's numbers and names. */
function renumber(
  regex: RegExp,
  indexes: readonly (readonly number[])[],
  names: ReadonlyMap<string, readonly number[]>,
): void {
  const execute = regex.exec.bind(regex);
  regex.exec = (subject) => {
    const raw = execute(subject);
    if (raw === null) return null;
    const captures = indexes.map((list) => firstCapture(raw, list));
    const groups: Record<string, string> = {};
    for (const [name, numbers] of names) {
      const value = numbers.map((number) => captures[number - 1]).find((capture) => capture !== undefined);
      if (value !== undefined) groups[name] = value;
    }
    raw.splice(1, raw.length, ...captures.map((capture) => capture as string));
    raw.groups = groups;
    return raw;
  };
}

function firstCapture(match: RegExpExecArray, indexes: readonly number[]): string | undefined {
  for (const index of indexes) if (match[index] !== undefined) return match[index];
  return undefined;
}
