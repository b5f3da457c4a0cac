/** For tests: loads `http { ... }` texts with the upstream module and as little else as that needs. */
import { type DirectiveSite, EVENTS, exactly, HTTP, MAIN, Module } from "../config/directive.ts";
import { type LoadedConfig, loadConfig } from "../config/load.ts";
import { memorySource } from "../config/memory-source.ts";
import type { ChoiceInput } from "./balancer.ts";
import { upstreamModule } from "./module.ts";
import type { NameResolver } from "./resolver.ts";
import { resolverArgument } from "./resolver-directive.ts";
import type { Upstream } from "./upstream.ts";
import { upstreams } from "./upstream-set.ts";

interface FixtureSettings {
  resolver: NameResolver | undefined;
  passed: Upstream[];
}

/** `pass HOST PORT` stands for a proxy_pass with a written port, `pass HOST` for one without. */
export const fixtureModule: Module<FixtureSettings> = new Module<FixtureSettings>({
  name: "fixture",
  create: () => ({ resolver: undefined, passed: [] }),
  directives: [
    { name: "events", in: MAIN, arity: exactly(0), doc: "", opens: EVENTS, apply: () => undefined },
    { name: "http", in: MAIN, arity: exactly(0), doc: "", opens: HTTP, apply: () => undefined },
    { name: "resolver", in: HTTP, arg: resolverArgument, set: "resolver", doc: "" },
    { name: "pass", in: HTTP, arity: { min: 1, max: 2 }, doc: "", apply: applyPass },
  ],
});

function applyPass(own: FixtureSettings, site: DirectiveSite): undefined {
  const [host = "", port] = site.statement.args;
  own.passed.push(upstreams(site.load).implicit(host, Number(port ?? 80), site, port !== undefined));
}

const HOSTS: Readonly<Record<string, readonly string[]>> = {
  two: ["10.0.0.1", "10.0.0.2"],
  six: ["::1"],
};

/** Loads the statements of an http block, one per line; the first is on line 3. Hosts `two` and `six` exist. */
export function loadHttp(lines: string): Promise<LoadedConfig> {
  const source = memorySource({ "/etc/h.conf": `events {}\nhttp {\n${lines}\n}\n` });
  const main = { path: "/etc/h.conf", prefix: "/etc/", confPrefix: "/etc/", globals: "" };
  const hosts = { lookup: (host: string) => Promise.resolve(HOSTS[host] ?? []) };
  return loadConfig([fixtureModule, upstreamModule], main, source, hosts);
}

/** The upstream `u` of a block with these statements; fails the test when the text does not load. */
export async function loadUpstream(block: string): Promise<Upstream> {
  const loaded = await loadHttp(`upstream u { ${block} }`);
  const upstream = upstreams(loaded.load).find("u", 0, false);
  if (upstream === undefined || loaded.load.failed) throw new Error(JSON.stringify(loaded.diagnostics));
  return upstream;
}

/** A request whose address, key and clock a test sets. */
export class FakeChoice implements ChoiceInput {
  nowMs = 0;
  key: string;
  address: Uint8Array;

  constructor(key = "", address: Uint8Array = new Uint8Array(0)) {
    this.key = key;
    this.address = address;
  }

  hashKey(): string {
    return this.key;
  }

  clientAddress(): Uint8Array {
    return this.address;
  }
}
