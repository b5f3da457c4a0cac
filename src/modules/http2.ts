/**
 * HTTP/2, which is not here yet (ngx_http_v2_module): configurations that ask for it run, and their clients get HTTP/1.1,
 * which every one of them speaks where ALPN chooses (RFC 9113 3.2). `-t` and the start say so.
 */
import { flag, number, size } from "../config/arguments.ts";
import {
  type AcceptedRow,
  type ArgumentType,
  acceptedRow,
  ConfigFault,
  type DirectiveSite,
  directiveFault,
  exactly,
  HTTP,
  HTTP_SERVER_LOCATION,
  Module,
  SERVER,
} from "../config/directive.ts";
import { poolSize } from "./http-core-accepted-arguments.ts";

/** What becomes of the clients. */
export const NO_HTTP2 = "HTTP/2 is not supported yet, clients get HTTP/1.1";

const WHERE = HTTP | SERVER;
const WHY = "HTTP/2 is not here yet";

function row(name: string, where: number, check: ArgumentType<unknown>): AcceptedRow {
  return acceptedRow(name, where, check, WHY);
}

const FLAG = flag(undefined);

/** `http2 on|off`. */
const onOff: ArgumentType<unknown> = {
  ...FLAG,
  parse(args, site) {
    const value = FLAG.parse(args, site);
    if (value === true) site.load.warn(site.statement, `"http2 on" ignored: ${NO_HTTP2}`);
    return value;
  },
};

/** A size or number with a limit beyond being one (the `post` functions of nginx's table). */
function bounded(
  type: ArgumentType<number | undefined>,
  fault: (value: number, site: DirectiveSite) => ConfigFault | undefined,
): ArgumentType<number | undefined> {
  return {
    ...type,
    parse(args, site) {
      const value = type.parse(args, site);
      return typeof value === "number" ? (fault(value, site) ?? value) : value;
    },
  };
}

/** Room for the state of two frames. */
const MIN_RECEIVE_BYTES = 33;
const MAX_WINDOW_BYTES = 2 ** 31 - 1;

const receiveSize = bounded(size(undefined), (bytes, site) =>
  bytes < MIN_RECEIVE_BYTES ? directiveFault(site, "value is too small") : undefined,
);
const prereadSize = bounded(size(undefined), (bytes) =>
  bytes > MAX_WINDOW_BYTES ? new ConfigFault(`the maximum body preread buffer size is ${MAX_WINDOW_BYTES}`) : undefined,
);
const chunkSize = bounded(size(undefined), (bytes) =>
  bytes === 0 ? new ConfigFault("the http2 chunk size cannot be zero") : undefined,
);
const indexSize = bounded(number(undefined), (count, site) =>
  count === 0 || (count & (count - 1)) !== 0 ? directiveFault(site, "must be a power of two") : undefined,
);

/** nginx itself has no use for it any more (ngx_http_v2_obsolete). */
function obsolete(name: string, where: number, instead: string | undefined): AcceptedRow {
  const rest = instead === undefined ? ", ignored" : `, use the "${instead}" directive instead`;
  return row(name, where, {
    arity: exactly(1),
    fallback: undefined,
    accumulates: true,
    parse(_args, site) {
      site.load.warn(site.statement, `the "${name}" directive is obsolete${rest}`);
      return undefined;
    },
  });
}

export const http2Module: Module = new Module({
  name: "http_v2",
  directives: [
    row("http2", WHERE, onOff),
    row("http2_recv_buffer_size", HTTP, receiveSize),
    row("http2_pool_size", WHERE, poolSize),
    row("http2_max_concurrent_streams", WHERE, number(undefined)),
    row("http2_body_preread_size", WHERE, prereadSize),
    row("http2_streams_index_size", WHERE, indexSize),
    row("http2_chunk_size", HTTP_SERVER_LOCATION, chunkSize),
    obsolete("http2_max_requests", WHERE, "keepalive_requests"),
    obsolete("http2_max_field_size", WHERE, "large_client_header_buffers"),
    obsolete("http2_max_header_size", WHERE, "large_client_header_buffers"),
    obsolete("http2_recv_timeout", WHERE, "client_header_timeout"),
    obsolete("http2_idle_timeout", WHERE, "keepalive_timeout"),
    obsolete("http2_max_concurrent_pushes", WHERE, undefined),
    obsolete("http2_push_preload", HTTP_SERVER_LOCATION, undefined),
    obsolete("http2_push", HTTP_SERVER_LOCATION, undefined),
  ],
  create: () => ({}),
});
