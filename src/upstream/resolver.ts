/** Names resolved while requests wait: the `resolver` directive (ngx_resolver.c). */
import { Resolver } from "node:dns";
import { normalIP } from "../net/address.ts";
import { nowMs } from "../net/timers.ts";

/** What the `resolver` directive says. */
export interface ResolverSettings {
  /** `address:port` of each name server; IPv6 in brackets. */
  servers: readonly string[];
  /** `valid=`; undefined: as long as the answer says. */
  readonly validMs: number | undefined;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}

/** Why a name has no address. The texts are nginx's (ngx_resolver_strerror). */
export class ResolveFault {
  /** Code of the DNS answer (RFC 1035 section 4.1.1), or 110 when none came in time. */
  readonly code: number;
  constructor(code: number) {
    this.code = code;
  }

  /** `foo could not be resolved (3: Host not found)`: the line in the error log. */
  message(name: string): string {
    return `${name} could not be resolved (${this.code}: ${FAULT_TEXT[this.code] ?? "Unknown error"})`;
  }
}

const FORMAT_ERROR = 1;
const SERVER_FAILURE = 2;
const HOST_NOT_FOUND = 3;
const UNIMPLEMENTED = 4;
const REFUSED = 5;
const TIMED_OUT = 110;

const FAULT_TEXT: Readonly<Record<number, string>> = {
  [FORMAT_ERROR]: "Format error",
  [SERVER_FAILURE]: "Server failure",
  [HOST_NOT_FOUND]: "Host not found",
  [UNIMPLEMENTED]: "Unimplemented",
  [REFUSED]: "Operation refused",
  [TIMED_OUT]: "Operation timed out",
};

/** Error codes of node:dns. */
const CODE_OF: Readonly<Record<string, number>> = {
  EFORMERR: FORMAT_ERROR,
  ESERVFAIL: SERVER_FAILURE,
  ENOTFOUND: HOST_NOT_FOUND,
  ENODATA: HOST_NOT_FOUND,
  EBADNAME: HOST_NOT_FOUND,
  ENOTIMP: UNIMPLEMENTED,
  EREFUSED: REFUSED,
  ETIMEOUT: TIMED_OUT,
};

/** Clients may choose the names (`proxy_pass http://$host`): the cache must not grow with what they send. */
const MAX_CACHED_NAMES = 10_000;

/** How long one name server is waited for, and how often the servers are asked in turn (nginx: 5 s, until the timeout). */
const QUERY_TIMEOUT_MS = 5_000;
const QUERY_TRIES = 4;

interface CachedName {
  readonly addresses: readonly string[];
  readonly validUntilMs: number;
}

/** One kind of address in an answer. */
interface Answer {
  readonly addresses: readonly string[];
  /** Smallest TTL in seconds. */
  readonly ttl: number;
  readonly fault: ResolveFault | undefined;
}

/** Asks for one kind of address of a name. */
export type Query = (name: string, family: 4 | 6) => Promise<Answer>;

/** A resolver with its cache; one per `resolver` directive. */
export class NameResolver {
  readonly settings: ResolverSettings;
  private readonly cache = new Map<string, CachedName>();
  /** Queries under way: several requests for one name wait for one answer. */
  private readonly waiting = new Map<string, Promise<readonly string[] | ResolveFault>>();
  private query: Query | undefined;

  /** `query` stands in for the name servers in tests. */
  constructor(settings: ResolverSettings, query?: Query) {
    this.settings = settings;
    this.query = query;
  }

  /** Addresses known without asking: an IP literal's own, or those of a valid cached answer. */
  known(name: string): readonly string[] | undefined {
    const cached = this.cache.get(normalName(name));
    if (cached !== undefined && nowMs() < cached.validUntilMs) return cached.addresses;
    const ip = normalIP(name);
    return ip === undefined ? undefined : [ip];
  }

  /** IP literals of a name, IPv4 first, at least one; or why there is none, after `timeoutMs` at the latest. */
  resolve(name: string, timeoutMs: number): Promise<readonly string[] | ResolveFault> {
    const known = this.known(name);
    if (known !== undefined) return Promise.resolve(known);
    const key = normalName(name);
    if (key === "") return Promise.resolve(new ResolveFault(HOST_NOT_FOUND));
    let answer = this.waiting.get(key);
    if (answer === undefined) {
      answer = this.ask(key).finally(() => this.waiting.delete(key));
      this.waiting.set(key, answer);
    }
    return withTimeout(answer, timeoutMs);
  }

  private async ask(name: string): Promise<readonly string[] | ResolveFault> {
    this.query ??= queryServers(this.settings.servers);
    const { ipv4, ipv6, validMs } = this.settings;
    const queries: Promise<Answer>[] = [];
    if (ipv4) queries.push(this.query(name, 4));
    if (ipv6) queries.push(this.query(name, 6));
    const answers = await Promise.all(queries);
    const addresses = answers.flatMap((answer) => answer.addresses);
    if (addresses.length === 0) {
      // A server's failure says more than the other family's "not found".
      const faults = answers.flatMap(({ fault }) => fault ?? []);
      return faults.find(({ code }) => code !== HOST_NOT_FOUND) ?? new ResolveFault(HOST_NOT_FOUND);
    }
    const ttl = Math.min(...answers.map((answer) => answer.ttl));
    this.remember(name, { addresses, validUntilMs: nowMs() + (validMs ?? ttl * 1000) });
    return addresses;
  }

  private remember(name: string, cached: CachedName): void {
    this.cache.delete(name);
    if (this.cache.size >= MAX_CACHED_NAMES) {
      const oldest = this.cache.keys().next();
      if (!oldest.done) this.cache.delete(oldest.value);
    }
    this.cache.set(name, cached);
  }
}

/** Names are the same in any case of letters and with a final dot. */
function normalName(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith(".") ? lower.slice(0, -1) : lower;
}

function withTimeout<T>(answer: Promise<T>, timeoutMs: number): Promise<T | ResolveFault> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(new ResolveFault(TIMED_OUT)), timeoutMs);
    answer.then((value) => {
      clearTimeout(timer);
      resolve(value);
    }, reject);
  });
}

function queryServers(servers: readonly string[]): Query {
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });
  resolver.setServers(servers);
  return (name, family) =>
    new Promise((resolve) => {
      const done = (error: NodeJS.ErrnoException | null, records: { address: string; ttl: number }[] | undefined) => {
        if (error !== null || records === undefined || records.length === 0) {
          const fault = new ResolveFault(CODE_OF[error?.code ?? "ENOTFOUND"] ?? SERVER_FAILURE);
          resolve({ addresses: [], ttl: Number.POSITIVE_INFINITY, fault });
          return;
        }
        const addresses = records.map((record) => normalIP(record.address) ?? record.address);
        resolve({ addresses, ttl: Math.min(...records.map((record) => record.ttl)), fault: undefined });
      };
      if (family === 4) resolver.resolve4(name, { ttl: true }, done);
      else resolver.resolve6(name, { ttl: true }, done);
    });
}
