/** `resolver` and `resolver_timeout`: who is asked for names that are known only at run time. */
import { time } from "../config/arguments.ts";
import { HTTP_SERVER_LOCATION, Module } from "../config/directive.ts";
import type { NameResolver } from "./resolver.ts";
import { resolverArgument } from "./resolver-directive.ts";

export interface ResolverLevel {
  resolver: NameResolver | undefined;
  resolverTimeoutMs: number;
}

export const resolverModule: Module<ResolverLevel> = new Module<ResolverLevel>({
  name: "http_resolver",
  directives: [
    {
      name: "resolver",
      in: HTTP_SERVER_LOCATION,
      arg: resolverArgument,
      set: "resolver",
      doc: "Name servers for names known only at run time.",
    },
    {
      name: "resolver_timeout",
      in: HTTP_SERVER_LOCATION,
      arg: time(30_000),
      set: "resolverTimeoutMs",
      doc: "Longest time of a name look-up.",
    },
  ],
  create: () => ({}) as unknown as ResolverLevel,
});
