/** What a differential test is made of: a group is one configuration, a case is what one client does to it. */
import type { WIRES } from "../harness/backend-wire.ts";
import { type ClientStep, HALF_CLOSE, NEXT_PACKET } from "../harness/exchange.ts";
import type { Behaviour } from "../harness/recording-backend.ts";

/** Names under which a configuration speaks of ports: `{port}` and so on are replaced by numbers. */
export const LISTEN_PORTS = ["port", "port2", "port3"] as const;
/** Ports of recording backends: `{backend}` ... */
export const BACKEND_PORTS = ["backend", "backend2", "backend3"] as const;
/** A port on which nobody listens: `{dead}`. */
export const DEAD_PORT = "dead";

/** How a client speaks TLS. */
export interface CaseTls {
  readonly serverName?: string;
  readonly certificate?: string;
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
}

export interface Case {
  readonly name: string;
  /** One text is sent as it is and the responses are waited for; steps say it all themselves. */
  readonly send: string | readonly ClientStep[];
  /** Final responses to wait for when `send` is a text. */
  readonly responses?: number;
  /** 0-based numbers of the requests that are HEAD, where not all is told by the first word sent. */
  readonly heads?: readonly number[];
  /** Which listening port, or the path of a unix socket under the prefix. */
  readonly to?: (typeof LISTEN_PORTS)[number] | { readonly unix: string };
  /** Speaks TLS; names of certificates are those of `tls-certificates.ts`. */
  readonly tls?: CaseTls;
  /** Compares too how the connections to the backends were ended. */
  readonly upstreamEnd?: true;
}

export interface Group {
  /** Unique; with the case's name it names a test. */
  readonly subject: string;
  /** The inside of the http block. Placeholders: the ports above, `{root}` (the group's files), `{prefix}`, `{certs}`. */
  readonly config: string;
  /** Files under `{root}`, by relative path; a name with a final slash makes an empty folder. */
  readonly files?: Readonly<Record<string, string>>;
  /** What the backends do, on top of the shared table; see RecordingBackend. */
  readonly behaviours?: Readonly<Record<string, Behaviour>>;
  /** What the backends are spoken to in; HTTP unless told otherwise. */
  readonly wire?: keyof typeof WIRES;
  /** Level of the error log that is compared; `false` where its lines depend on timing. Default `error`. */
  readonly errorLog?: "info" | "notice" | "warn" | "error" | false;
  /** Fields of the access log line in place of the default. */
  readonly logFields?: string;
  readonly cases: readonly Case[];
}

/** A request of HTTP/1.1 with `Host: test` and the fields given. */
export function request(method: string, target: string, ...fields: readonly string[]): string {
  return `${[`${method} ${target} HTTP/1.1`, "Host: test", ...fields].join("\r\n")}\r\n\r\n`;
}

/** GET of HTTP/1.1 with `Host: test` and the fields given. */
export function get(target: string, ...fields: readonly string[]): string {
  return request("GET", target, ...fields);
}

/** GET that names another host. */
export function getFrom(host: string, target: string, ...fields: readonly string[]): string {
  return `${[`GET ${target} HTTP/1.1`, `Host: ${host}`, ...fields].join("\r\n")}\r\n\r\n`;
}

/** POST with a body and its length. */
export function post(target: string, body: string, ...fields: readonly string[]): string {
  return request("POST", target, ...fields, `Content-Length: ${body.length}`) + body;
}

/** Many GETs as cases of one table: name is the target. */
export function gets(...targets: readonly string[]): Case[] {
  return targets.map((target) => ({ name: `GET ${target}`, send: get(target) }));
}

/** The parts in packets of their own, then the wait for the responses. */
export function inPackets(responses: number, ...parts: readonly string[]): ClientStep[] {
  return [...parts.flatMap((part) => [part, NEXT_PACKET]), { waitResponses: responses }];
}

/** Sends all and then FIN, and waits for the responses. */
export function thenHalfClose(text: string, responses = 1): ClientStep[] {
  return [text, HALF_CLOSE, { waitResponses: responses }];
}
