/** What is probed: a URL, and how it is asked for. */

export interface ProbeTarget {
  /** As given, with its scheme as ws or wss. */
  readonly url: string;
  readonly tls: boolean;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** Where to connect instead of the URL's host and port. */
  readonly connectTo: { readonly host: string; readonly port: number } | undefined;
  /** Path and arguments. */
  readonly path: string;
  /** `host`, or `host:port` where the port is not the scheme's own. */
  readonly hostField: string;
}

/** How handshakes are made. */
export interface ProbeWishes {
  readonly origin: string | undefined;
  /** `Name: value`. */
  readonly headers: readonly string[];
  readonly subprotocols: readonly string[];
  /** Longest time for each step. */
  readonly timeoutMs: number;
  /** Certificates are looked at, and do not end the probe. */
  readonly insecure: boolean;
}

const WS_PORT = 80;
const WSS_PORT = 443;

/** Reads a URL of ws, wss, http or https; a text says what is wrong. `connectTo` is `host:port`. */
export function parseTarget(text: string, connectTo: string | undefined): ProbeTarget | string {
  const parts =
    /^(?:(wss?|https?):\/\/)?(\[[0-9a-fA-F:.]+\]|[^/?#:[\]@\s]+)(?::(\d{1,5}))?([/?][^#\s]*)?(?:#\S*)?$/i.exec(text);
  if (parts === null) return `"${text}" is no URL: ws://host/path`;
  const [, scheme = "ws", hostText = "", portText, rest = "/"] = parts;
  const tls = /^(?:wss|https)$/i.test(scheme);
  const usual = tls ? WSS_PORT : WS_PORT;
  const port = portText === undefined ? usual : Number(portText);
  const path = rest.startsWith("/") ? rest : `/${rest}`;
  const hostField = port === usual ? hostText : `${hostText}:${port}`;
  const to = connectTo === undefined ? undefined : /^(\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(connectTo);
  if (to === null) return `"${connectTo}" is no address: host:port`;
  return {
    url: `${tls ? "wss" : "ws"}://${hostField}${path}`,
    tls,
    host: bare(hostText),
    port,
    connectTo: to === undefined ? undefined : { host: bare(to[1] ?? ""), port: Number(to[2]) },
    path,
    hostField,
  };
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}

/** The `Origin` of a page of the same site. */
export function ownOrigin({ tls, hostField }: ProbeTarget): string {
  return `${tls ? "https" : "http"}://${hostField}`;
}
