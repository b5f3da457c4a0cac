/** What a simulated request went through, with the lines of the configuration that decided it. */
import type { Statement } from "../config/syntax.ts";

export type Phase = "post read" | "pre-access" | "access" | "pre-content" | "content";

/** One thing that happened, in order. */
export type TraceEvent =
  | {
      readonly kind: "location";
      /** A `location`, or an `if` of one that holds. */
      readonly statement: Statement;
      /** `$uri` when it was chosen. */
      readonly uri: string;
    }
  | {
      /** A line of the rewrite module that did something. */
      readonly kind: "rewrite";
      readonly statement: Statement;
      readonly effect: string;
    }
  | {
      /** A module's handler that had a say. */
      readonly kind: "handler";
      readonly phase: Phase;
      /** nginx's name of the module: `http_limit_conn`. */
      readonly module: string;
      readonly effect: string;
    };

/** One server of an upstream. */
export interface TracedPeer {
  /** As written. */
  readonly server: string;
  readonly backup: boolean;
  readonly down: boolean;
}

/** The request goes to an upstream. */
export interface ProxiedOutcome {
  readonly kind: "proxied";
  readonly directive: "proxy_pass" | "uwsgi_pass" | "scgi_pass";
  /** The line that says so; undefined where it is not found in the text. */
  readonly statement: Statement | undefined;
  /** After variables. */
  readonly url: string;
  /** Peers by the name of the block, or by host and port. */
  readonly upstream: string;
  /** The `upstream` block; undefined where the URL names a host itself. */
  readonly block: Statement | undefined;
  readonly peers: readonly TracedPeer[];
  /** The request as the upstream gets it, with the empty line; empty for uwsgi and SCGI, which have no text. */
  readonly head: string;
  /** The path that is asked of the upstream, with arguments. */
  readonly uri: string;
}

/** How it ended. */
export type Outcome =
  | ProxiedOutcome
  | {
      readonly kind: "answered";
      readonly status: number;
      /** Status line and fields. */
      readonly head: string;
      /** Its beginning, as sent. */
      readonly body: string;
      /** What the error log says of a failure; "" where there was none. */
      readonly why: string;
    }
  /** A module that is not simulated answers: FastCGI, Lua ... */
  | { readonly kind: "foreign"; readonly statement: Statement }
  /** Closed without an answer (`return 444`). */
  | { readonly kind: "closed" };

export interface Trace {
  /** The server that was chosen. */
  readonly server: Statement;
  /** How: by its name, or because none has the name and it is the first or `default_server`. */
  readonly chosenBy: "name" | "default";
  readonly events: readonly TraceEvent[];
  /** Where the request was at its end; undefined outside all locations. */
  readonly location: Statement | undefined;
  readonly outcome: Outcome;
}
