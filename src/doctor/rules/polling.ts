/** What Socket.IO, SockJS and SignalR need before there is a WebSocket: ordinary requests that pass, quickly and uncached. */
import { parseSize } from "../../config/units.ts";
import { holdingLine, levelName } from "../../explain/level.ts";
import type { Edit } from "../edit.ts";
import type { Examination } from "../examination.ts";
import type { Rule, Symptom } from "../finding.ts";
import { setDirective } from "../header-lines.ts";
import { type ProxyPlace, passesUpgrade } from "../proxy-place.ts";

/** Places where clients begin by polling. */
function pollingPlaces({ places }: Examination): ProxyPlace[] {
  return places.filter((place) => place.app?.needsStickiness === true && place.handshake !== undefined);
}

export const pollingRefused: Rule = {
  id: "polling-refused",
  title: "requests without `Upgrade` are refused where Socket.IO, SockJS or SignalR begin with them",
  find(examination) {
    return pollingPlaces(examination).flatMap((place): Symptom[] => {
      const { location, level, plain, app, pass } = place;
      if (plain !== undefined || passesUpgrade(place) !== true || level.kind === "if") return [];
      const guard = location.lines.find(
        ({ name, args }) => name === "if" && /\$http_(?:upgrade|connection)/.test(args[0] ?? ""),
      );
      const on = holdingLine(level, "websocket");
      const at = guard ?? on ?? pass;
      const edits: Edit[] =
        guard !== undefined
          ? [{ kind: "remove", statement: guard }]
          : on?.args[0] === "on"
            ? setDirective(place, "websocket auto;")
            : [];
      return [
        {
          severity: "warning",
          at,
          message: `${levelName(location)} refuses what is no WebSocket handshake, and ${app?.name} begins with ordinary requests.`,
          consequence: `Clients as they are by default never get to their handshake: the first request is refused, and they report "xhr poll error" or a failed negotiation. Only those that are told to use WebSockets alone connect.`,
          remedy: "Let all requests of this path pass.",
          edits,
        },
      ];
    });
  },
};

export const pollingCached: Rule = {
  id: "polling-cached",
  title: "answers to Socket.IO's, SockJS' or SignalR's polling are cached against their will",
  find(examination) {
    return pollingPlaces(examination).flatMap((place): Symptom[] => {
      const { level, location, app } = place;
      const cache = holdingLine(level, "proxy_cache");
      const ignored = holdingLine(level, "proxy_ignore_headers");
      const ignores = ignored?.args.some((arg) => /^cache-control$/i.test(arg)) === true;
      if (cache === undefined || cache.args[0] === "off" || !ignores) return [];
      return [
        {
          severity: "warning",
          at: cache,
          message: `${levelName(location)} caches what ${app?.name} says must not be stored.`,
          consequence:
            "Clients get the session of somebody else, or an old answer again and again: 400 (Session ID unknown), messages that come twice or to the wrong person.",
          remedy: "Nothing here can be cached.",
          edits: setDirective(place, "proxy_cache off;"),
        },
      ];
    });
  },
};

/** What Socket.IO takes in one request by default (`maxHttpBufferSize`), which is also nginx's own default. */
const USUAL_BYTES = 1_000_000;

export const pollingBody: Rule = {
  id: "polling-body",
  title: "`client_max_body_size` is smaller than the messages that Socket.IO, SockJS or SignalR post",
  find(examination) {
    return pollingPlaces(examination).flatMap((place): Symptom[] => {
      const { level, location, app } = place;
      const line = holdingLine(level, "client_max_body_size");
      const bytes = line === undefined ? undefined : parseSize(line.args[0] ?? "");
      if (line === undefined || bytes === undefined || bytes === 0 || bytes >= USUAL_BYTES) return [];
      return [
        {
          severity: "warning",
          at: line,
          message: `${levelName(location)} takes bodies of ${line.args[0]} at most.`,
          consequence: `While ${app?.name} polls, messages are bodies of POSTs: a larger one gets 413, and the client reconnects. Once it is a WebSocket, nothing of this counts.`,
          remedy: "Take what the application takes: a megabyte by default.",
          edits: setDirective(place, "client_max_body_size 1m;"),
        },
      ];
    });
  },
};
