/** The request that a URL and the options of a command line stand for. */
import type { ClientRequest } from "./simulate.ts";

/** What a command line says beside the URL. */
export interface RequestOptions {
  readonly method: string | undefined;
  /** `Name: value`. */
  readonly headers: readonly string[];
  readonly from: string | undefined;
  /** Asked for as `[host:]port`: where the request comes in, if not at the URL's port. */
  readonly at: string | undefined;
}

export interface WantedRequest {
  readonly request: ClientRequest;
  readonly isHandshake: boolean;
}

/** What a client anywhere is called, of the addresses kept for documentation (RFC 5737). */
const SOME_CLIENT = "203.0.113.9";
/** The key of simulated handshakes: the example of RFC 6455 1.3. */
export const SAMPLE_KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** Reads them; a text says what is wrong. */
export function wantedRequest(url: string, options: RequestOptions): WantedRequest | string {
  const parts = /^(?:(https?|wss?):\/\/)?(\[[^\]]*\]|[^/?#:]*)(?::(\d+))?([/?][^#]*)?(?:#.*)?$/i.exec(url);
  if (parts === null || parts[2] === "") return `"${url}" is no URL`;
  const [, scheme = "http", host = "", port, rest = "/"] = parts;
  const kind = scheme.toLowerCase();
  const tls = kind === "https" || kind === "wss";
  const isHandshake = kind === "ws" || kind === "wss";
  const usual = tls ? 443 : 80;
  const at = /^(?:(.*):)?(\d+)$/.exec(options.at ?? "");
  if (options.at !== undefined && at === null) return `"${options.at}" is no port`;
  const given = new Map<string, readonly [string, string]>();
  const hostField = port === undefined || Number(port) === usual ? host : `${host}:${port}`;
  const usualFields: readonly (readonly [string, string])[] = [
    ["Host", hostField],
    ...(isHandshake ? handshakeFields(tls, hostField) : [["Accept", "*/*"] as const]),
  ];
  for (const field of usualFields) given.set(field[0].toLowerCase(), field);
  for (const header of options.headers) {
    const colon = header.indexOf(":");
    if (colon <= 0) return `"${header}" is no header line: Name: value`;
    const name = header.slice(0, colon);
    const value = header.slice(colon + 1).trim();
    if (value === "") given.delete(name.toLowerCase());
    else given.set(name.toLowerCase(), [name, value]);
  }
  const address = at?.[1] ?? (/^[\d.]+$|^\[/.test(host) ? host.replace(/^\[|\]$/g, "") : undefined);
  return {
    isHandshake,
    request: {
      method: options.method ?? "GET",
      target: rest.startsWith("/") ? rest : `/${rest}`,
      headers: [...given.values()],
      clientAddress: options.from ?? SOME_CLIENT,
      port: Number(at?.[2] ?? port ?? usual),
      address,
      tls,
    },
  };
}

/** What a browser sends (RFC 6455 4.1). */
export function handshakeFields(tls: boolean, host: string): readonly (readonly [string, string])[] {
  return [
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Key", SAMPLE_KEY],
    ["Sec-WebSocket-Version", "13"],
    ["Origin", `${tls ? "https" : "http"}://${host}`],
  ];
}
