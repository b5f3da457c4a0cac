/** Times after which tunnels are cut, or backends given up. */
import type { Statement } from "../../config/syntax.ts";
import { parseTime } from "../../config/units.ts";
import { holdingLine, levelName } from "../../explain/level.ts";
import { proxyModule } from "../../proxy/module.ts";
import type { Examination } from "../examination.ts";
import type { Rule, Symptom } from "../finding.ts";
import { setDirective } from "../header-lines.ts";
import { type ProxyPlace, passesUpgrade } from "../proxy-place.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
/** nginx's documentation: a connect timeout "cannot usually exceed 75 seconds". */
const LONGEST_CONNECT_MS = 75 * SECOND_MS;
/** What is proposed where somebody has to choose: longer than any usual ping, short enough to get rid of the dead. */
const PROPOSED = "proxy_read_timeout 1h;";

interface Timeout {
  readonly ms: number;
  /** Undefined for the default. */
  readonly line: Statement | undefined;
}

/** The default as the proxy's own table has it. */
function defaultMs(name: string): number {
  const row = proxyModule.definition.directives.find((directive) => directive.name === name);
  const fallback = row !== undefined && "arg" in row ? row.arg.fallback : undefined;
  return typeof fallback === "number" ? fallback : MINUTE_MS;
}

function timeoutAt(place: ProxyPlace, name: string): Timeout {
  const line = holdingLine(place.level, name);
  const ms = line === undefined ? undefined : parseTime(line.args.join(" "));
  return { ms: ms ?? defaultMs(name), line: ms === undefined ? undefined : line };
}

/** `55s`, `1h`, as people write it. */
export function timeText(ms: number): string {
  if (ms % (60 * MINUTE_MS) === 0 && ms > 0) return `${ms / (60 * MINUTE_MS)}h`;
  if (ms % MINUTE_MS === 0 && ms > MINUTE_MS) return `${ms / MINUTE_MS}m`;
  return ms % SECOND_MS === 0 ? `${ms / SECOND_MS}s` : `${ms}ms`;
}

/** Places of tunnels that the proxy itself does not keep alive. */
function silentPlaces({ places }: Examination): ProxyPlace[] {
  return places.filter((place) => {
    const own = holdingLine(place.level, "websocket_ping_interval");
    return passesUpgrade(place) === true && (own === undefined || own.args[0] === "off");
  });
}

export const timeoutBelowPing: Rule = {
  id: "timeout-below-ping",
  title: "`proxy_read_timeout` is not longer than the application's ping interval",
  find(examination) {
    return silentPlaces(examination).flatMap((place): Symptom[] => {
      const said = examination.facts.appPingMs;
      const pingMs = said ?? place.app?.pingMs;
      const { ms, line } = timeoutAt(place, "proxy_read_timeout");
      if (pingMs === undefined || ms > pingMs || ms === 0) return [];
      const who = said === undefined ? (place.app?.name ?? "The application") : "The application";
      const wanted = Math.max(3 * pingMs, MINUTE_MS);
      return [
        {
          severity: said !== undefined || line !== undefined ? "error" : "warning",
          at: line ?? place.pass,
          message: `${who} pings every ${timeText(pingMs)}, and proxy_read_timeout of ${levelName(place.location)} is ${timeText(ms)}.`,
          consequence: `An idle WebSocket is cut ${timeText(ms)} after its last message, before the ping can come: close code 1006, and again after each reconnect.`,
          remedy: "Wait for several pings before giving a tunnel up.",
          edits: setDirective(place, `proxy_read_timeout ${timeText(wanted)};`),
        },
      ];
    });
  },
};

export const readTimeoutShort: Rule = {
  id: "read-timeout",
  title: "`proxy_read_timeout` of 60 s or less, and no pings are known of",
  find(examination) {
    const seen = new Set<Statement>();
    return silentPlaces(examination).flatMap((place): Symptom[] => {
      const pingMs = examination.facts.appPingMs ?? place.app?.pingMs;
      const { ms, line } = timeoutAt(place, "proxy_read_timeout");
      if (pingMs !== undefined || ms > MINUTE_MS || ms === 0) return [];
      const at = line ?? place.pass;
      if (seen.has(at)) return [];
      seen.add(at);
      return [
        {
          severity: line !== undefined && ms < MINUTE_MS ? "warning" : "note",
          at,
          message: `${levelName(place.location)} cuts WebSockets that are silent for ${timeText(ms)}${line === undefined ? ", by default" : ""}.`,
          consequence: `${timeText(ms)} after the last message the connection ends with close code 1006, unless the application pings more often. Does it? Say so: --app-ping 25s.`,
          remedy: "Let silent tunnels live longer, or let the application ping.",
          edits: setDirective(place, PROPOSED),
        },
      ];
    });
  },
};

const TIMEOUTS = ["proxy_connect_timeout", "proxy_read_timeout", "proxy_send_timeout"] as const;

export const timeoutZero: Rule = {
  id: "timeout-zero",
  title: "a timeout of 0, which is no time at all and not for ever",
  find({ places }) {
    const seen = new Set<Statement>();
    return places.flatMap((place): Symptom[] =>
      TIMEOUTS.flatMap((name): Symptom[] => {
        const { ms, line } = timeoutAt(place, name);
        if (ms !== 0 || line === undefined || seen.has(line)) return [];
        seen.add(line);
        const value = name === "proxy_read_timeout" ? "1h" : "60s";
        return [
          {
            severity: "error",
            at: line,
            message: `${name} is 0: nothing is waited for.`,
            consequence:
              name === "proxy_send_timeout"
                ? "A backend that does not take all at once is given up: 504, or the tunnel is cut (1006)."
                : "Requests and handshakes end with 504 before the backend can answer.",
            remedy: "There is no value for ever: say a long time.",
            edits: [{ kind: "replace", statement: line, line: `${name} ${value};` }],
          },
        ];
      }),
    );
  },
};

export const connectTimeoutLong: Rule = {
  id: "connect-timeout",
  title: "`proxy_connect_timeout` over 75 s, which the system does not wait",
  find({ places }) {
    const seen = new Set<Statement>();
    return places.flatMap((place): Symptom[] => {
      const { ms, line } = timeoutAt(place, "proxy_connect_timeout");
      if (ms <= LONGEST_CONNECT_MS || line === undefined || seen.has(line)) return [];
      seen.add(line);
      return [
        {
          severity: "note",
          at: line,
          message: `proxy_connect_timeout is ${timeText(ms)}; the system gives up connecting after two minutes by itself.`,
          consequence:
            "It has nothing to do with how long a WebSocket may last. While a machine is gone, browsers wait that long for a handshake before the next peer is asked or they see 502: Linux gives up after 134 s, nginx by a shorter time of its own with 504.",
          remedy: "A backend that does not take a connection within seconds is not there.",
          edits: [{ kind: "replace", statement: line, line: "proxy_connect_timeout 10s;" }],
        },
      ];
    });
  },
};
