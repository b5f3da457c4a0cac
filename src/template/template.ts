/** Text with variables, compiled once: `"$host$request_uri"` becomes one function. */
import { type ArgumentType, ConfigFault, type DirectiveSite } from "../config/directive.ts";
import type { Request } from "../http/request.ts";
import { type Variable, variables } from "./variables.ts";

/** A compiled text. `constant` is its value when it holds no variable. */
export interface Template {
  readonly source: string;
  readonly constant: string | undefined;
  /** The text for a request; variables that are not found count as empty. */
  evaluate(r: Request): string;
}

/** A piece of a text with variables: literal text, the number of a capture, or a variable. */
export type TemplatePart = string | number | Variable;

const NAME_CHAR = /[A-Za-z0-9_]/;

/** Splits `a${b}c$1` into literals, capture numbers and variables, as ngx_http_script_compile. */
export function templateParts(text: string, site: DirectiveSite): TemplatePart[] | ConfigFault {
  const out: TemplatePart[] = [];
  let literal = "";
  let i = 0;
  while (i < text.length) {
    const ch = text[i]!;
    if (ch !== "$") {
      literal += ch;
      i++;
      continue;
    }
    i++;
    if (i === text.length) return new ConfigFault("invalid variable name");
    const digit = text.charCodeAt(i) - 48;
    if (digit >= 1 && digit <= 9) {
      if (literal !== "") out.push(literal);
      literal = "";
      out.push(digit);
      i++;
      continue;
    }
    let braced = false;
    if (text[i] === "{") {
      braced = true;
      i++;
      if (i === text.length) return new ConfigFault("invalid variable name");
    }
    const from = i;
    while (i < text.length && NAME_CHAR.test(text[i]!)) i++;
    const name = text.slice(from, i);
    if (braced) {
      if (text[i] !== "}") return new ConfigFault(`the closing bracket in "${name}" variable is missing`);
      i++;
    }
    if (name === "") return new ConfigFault("invalid variable name");
    if (literal !== "") out.push(literal);
    literal = "";
    out.push(variables(site.load).use(name, site.statement));
  }
  if (literal !== "") out.push(literal);
  return out;
}

function partText(part: TemplatePart, r: Request): string {
  if (typeof part === "string") return part;
  if (typeof part === "number") return r.captures?.[part] ?? "";
  return part.get(r) ?? "";
}

/** Compiles a text; faults name what is wrong with a variable's spelling. Unknown names are found when the load ends. */
export function compileTemplate(text: string, site: DirectiveSite): Template | ConfigFault {
  if (!text.includes("$")) return constantTemplate(text);
  const list = templateParts(text, site);
  if (list instanceof ConfigFault) return list;
  const [a, b, c] = list;
  if (list.length === 1 && typeof a === "object") {
    const variable = a;
    return { source: text, constant: undefined, evaluate: (r) => variable.get(r) ?? "" };
  }
  if (a !== undefined && b !== undefined && list.length === 2) {
    return { source: text, constant: undefined, evaluate: (r) => partText(a, r) + partText(b, r) };
  }
  if (a !== undefined && b !== undefined && c !== undefined && list.length === 3) {
    return { source: text, constant: undefined, evaluate: (r) => partText(a, r) + partText(b, r) + partText(c, r) };
  }
  return {
    source: text,
    constant: undefined,
    evaluate(r) {
      let out = "";
      for (let i = 0; i < list.length; i++) out += partText(list[i]!, r);
      return out;
    },
  };
}

/** A template without variables. */
export function constantTemplate(text: string): Template {
  return { source: text, constant: text, evaluate: () => text };
}

/** True where the text names a variable or capture, so that it must be compiled. */
export function hasVariables(text: string): boolean {
  return text.includes("$");
}

/** Directive argument with variables. */
export function template<F extends Template | undefined>(fallback: F): ArgumentType<Template | F> {
  return {
    arity: { min: 1, max: 1 },
    fallback,
    parse: (args, site) => compileTemplate(args[0]!, site),
  };
}
