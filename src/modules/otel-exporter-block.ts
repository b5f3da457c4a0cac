/** The `otel_exporter` block: where spans go, and how many may wait (ngx_otel_module). */
import { ConfigFault, type DirectiveSite } from "../config/directive.ts";
import type { Statement } from "../config/syntax.ts";
import { parseInteger, parseTime } from "../config/units.ts";

export interface ExporterSettings {
  /** Where spans are posted to. */
  url: string;
  readonly headers: Record<string, string>;
  /** PEM; undefined: the certificates that everybody trusts. */
  trustedCertificates: string | undefined;
  /** A span waits no longer than this for others to leave with it. */
  intervalMs: number;
  /** So many spans leave together. */
  batchSize: number;
  /** So many batches may wait: what comes then is lost. */
  batchCount: number;
}

/** The port that collectors and nginx's module speak OTLP over gRPC on, and the one for OTLP over HTTP. */
const GRPC_PORT = "4317";
const HTTP_PORT = "4318";
const TRACES_PATH = "/v1/traces";

/** Reads the block's entries. */
export function readExporter(site: DirectiveSite): ExporterSettings | ConfigFault {
  const settings: ExporterSettings = {
    url: "",
    headers: {},
    trustedCertificates: undefined,
    intervalMs: 5000,
    batchSize: 512,
    batchCount: 4,
  };
  const seen = new Set<string>();
  for (const entry of site.statement.block ?? []) {
    const { name, args } = entry;
    if (args.length !== (name === "header" ? 2 : 1)) {
      return new ConfigFault(`invalid number of arguments in "${name}" directive`);
    }
    if (name !== "header" && seen.has(name)) return new ConfigFault(`"${name}" directive is duplicate`);
    seen.add(name);
    const fault = readEntry(settings, entry, site);
    if (fault !== undefined) return fault;
  }
  return settings.url === "" ? new ConfigFault('"otel_exporter" requires "endpoint"', true) : settings;
}

function readEntry(settings: ExporterSettings, entry: Statement, site: DirectiveSite): ConfigFault | undefined {
  const [value = "", second = ""] = entry.args;
  switch (entry.name) {
    case "endpoint": {
      const url = exporterUrl(value);
      if (url === undefined) return new ConfigFault(`invalid "otel_exporter" endpoint "${value}"`);
      settings.url = url.href;
      if (url.moved) {
        const where = shownUrl(url.href);
        site.load.warn(entry, `port ${GRPC_PORT} is for OTLP over gRPC: spans are sent over HTTP, to ${where}`);
      }
      return undefined;
    }
    case "header":
      settings.headers[value] = second;
      return undefined;
    case "trusted_certificate": {
      const pem = site.load.source.read(site.load.confPath(value));
      if (typeof pem !== "string") return new ConfigFault(`cannot load "${value}": ${pem.text}`);
      settings.trustedCertificates = pem;
      return undefined;
    }
    case "interval": {
      const ms = parseTime(value);
      if (ms === undefined || ms === 0) return new ConfigFault('"interval" directive invalid value');
      settings.intervalMs = ms;
      return undefined;
    }
    case "batch_size":
    case "batch_count": {
      const n = parseInteger(value);
      if (n === undefined || n === 0) return new ConfigFault(`"${entry.name}" directive invalid number`);
      settings[entry.name === "batch_size" ? "batchSize" : "batchCount"] = n;
      return undefined;
    }
    default:
      return new ConfigFault(`unknown directive "${entry.name}"`);
  }
}

/**
 * Where an endpoint as nginx knows it is posted to. nginx's module speaks gRPC, this one HTTP: `host:port` and a URL
 * without a path get OTLP's path, and gRPC's port becomes HTTP's (`moved`), as collectors listen on both. A URL with a
 * path is taken as it is.
 */
export function exporterUrl(endpoint: string): { readonly href: string; readonly moved: boolean } | undefined {
  let url: URL;
  try {
    url = new URL(/^https?:\/\//i.test(endpoint) ? endpoint : `http://${endpoint}`);
  } catch {
    return undefined;
  }
  if (url.pathname !== "/") return { href: url.href, moved: false };
  const moved = url.port === GRPC_PORT;
  if (moved) url.port = HTTP_PORT;
  url.pathname = TRACES_PATH;
  return { href: url.href, moved };
}

/** A URL for logs: without what may be a password or key. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
