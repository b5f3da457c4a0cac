/** Refused handshakes that nobody sees. */
import type { Statement } from "../../config/syntax.ts";
import { holdingLine, holdingLines, levelName } from "../../explain/level.ts";
import type { Rule, Symptom } from "../finding.ts";
import { setDirective } from "../header-lines.ts";
import { passesUpgrade } from "../proxy-place.ts";

/** How backends refuse handshakes. */
const REFUSALS = /^(?:400|401|403|404|405|409|426|429)$/;

export const refusalHidden: Rule = {
  id: "refusal-hidden",
  title: "`proxy_intercept_errors` with `error_page` puts a page in the place of a refused handshake",
  find({ places }) {
    const seen = new Set<Statement>();
    return places.flatMap((place): Symptom[] => {
      const { level, location, likelihood } = place;
      const intercept = holdingLine(level, "proxy_intercept_errors");
      const pages = holdingLines(level, "error_page")?.lines ?? [];
      if (likelihood === "possible" || intercept?.args[0] !== "on") return [];
      const hiding = pages.filter(({ args }) => args.some((arg) => /^\d{3}$/.test(arg)));
      const [page] = hiding;
      const at = intercept;
      if (page === undefined || seen.has(location.statement ?? at)) return [];
      seen.add(location.statement ?? at);
      const codes = hiding.flatMap(({ args }) => args.filter((arg) => REFUSALS.test(arg)));
      const changes = hiding.some(({ args }) => args.some((arg) => /^=\d*$/.test(arg)));
      return [
        {
          severity: codes.length > 0 || changes ? "warning" : "note",
          at,
          message: `${levelName(location)} puts pages of the proxy in the place of the backend's answers${codes.length > 0 ? ` ${codes.join(", ")}` : ""}.`,
          consequence: `A backend that refuses a handshake says why, in its status and text; clients and logs get ${changes ? "another status and " : ""}a page of HTML instead.`,
          remedy: "Let the backend's answers pass where WebSockets are opened.",
          edits: [...setDirective(place, "proxy_intercept_errors off;")],
        },
      ];
    });
  },
};

export const accessLogOff: Rule = {
  id: "access-log-off",
  title: "`access_log off` where WebSockets are opened",
  find({ places }) {
    const seen = new Set<Statement>();
    return places.flatMap((place): Symptom[] => {
      const line = holdingLine(place.level, "access_log");
      if (passesUpgrade(place) !== true || line?.args[0] !== "off" || seen.has(line)) return [];
      seen.add(line);
      return [
        {
          severity: "note",
          at: line,
          message: `${levelName(place.location)} logs nothing.`,
          consequence:
            "The access log is the only place that shows which handshakes were refused (its status is not 101) and how long tunnels lived: a line for each, when it ends.",
          remedy: "Log them, with the time that the tunnel took.",
          edits: [],
          example: [
            `log_format websocket '$remote_addr "$request" $status $request_time s $bytes_sent $upstream_addr';  # in http`,
            "access_log /var/log/nginx/websocket.log websocket;",
          ],
        },
      ];
    });
  },
};
