/** The `websocket_*` directives and variables: what hopway has and nginx has not. */
import { isUtf8 } from "node:buffer";
import { choice, flag, time } from "../config/arguments.ts";
import {
  type ArgumentType,
  atLeast,
  between,
  ConfigFault,
  type Directive,
  directiveFault,
  HTTP_SERVER_LOCATION,
  invalidParameter,
  LOCATION_IF,
  Module,
} from "../config/directive.ts";
import type { LoadContext } from "../config/load-context.ts";
import { parseInteger, parseOffset, parseTime } from "../config/units.ts";
import { phaseHandlers } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import { watching } from "../metrics/watching.ts";
import { variables } from "../template/variables.ts";
import { admissionHandler } from "./admission.ts";
import { GOING_AWAY } from "./endings.ts";
import { maySend } from "./frame-rules.ts";
import { type MessageRate, parseMessageRate } from "./message-rate.ts";
import { type OriginRules, parseOrigins } from "./origins.ts";
import type { DrainSettings, MessageLimit, PingSettings, WebSocketSettings } from "./settings.ts";
import { webSocketVariables } from "./variables.ts";

const PLACES = HTTP_SERVER_LOCATION | LOCATION_IF;

const DEFAULT_PING_TIMEOUT_MS = 10_000;

/** `30s [timeout=10s]`, or `off`. */
const pingInterval: ArgumentType<PingSettings | "off" | undefined> = {
  arity: between(1, 2),
  fallback: undefined,
  parse([interval = "", option]) {
    if (interval === "off") return option === undefined ? "off" : invalidParameter(option);
    const intervalMs = parseTime(interval) ?? 0;
    if (intervalMs === 0) return new ConfigFault(`invalid interval "${interval}"`);
    if (option === undefined) return { intervalMs, timeoutMs: DEFAULT_PING_TIMEOUT_MS };
    if (!option.startsWith("timeout=")) return invalidParameter(option);
    const timeoutMs = parseTime(option.slice("timeout=".length)) ?? 0;
    return timeoutMs === 0 ? invalidParameter(option) : { intervalMs, timeoutMs };
  },
};

/** `1m [decompressed]`. */
const messageSize: ArgumentType<MessageLimit> = {
  arity: between(1, 2),
  fallback: { bytes: 0, decompressed: false },
  parse([size = "", option], site): MessageLimit | ConfigFault {
    const bytes = parseOffset(size);
    if (bytes === undefined) return directiveFault(site, "invalid value");
    if (option !== undefined && option !== "decompressed") return invalidParameter(option);
    return { bytes, decompressed: option !== undefined };
  },
};

const messageRate: ArgumentType<MessageRate | "off" | undefined> = {
  arity: between(1, 3),
  fallback: undefined,
  parse: ([rate = "", ...options]) =>
    rate === "off" && options.length === 0 ? "off" : parseMessageRate(rate, options),
};

/** A control frame's payload without the code. */
const MAX_REASON_BYTES = 123;

/** `30s [code=1001] [reason=text]`, or `off`. */
const drain: ArgumentType<DrainSettings | "off" | undefined> = {
  arity: between(1, 3),
  fallback: undefined,
  parse([window = "", ...options]) {
    if (window === "off" && options.length === 0) return "off";
    const windowMs = parseTime(window);
    if (windowMs === undefined) return new ConfigFault(`invalid window "${window}"`);
    let code = GOING_AWAY;
    let reason = "";
    for (const option of options) {
      if (option.startsWith("code=")) {
        code = parseInteger(option.slice("code=".length)) ?? 0;
        if (!maySend(code)) return invalidParameter(option);
      } else if (option.startsWith("reason=")) {
        reason = option.slice("reason=".length);
        const bytes = Buffer.from(reason, "latin1");
        if (bytes.length > MAX_REASON_BYTES || !isUtf8(bytes)) return invalidParameter(option);
      } else return invalidParameter(option);
    }
    return { windowMs, code, reason };
  },
};

const origins: ArgumentType<OriginRules | "off" | undefined> = {
  arity: atLeast(1),
  fallback: undefined,
  parse: (args) => (args[0] === "off" && args.length === 1 ? "off" : parseOrigins(args)),
};

const directives: readonly Directive<WebSocketSettings>[] = [
  {
    name: "websocket",
    in: PLACES,
    arg: choice(["on", "auto", "off"], undefined),
    set: "mode",
    doc: "auto: proxies handshakes as such without proxy_set_header; on: answers all other requests with 426.",
  },
  {
    name: "websocket_ping_interval",
    in: PLACES,
    arg: pingInterval,
    set: "pings",
    doc: "Pings a side that has been silent for so long; without an answer within the timeout it is dead.",
  },
  {
    name: "websocket_max_message_size",
    in: PLACES,
    arg: messageSize,
    set: "maxMessage",
    doc: "A larger message ends the WebSocket with 1009; decompressed: one that decompresses to more does, too.",
  },
  {
    name: "websocket_message_rate",
    in: PLACES,
    arg: messageRate,
    set: "messageRate",
    doc: "How many messages and pings a client may send; faster ones wait, or end the WebSocket with 1008.",
  },
  {
    name: "websocket_allowed_origins",
    in: PLACES,
    arg: origins,
    set: "allowedOrigins",
    doc: "Sites whose pages may open WebSockets here; others get a 403.",
  },
  {
    name: "websocket_validate",
    in: PLACES,
    arg: flag(false),
    set: "validate",
    doc: "What breaks RFC 6455 ends the WebSocket with 1002 or 1007, and is not passed on.",
  },
  {
    name: "websocket_idle_timeout",
    in: PLACES,
    arg: time(0),
    set: "idleTimeoutMs",
    doc: "A WebSocket without messages for so long is closed; pings don't count.",
  },
  {
    name: "websocket_max_duration",
    in: PLACES,
    arg: time(0),
    set: "maxDurationMs",
    doc: "A WebSocket that has been open for so long is closed.",
  },
  {
    name: "websocket_slow_consumer_timeout",
    in: PLACES,
    arg: time(0),
    set: "slowConsumerTimeoutMs",
    doc: "A side that reads nothing for so long, while bytes wait for it, is closed with 1013.",
  },
  {
    name: "websocket_drain",
    in: PLACES,
    arg: drain,
    set: "drain",
    doc: "WebSockets that have to go, as the proxy stops or their peer does, are closed one by one within this time.",
  },
];

/** What a tunnel of this level needs. `websocket off` turns all of it off, the check of origins excepted. */
function watchOf(own: WebSocketSettings, load: LoadContext): WebSocketSettings["watch"] {
  const shown = variables(load).isUsed("websocket_") || watching(load).wanted;
  const drains = typeof own.drain === "object" && own.mode !== "off";
  const counted = drains || own.mode === "on" || own.mode === "auto" || shown;
  const guards =
    typeof own.pings === "object" ||
    typeof own.messageRate === "object" ||
    own.validate ||
    own.maxMessage.bytes > 0 ||
    own.idleTimeoutMs > 0 ||
    own.maxDurationMs > 0 ||
    own.slowConsumerTimeoutMs > 0;
  if (guards && own.mode !== "off") return "guard";
  return counted ? "count" : "no";
}

export const webSocketModule: Module<WebSocketSettings> = new Module<WebSocketSettings>({
  name: "http_websocket",
  directives,
  create: () => ({ watch: "no" }) as WebSocketSettings,
  merge(own, _outer, _scope, load) {
    own.watch = watchOf(own, load);
    return undefined;
  },
  register(load) {
    variables(load).provide(webSocketVariables(() => webSocketModule.id));
    const settingsOf = (r: Request): WebSocketSettings => webSocketModule.of(r.location);
    phaseHandlers(load).preAccess.push(admissionHandler(settingsOf, () => webSocketModule.id));
  },
});
