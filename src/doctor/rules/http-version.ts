/** WebSockets begin with HTTP/1.1 (RFC 6455 4.1). */
import { holdingLine, levelName, ownLines } from "../../explain/level.ts";
import type { Rule, Symptom } from "../finding.ts";
import { setDirective } from "../header-lines.ts";
import { passesUpgrade } from "../proxy-place.ts";

const WITHOUT_UPGRADE =
  'HTTP/2 has no "Upgrade" (RFC 9113, 8.6): the backend gets an ordinary GET, and answers 400, 404, 426 or a page. nginx before 1.29.4 does not start.';

export const httpVersion: Rule = {
  id: "http-version",
  title: "`proxy_http_version` is 1.0 or 2, or not set where older nginx takes 1.0",
  find({ places }) {
    return places.flatMap((place): Symptom[] => {
      const websocket = holdingLine(place.level, "websocket")?.args[0];
      if (passesUpgrade(place) !== true || websocket === "on" || websocket === "auto") return [];
      const line = holdingLine(place.level, "proxy_http_version");
      const version = line?.args[0];
      if (version !== undefined && version !== "1.0" && version !== "2") return [];
      const own = ownLines(place.location, "proxy_http_version");
      return [
        {
          severity: line === undefined ? "warning" : "error",
          at: own[0] ?? line ?? place.pass,
          message:
            line === undefined
              ? `${levelName(place.location)} does not set proxy_http_version, which is 1.0 in nginx before 1.29.7.`
              : `${levelName(place.location)} passes handshakes on in HTTP/${version}.`,
          consequence:
            version === "2"
              ? WITHOUT_UPGRADE
              : "Backends that keep to RFC 6455 refuse a handshake in HTTP/1.0 with 400, 426 or 505, or close the connection (502); others answer 101.",
          remedy: "A handshake is a request of HTTP/1.1.",
          edits: setDirective(place, "proxy_http_version 1.1;"),
        },
      ];
    });
  },
};
