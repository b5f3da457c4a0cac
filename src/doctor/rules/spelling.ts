/** Words that nginx does not know. */
import type { Statement } from "../../config/syntax.ts";
import { nginxDirectives } from "../../config/unsupported.ts";
import type { Level } from "../../explain/level.ts";
import { lineText } from "../../explain/statement-text.ts";
import { modules } from "../../modules/list.ts";
import type { Edit } from "../edit.ts";
import type { Examination } from "../examination.ts";
import type { Rule, Symptom } from "../finding.ts";
import { upgradeMap } from "../header-lines.ts";
import { nearest } from "../nearest.ts";

/** Those of nginx, and those that the tables here have. */
const KNOWN: ReadonlySet<string> = new Set([
  ...nginxDirectives(),
  ...modules.flatMap(({ definition }) => definition.directives.map(({ name }) => name)),
  "include",
]);

/** All statements of levels: what stands in tables (`map`, `types`) is no directive. */
export function statementsOf(level: Level): Statement[] {
  return [...level.lines, ...level.children.filter(({ kind }) => kind !== "other").flatMap(statementsOf)];
}

/** Directives of modules that are not nginx's own. */
export function foreignDirectives({ root }: Examination): ReadonlySet<string> {
  return new Set(
    statementsOf(root)
      .map(({ name }) => name)
      .filter((name) => !KNOWN.has(name)),
  );
}

export const unknownDirective: Rule = {
  id: "unknown-directive",
  title: "a directive that nginx does not know, and that is spelled almost like one",
  find({ root }) {
    return statementsOf(root).flatMap((statement): Symptom[] => {
      const { name, args, block } = statement;
      if (KNOWN.has(name)) return [];
      const meant = nearest(name, KNOWN);
      if (meant === undefined) return [];
      return [
        {
          severity: "error",
          at: statement,
          message: `"${name}" is no directive of nginx. ${meant}?`,
          consequence: `nginx does not start, and a reload changes nothing: unknown directive "${name}".`,
          remedy: `Write ${meant}.`,
          edits: [{ kind: "replace", statement, line: replacedName(statement, meant, args, block !== undefined) }],
        },
      ];
    });
  },
};

function replacedName(statement: Statement, name: string, args: readonly string[], opens: boolean): string {
  return lineText({ ...statement, name, args, block: opens ? [] : undefined });
}

export const unknownVariable: Rule = {
  id: "unknown-variable",
  title: "a variable that nothing defines, most often `$connection_upgrade` without its `map`",
  find(examination) {
    const { root, simulation } = examination;
    // A map that is there, in a place where nginx does not take it, is another rule's.
    const refused = (simulation?.leftOut ?? []).map(({ statement }) =>
      statement.name === "map" ? statement.args[1] : "",
    );
    const unknown = [...(simulation?.unknownVariables ?? [])].filter((name) => !refused.includes(`$${name}`));
    const defined = new Set(simulation?.variableNames);
    return unknown.flatMap((name): Symptom[] => {
      const at = statementsOf(root).find(({ args }) => args.some((arg) => mentions(arg, name)));
      if (at === undefined) return [];
      const meant = nearest(name, defined);
      const isUpgrade = /upgrade/.test(name) && meant === undefined;
      if (meant === undefined && !isUpgrade) return [];
      return [
        {
          severity: "error",
          at,
          message: `Nothing defines $${name}.${meant === undefined ? "" : ` $${meant}?`}`,
          consequence: `nginx does not start, and a reload changes nothing: unknown "${name}" variable.`,
          remedy: isUpgrade ? "The lines that use it go with a map in http." : `Write $${meant}.`,
          edits: isUpgrade ? upgradeMap(examination, at, `$${name}`) : renamed(at, name, meant ?? name),
        },
      ];
    });
  },
};

function mentions(text: string, name: string): boolean {
  return pattern(name).test(text);
}

function pattern(name: string): RegExp {
  return new RegExp(`(\\$\\{?)${name}\\b`, "gi");
}

function renamed(statement: Statement, name: string, meant: string): Edit[] {
  const args = statement.args.map((arg) => arg.replace(pattern(name), `$1${meant}`));
  return [{ kind: "replace", statement, line: lineText({ ...statement, args }) }];
}
