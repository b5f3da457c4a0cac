/** A place where requests are proxied, with what a WebSocket handshake and a plain request become there. */
import type { Statement } from "../config/syntax.ts";
import type { Level } from "../explain/level.ts";
import type { ProxiedOutcome } from "../explain/trace.ts";
import type { KnownApp } from "./known-apps.ts";

/** How sure it is that WebSockets go through a place. */
export type Likelihood =
  /** Somebody said so, or the lines for an upgrade are there, if not all of them. */
  | "certain"
  /** Its name says so. */
  | "likely"
  /** It proxies. */
  | "possible";

/** What `proxy_pass` names. */
export interface PassUrl {
  /** As written. */
  readonly text: string;
  readonly tls: boolean;
  /** Name or IP literal; "" where it is made of variables. */
  readonly host: string;
  /** As written; undefined without one. */
  readonly port: number | undefined;
  /** From the first slash behind the address; "" without one. */
  readonly uri: string;
  readonly hasVariables: boolean;
}

export interface ProxyPlace {
  /** A `location`, or an `if` in one. */
  readonly level: Level;
  /** The location that `level` is or stands in. */
  readonly location: Level;
  readonly server: Level;
  /** The `proxy_pass` line. */
  readonly pass: Statement;
  readonly url: PassUrl;
  /** The block that it names. */
  readonly upstream: Level | undefined;
  readonly likelihood: Likelihood;
  readonly app: KnownApp | undefined;
  /** A path that leads here if no other location takes it; undefined where none can be told. */
  readonly sample: string | undefined;
  /** Ordinary requests come here too. */
  readonly shared: boolean;
  /** What the upstream gets of a WebSocket handshake, and of a plain GET; undefined where that cannot be simulated. */
  readonly handshake: UpstreamHead | undefined;
  readonly plain: UpstreamHead | undefined;
}

/** Whether a handshake reaches the backend with both fields; undefined where that is not known. */
export function passesUpgrade({ handshake }: ProxyPlace): boolean | undefined {
  if (handshake === undefined) return undefined;
  return handshake.field("upgrade") !== "" && handshake.lists("connection", "upgrade");
}

/** A request's head as an upstream gets it. */
export class UpstreamHead {
  /** Path and arguments. */
  readonly uri: string;
  readonly version: string;
  private readonly fields: ReadonlyMap<string, string>;

  constructor({ head, uri }: ProxiedOutcome) {
    const [requestLine = "", ...lines] = head.split("\r\n").filter((line) => line !== "");
    this.uri = uri;
    this.version = requestLine.slice(requestLine.lastIndexOf("/") + 1);
    this.fields = new Map(
      lines.map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
  }

  /** The value of a field, "" where it is not sent. */
  field(name: string): string {
    return this.fields.get(name.toLowerCase()) ?? "";
  }

  /** Whether a field is a list that holds a word, in any case of letters. */
  lists(name: string, word: string): boolean {
    return this.field(name)
      .split(",")
      .some((part) => part.trim().toLowerCase() === word);
  }
}
