/** The condition of `if` (ngx_http_rewrite_if_condition). */

import { ConfigFault, type DirectiveSite } from "../config/directive.ts";
import type { Request } from "../http/request.ts";
import { CRIT, NOTICE } from "../net/error-log.ts";
import { ENAMETOOLONG, ENOENT, ENOTDIR, type FileStatus, pathStatus } from "../net/file.ts";
import { numberedError } from "../net/libc.ts";
import { type Variable, variables } from "../template/variables.ts";
import { compileValue, type StepText } from "./rewrite-program.ts";
import { compileSubjectMatch } from "./rewrite-regex.ts";

/** True when the block is to run. */
export type Condition = (r: Request) => boolean;

/** Whether the level whose program runs logs its steps: known when the levels are merged. */
export interface RewriteLog {
  readonly log: boolean | undefined;
}

const invalid = (text: string): ConfigFault => new ConfigFault(`invalid condition "${text}"`);

/** Compiles the words between `if` and `{`. */
export function compileCondition(site: DirectiveSite, logging: RewriteLog): Condition | ConfigFault {
  const words = withoutBrackets(site.statement.args);
  if (words instanceof ConfigFault) return words;
  const [first = "", operator, value = ""] = words;
  if (first.length > 1 && first.startsWith("$")) {
    if (words.length !== 1 && words.length !== 3) return invalid(first);
    const variable = variables(site.load).use(first.slice(1), site.statement);
    if (operator === undefined) return truth(variable);
    return compareVariable(variable, operator, value, site, logging);
  }
  if (/^!?-.$/s.test(first)) {
    if (words.length !== 2) return invalid(first);
    return fileTest(first, operator ?? "", site);
  }
  return invalid(first);
}

function withoutBrackets(args: readonly string[]): readonly string[] | ConfigFault {
  const words = [...args];
  const first = words[0] ?? "";
  if (!first.startsWith("(")) return invalid(first);
  if (first.length === 1) words.shift();
  else words[0] = first.slice(1);
  const last = words.at(-1) ?? "";
  if (!last.endsWith(")")) return invalid(last);
  if (last.length === 1) words.pop();
  else words[words.length - 1] = last.slice(0, -1);
  return words.length === 0 ? invalid(last) : words;
}

/** Neither empty nor "0". */
function truth(variable: Variable): Condition {
  return (r) => {
    const value = variable.get(r);
    return value !== undefined && value !== "" && value !== "0";
  };
}

function compareVariable(
  variable: Variable,
  operator: string,
  value: string,
  site: DirectiveSite,
  logging: RewriteLog,
): Condition | ConfigFault {
  switch (operator) {
    case "=":
    case "!=": {
      const wanted = compileValue(value, site);
      if (wanted instanceof ConfigFault) return wanted;
      return equality(variable, wanted, operator === "=");
    }
    case "~":
    case "~*":
    case "!~":
    case "!~*": {
      const matches = compileSubjectMatch(value, operator.endsWith("*"), site);
      if (matches instanceof ConfigFault) return matches;
      const wanted = !operator.startsWith("!");
      return (r) => {
        const subject = variable.get(r) ?? "";
        const matched = matches(r, subject);
        if (logging.log === true) {
          r.log(NOTICE, `"${value}" ${matched ? "matches" : "does not match"} "${subject}"`);
        }
        return matched === wanted;
      };
    }
    default:
      return new ConfigFault(`unexpected "${operator}" in condition`);
  }
}

function equality(variable: Variable, wanted: StepText, equal: boolean): Condition {
  return (r) => ((variable.get(r) ?? "") === wanted(r)) === equal;
}

const FILE_TESTS: Readonly<Record<string, (status: FileStatus) => boolean>> = {
  f: (status) => status.isFile,
  d: (status) => status.isFolder,
  e: () => true,
  // nginx looks at the owner's bit.
  x: (status) => status.ownerExecutes,
};

function fileTest(operator: string, path: string, site: DirectiveSite): Condition | ConfigFault {
  const test = FILE_TESTS[operator.at(-1) ?? ""];
  if (test === undefined) return invalid(operator);
  const text = compileValue(path, site);
  if (text instanceof ConfigFault) return text;
  const wanted = !operator.startsWith("!");
  return (r) => {
    const stats = statsOf(r, text(r));
    return (stats !== undefined && test(stats)) === wanted;
  };
}

function statsOf(r: Request, path: string): FileStatus | undefined {
  // The path ends at a zero byte, as for every system call.
  const end = path.indexOf("\0");
  const name = end < 0 ? path : path.slice(0, end);
  if (name === "") return undefined;
  const status = pathStatus(name);
  if (typeof status !== "number") return status;
  if (status !== ENOENT && status !== ENOTDIR && status !== ENAMETOOLONG) {
    r.log(CRIT, `stat() "${name}" failed (${numberedError(status)})`);
  }
  return undefined;
}
