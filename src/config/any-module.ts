/** A module seen from outside, without the type of its settings: what the loader and the lists of directives work with. */
import type { AcceptedRow, ActionRow, ArgumentType, ConfigFault, Scope } from "./directive.ts";
import type { LoadContext } from "./load-context.ts";

/** A `FieldRow` of settings whose type is not known. */
export interface AnyFieldRow {
  readonly name: string;
  readonly in: number;
  readonly arg: ArgumentType<unknown>;
  readonly set: string;
  readonly doc: string;
}

/** A row of any module's table. */
export type AnyDirective = AnyFieldRow | ActionRow<object> | AcceptedRow;

/** Any `Module<S>`. */
export interface AnyModule {
  readonly id: number;
  readonly name: string;
  readonly definition: {
    readonly name: string;
    readonly directives: readonly AnyDirective[];
    create(): object;
    merge?(own: object, outer: object | undefined, scope: Scope, load: LoadContext): ConfigFault | undefined;
    register?(load: LoadContext): void;
    finish?(http: Scope, load: LoadContext): ConfigFault | undefined;
  };
  of(level: { readonly settings: object[] }): object;
}

/** Whether the row stores one value. */
export function isFieldRow(row: AnyDirective): row is AnyFieldRow {
  return "arg" in row;
}

/** Whether the row is only accepted. */
export function isAcceptedRow(row: AnyDirective): row is AcceptedRow {
  return "accepted" in row;
}

/** Whether the directive has a block between braces. */
export function hasBlock(row: AnyDirective): boolean {
  return ("opens" in row && row.opens !== undefined) || ("entries" in row && row.entries === true);
}
