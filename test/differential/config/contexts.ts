/** Places in a configuration, as texts around the statements that are tried there. */

export type ContextName =
  | "main"
  | "events"
  | "http"
  | "server"
  | "location"
  | "if in server"
  | "if in location"
  | "limit_except"
  | "upstream";

/** Statements that are tried one by one at a place. */
export interface Lines {
  readonly context: ContextName;
  readonly lines: readonly string[];
}

function inHttp(text: string): string {
  return `events { }\nhttp {\n${text}\n}\n`;
}

/** The configuration in which only these statements are said; they begin on a line of their own. */
export const CONTEXTS: Readonly<Record<ContextName, (statements: string) => string>> = {
  main: (text) => `${text}\nevents { }\n`,
  events: (text) => `events {\n${text}\n}\n`,
  http: inHttp,
  server: (text) => inHttp(`server {\n${text}\n}`),
  location: (text) => inHttp(`server {\nlisten 18080;\nlocation / {\n${text}\n}\n}`),
  "if in server": (text) => inHttp(`server {\nlisten 18080;\nif ($host) {\n${text}\n}\n}`),
  "if in location": (text) => inHttp(`server {\nlisten 18080;\nlocation / { if ($host) {\n${text}\n} }\n}`),
  limit_except: (text) => inHttp(`server {\nlisten 18080;\nlocation / { limit_except GET {\n${text}\n} }\n}`),
  upstream: (text) => inHttp(`upstream u {\n${text}\n}`),
};
