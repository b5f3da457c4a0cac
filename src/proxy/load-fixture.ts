/** For tests: loads directives of this folder at the http level, and stands in for requests. */
import { type Directive, EVENTS, exactly, HTTP, MAIN, Module } from "../config/directive.ts";
import { loadConfig } from "../config/load.ts";
import { memorySource } from "../config/memory-source.ts";
import { HeaderList } from "../http/header-list.ts";
import type { Request } from "../http/request.ts";
import { ResponseHead } from "../http/response.ts";
import { variables } from "../template/variables.ts";
import { type CookieSettings, cookieRows, newCookieSettings } from "./cookies.ts";
import {
  NEXT_UPSTREAM_CONDITIONS,
  type NextUpstreamSettings,
  newNextUpstreamSettings,
  nextUpstreamRows,
} from "./next-upstream.ts";
import { type RedirectSettings, type RedirectSource, redirectRow } from "./redirect.ts";
import {
  newRequestHeaderSettings,
  passRequestRows,
  type RequestHeaderSettings,
  requestHeaderRows,
} from "./request-headers.ts";
import {
  newResponseHeaderSettings,
  type ResponseHeaderSettings,
  responseHeaderRows,
  trailersRow,
} from "./response-header-rules.ts";

/** All settings of this folder's tables. */
export interface FixtureSettings
  extends RequestHeaderSettings,
    ResponseHeaderSettings,
    RedirectSettings,
    CookieSettings,
    NextUpstreamSettings {}

/** What `proxy_redirect default` stands for in the next load. */
let source: RedirectSource | "variables" | undefined;

const fixtureModule: Module<FixtureSettings> = new Module<FixtureSettings>({
  name: "fixture",
  directives: [
    { name: "events", in: MAIN, arity: exactly(0), doc: "", opens: EVENTS, apply: () => undefined },
    { name: "http", in: MAIN, arity: exactly(0), doc: "", opens: HTTP, apply: () => undefined },
    ...requestHeaderRows,
    ...passRequestRows("proxy"),
    ...responseHeaderRows("proxy"),
    trailersRow,
    ...cookieRows,
    ...nextUpstreamRows("proxy", NEXT_UPSTREAM_CONDITIONS),
    redirectRow(() => source),
  ] as Directive<FixtureSettings>[],
  create: () => ({
    ...newRequestHeaderSettings(),
    ...newResponseHeaderSettings(),
    ...newCookieSettings(),
    ...newNextUpstreamSettings(),
    redirects: undefined,
  }),
  merge: (own) => own.headerFault ?? own.bodyFault,
  register(load) {
    variables(load).provide(
      [{ name: "uri", get: (r) => r.uri }],
      [{ prefix: "http_", get: (rest) => (r) => r.headers.get(rest.replaceAll("_", "-")) }],
    );
  },
  finish(_http, load) {
    variables(load).finish(load);
    return undefined;
  },
});

/** What came of a text: its settings, and its errors without their places. */
export interface FixtureLoad {
  readonly settings: FixtureSettings;
  readonly faults: readonly string[];
}

/** Loads statements of the http level. `$uri` and `$http_name` exist. */
export async function loadSettings(
  statements: string,
  redirectSource?: RedirectSource | "variables",
): Promise<FixtureLoad> {
  source = redirectSource;
  const files = memorySource({ "/h.conf": `events {}\nhttp {\n${statements}\n}\n` });
  const main = { path: "/h.conf", prefix: "/", confPrefix: "/", globals: "" };
  const loaded = await loadConfig([fixtureModule], main, files, { lookup: () => Promise.resolve([]) });
  const http = loaded.root.children.find((child) => child.kind === HTTP);
  if (http === undefined) throw new Error(JSON.stringify(loaded.diagnostics));
  return {
    settings: fixtureModule.of(http),
    faults: loaded.diagnostics.map((d) => d.message),
  };
}

/** Header lines from `Name: value` texts. */
export function headerList(...lines: readonly string[]): HeaderList {
  const list = new HeaderList();
  for (const line of lines) {
    const colon = line.indexOf(": ");
    list.add(line.slice(0, colon), line.slice(colon + 2));
  }
  return list;
}

/** As much of a request as the functions of this folder look at. */
export interface FakeRequest {
  uri: string;
  headers: HeaderList;
  out: ResponseHead;
  captures: RegExpExecArray | undefined;
  absoluteRedirect: boolean;
  limitRate: number | undefined;
  /** What was logged. */
  logged: string[];
}

/** A stand-in request, as itself and as the type that functions take. */
export function fakeRequest(...headers: readonly string[]): { fake: FakeRequest; r: Request } {
  const logged: string[] = [];
  const slots: (string | undefined)[] = [];
  const fake = {
    uri: "/the/uri",
    headers: headerList(...headers),
    out: new ResponseHead(),
    captures: undefined,
    absoluteRedirect: true,
    limitRate: undefined,
    logged,
    remoteAddress: "192.0.2.1",
    location: {
      core: {
        get absoluteRedirect(): boolean {
          return fake.absoluteRedirect;
        },
      },
    },
    slot: (slot: number): string | undefined => slots[slot],
    setSlot(slot: number, value: string | undefined): void {
      slots[slot] = value;
    },
    log: (_level: number, message: string): void => void logged.push(message),
    logError: (message: string): void => void logged.push(message),
  };
  return { fake, r: fake as unknown as Request };
}

/** The lines of a list as texts. */
export function linesOf(list: HeaderList): string[] {
  return list.names.slice(0, list.count).map((name, i) => `${name}: ${list.values[i]}`);
}
