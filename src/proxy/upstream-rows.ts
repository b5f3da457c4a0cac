/** The table that `proxy_*`, `uwsgi_*` and `scgi_*` share: one row here is one directive of each. */
import { flag, size, time } from "../config/arguments.ts";
import {
  type ArgumentType,
  between,
  ConfigFault,
  type Directive,
  directiveFault,
  exactly,
  HTTP_SERVER_LOCATION,
} from "../config/directive.ts";
import { bufs, leveledPath } from "../config/list-arguments.ts";
import { parseSize } from "../config/units.ts";
import { defaultTempDirectory } from "../http/temp-directory.ts";
import { normalIP, parseAddress } from "../net/address.ts";
import { compileTemplate, type Template } from "../template/template.ts";
import { cacheRows } from "./cache-rows.ts";
import { nextUpstreamRows } from "./next-upstream.ts";
import { passRequestRows } from "./request-headers.ts";
import { responseHeaderRows } from "./response-header-rules.ts";
import type { UpstreamDialect, UpstreamSettings } from "./upstream-settings.ts";

const PAGE_BYTES = 4096;
const MEGABYTE = 1024 * 1024;

/** nginx takes a port too. */
function refusedAddress(text: string, directive: string): ConfigFault {
  const parsed = parseAddress(text, { listen: false, uriPart: false, defaultPort: 0 });
  if ("fault" in parsed || parsed.address === undefined) return new ConfigFault(`invalid address "${text}"`);
  return new ConfigFault(`a port in "${directive}" is not supported by hopway: "${text}"`);
}

/** `proxy_bind address | off`; `transparent` needs rights and routes that a worker does not have here. */
const bindAddress: ArgumentType<Template | "off" | undefined> = {
  arity: between(1, 2),
  fallback: undefined,
  parse([address = "", word], site) {
    const { name } = site.statement;
    if (address === "off" && word === undefined) return "off";
    const compiled = compileTemplate(address, site);
    if (compiled instanceof ConfigFault) return compiled;
    const { constant } = compiled;
    if (constant !== undefined && normalIP(constant) === undefined) return refusedAddress(constant, name);
    if (word === undefined) return compiled;
    if (word !== "transparent") return new ConfigFault(`invalid parameter "${word}"`);
    return new ConfigFault(`"transparent" parameter of "${name}" is not supported by hopway`);
  },
};

const rateText: ArgumentType<Template | undefined> = {
  arity: exactly(1),
  fallback: undefined,
  parse([text = ""], site) {
    const compiled = compileTemplate(text, site);
    if (compiled instanceof ConfigFault || compiled.constant === undefined) return compiled;
    return parseSize(compiled.constant) === undefined ? directiveFault(site, "invalid value") : compiled;
  },
};

/** The rows of a family of directives, apart from `_pass` and what only its protocol has. */
export function upstreamRows<S extends UpstreamSettings>(dialect: UpstreamDialect): readonly Directive<S>[] {
  const { prefix, conditions } = dialect;
  const rows = [
    ...ownRows(prefix),
    ...cacheRows(prefix, conditions),
    ...passRequestRows(prefix),
    ...responseHeaderRows(prefix),
    ...nextUpstreamRows(prefix, conditions),
  ];
  return rows as readonly unknown[] as readonly Directive<S>[];
}

function ownRows(prefix: string): readonly Directive<UpstreamSettings>[] {
  return [
    {
      name: `${prefix}_connect_timeout`,
      in: HTTP_SERVER_LOCATION,
      arg: time(60_000),
      set: "connectTimeoutMs",
      doc: "Longest time to connect to a peer.",
    },
    {
      name: `${prefix}_read_timeout`,
      in: HTTP_SERVER_LOCATION,
      arg: time(60_000),
      set: "readTimeoutMs",
      doc: "Longest silence between two reads from the upstream; of a tunnel, in both directions.",
    },
    {
      name: `${prefix}_send_timeout`,
      in: HTTP_SERVER_LOCATION,
      arg: time(60_000),
      set: "sendTimeoutMs",
      doc: "Longest time the upstream may take no bytes of a request.",
    },
    {
      name: `${prefix}_buffering`,
      in: HTTP_SERVER_LOCATION,
      arg: flag(true),
      set: "buffering",
      doc: "Reads responses ahead of a slow client.",
    },
    {
      name: `${prefix}_request_buffering`,
      in: HTTP_SERVER_LOCATION,
      arg: flag(true),
      set: "requestBuffering",
      doc: "Reads a request's body whole before asking the upstream.",
    },
    {
      name: `${prefix}_buffer_size`,
      in: HTTP_SERVER_LOCATION,
      arg: size(PAGE_BYTES),
      set: "bufferBytes",
      doc: "Largest head of a response.",
    },
    {
      name: `${prefix}_buffers`,
      in: HTTP_SERVER_LOCATION,
      arg: bufs({ number: 8, size: PAGE_BYTES }),
      set: "buffers",
      doc: "Memory for reading ahead: number and size of buffers.",
    },
    {
      name: `${prefix}_busy_buffers_size`,
      in: HTTP_SERVER_LOCATION,
      arg: size(undefined),
      set: "busyBuffersBytes",
      doc: `Checked against ${prefix}_buffers as nginx does.`,
    },
    {
      name: `${prefix}_max_temp_file_size`,
      in: HTTP_SERVER_LOCATION,
      arg: size(1024 * MEGABYTE),
      set: "maxTempFileBytes",
      doc: "Largest temporary file for reading ahead; 0 for none.",
    },
    {
      name: `${prefix}_temp_file_write_size`,
      in: HTTP_SERVER_LOCATION,
      arg: size(undefined),
      set: "tempFileWriteBytes",
      doc: `Checked against ${prefix}_buffers as nginx does.`,
    },
    {
      name: `${prefix}_temp_path`,
      in: HTTP_SERVER_LOCATION,
      arg: leveledPath(defaultTempDirectory(prefix)),
      set: "tempPath",
      doc: "Folder for temporary files.",
    },
    {
      name: `${prefix}_ignore_client_abort`,
      in: HTTP_SERVER_LOCATION,
      arg: flag(false),
      set: "ignoreClientAbort",
      doc: "Goes on with the upstream when the client has gone.",
    },
    {
      name: `${prefix}_intercept_errors`,
      in: HTTP_SERVER_LOCATION,
      arg: flag(false),
      set: "interceptErrors",
      doc: "error_page holds for the upstream's statuses too.",
    },
    {
      name: `${prefix}_socket_keepalive`,
      in: HTTP_SERVER_LOCATION,
      arg: flag(false),
      set: "socketKeepalive",
      doc: "TCP keep-alive on connections to the upstream.",
    },
    {
      name: `${prefix}_limit_rate`,
      in: HTTP_SERVER_LOCATION,
      arg: rateText,
      set: "limitRate",
      doc: "Bytes per second read from the upstream.",
    },
    {
      name: `${prefix}_bind`,
      in: HTTP_SERVER_LOCATION,
      arg: bindAddress,
      set: "localAddress",
      doc: "Local address of connections to the upstream.",
    },
  ];
}
