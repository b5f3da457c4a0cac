/** nginx's split_clients module: values by shares of all clients (ngx_http_split_clients_module.c). */
import { ConfigFault, type Directive, type DirectiveSite, exactly, HTTP, Module } from "../config/directive.ts";
import type { Statement } from "../config/syntax.ts";
import { defineComputed, definedName } from "../template/cached-variable.ts";
import { compileTemplate } from "../template/template.ts";

/** 100% in hundredths of a percent, as shares are kept. */
const ALL = 10_000;
const MAX_HASH = 0xffffffff;

/** MurmurHash2 with seed 0 over the bytes of a text: unsigned 32 bits (ngx_murmur_hash2). */
export function murmurHash2(text: string): number {
  const m = 0x5bd1e995;
  let left = text.length;
  let h = left;
  let i = 0;
  for (; left >= 4; left -= 4, i += 4) {
    let k =
      text.charCodeAt(i) |
      (text.charCodeAt(i + 1) << 8) |
      (text.charCodeAt(i + 2) << 16) |
      (text.charCodeAt(i + 3) << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    k = Math.imul(k, m);
    h = Math.imul(h, m) ^ k;
  }
  if (left >= 3) h ^= text.charCodeAt(i + 2) << 16;
  if (left >= 2) h ^= text.charCodeAt(i + 1) << 8;
  if (left >= 1) h = Math.imul(h ^ text.charCodeAt(i), m);
  h ^= h >>> 13;
  h = Math.imul(h, m);
  h ^= h >>> 15;
  return h >>> 0;
}

interface Share {
  /** Hundredths of a percent; 0 for `*`, the rest. */
  readonly percent: number;
  readonly value: string;
}

function parseShare(entry: Statement): Share | ConfigFault {
  const { name: text, args } = entry;
  const [value] = args;
  // nginx does not look at words after the value.
  if (value === undefined) return new ConfigFault("invalid number of the split_clients parameters");
  if (text === "*") return { percent: 0, value };
  const number = /^([0-9]*)(?:\.([0-9]{0,2}))?%$/.exec(text);
  const percent = number === null ? 0 : Number(`${number[1]}${(number[2] ?? "").padEnd(2, "0")}`);
  return percent === 0 ? new ConfigFault(`invalid percent value "${text}"`) : { percent, value };
}

/** Hashes below `bounds[i]` get `values[i]`. */
interface SplitTable {
  readonly bounds: readonly number[];
  readonly values: readonly string[];
}

function compileShares(shares: readonly Share[]): SplitTable | ConfigFault {
  const bounds: number[] = [];
  let sum = 0;
  let bound = 0;
  for (const { percent } of shares) {
    sum = percent === 0 ? ALL : sum + percent;
    if (sum > ALL) return new ConfigFault("percent total is greater than 100%", true);
    bound += Math.floor((percent * MAX_HASH) / ALL);
    bounds.push(percent === 0 ? MAX_HASH + 1 : bound);
  }
  return { bounds, values: shares.map((share) => share.value) };
}

function lookup(table: SplitTable, text: string): string {
  const hash = murmurHash2(text);
  const { bounds, values } = table;
  for (let i = 0; i < bounds.length; i++) {
    if (hash < bounds[i]!) return values[i]!;
  }
  return "";
}

function applySplitClients(site: DirectiveSite): ConfigFault | undefined {
  const [source = "", target = ""] = site.statement.args;
  const text = compileTemplate(source, site);
  if (text instanceof ConfigFault) return text;
  const name = definedName(target);
  if (name instanceof ConfigFault) return name;
  const shares: Share[] = [];
  for (const entry of site.statement.block ?? []) {
    const share = parseShare(entry);
    if (share instanceof ConfigFault) site.load.fail(entry, share.message);
    else shares.push(share);
  }
  const table = compileShares(shares);
  if (table instanceof ConfigFault) return table;
  return defineComputed(site.load, name, (r) => lookup(table, text.evaluate(r)), false);
}

const directives: readonly Directive<object>[] = [
  {
    name: "split_clients",
    in: HTTP,
    arity: exactly(2),
    entries: true,
    doc: "A variable with one of several values, by shares of all clients.",
    apply: (_own, site) => applySplitClients(site),
  },
];

export const splitClients: Module = new Module({ name: "http_split_clients", directives, create: () => ({}) });
