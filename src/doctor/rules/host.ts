/** What backends are told of the host, the scheme and the client. */
import { holdingLine, levelName } from "../../explain/level.ts";
import type { Examination } from "../examination.ts";
import type { Rule, Symptom } from "../finding.ts";
import { setFields, setLine } from "../header-lines.ts";
import { listensOf, serverHost } from "../listens.ts";
import { type ProxyPlace, passesUpgrade } from "../proxy-place.ts";
import { listOf, lostFields } from "./inheritance.ts";

/** Whether the backend gets the name that the client asked for. */
function passesHost({ handshake, server }: ProxyPlace): boolean {
  return handshake?.field("host").startsWith(serverHost(server)) === true;
}

/** A backend of one's own, and not a site somewhere that has a name of its own. */
function isOwnBackend({ url, upstream }: ProxyPlace): boolean {
  if (upstream !== undefined || url.host === "" || url.host.startsWith("unix:")) return true;
  return (
    !url.host.includes(".") || /^[\d.]+$/.test(url.host) || /\.(?:local|internal|lan|svc|localhost)$/.test(url.host)
  );
}

/** Backends that other places pass the host to: whoever wrote the configuration knows that it is wanted. */
function toldElsewhere({ places }: Examination): ReadonlySet<string> {
  return new Set(places.filter(passesHost).map(({ url }) => url.host));
}

export const hostNotPassed: Rule = {
  id: "host-not-passed",
  title: "the backend gets the name in `proxy_pass` as `Host`, not the one that the client asked for",
  find(examination) {
    const told = toldElsewhere(examination);
    return examination.places.flatMap((place): Symptom[] => {
      if (passesUpgrade(place) !== true || passesHost(place) || !isOwnBackend(place)) return [];
      if (setLine(place.level, "Host") !== undefined || lostFields(place).some(([name]) => /^host$/i.test(name)))
        return [];
      const { app } = place;
      const seen = place.handshake?.field("host") ?? "";
      const knownToCheck = app?.comparesOrigin === true ? ` ${app.name} does.` : "";
      // Django and others take no name with an underscore (RFC 1034, 3.5).
      const noName = seen.includes("_") ? ' With "_" in it, it is no host name: Django answers 400.' : "";
      return [
        {
          severity: knownToCheck !== "" || told.has(place.url.host) ? "warning" : "note",
          at: place.pass,
          message: `${levelName(place.location)} does not pass the client's "Host": the backend sees "${seen}".`,
          consequence: `Backends that compare "Origin" with "Host" answer 403 to browsers, but not to curl.${knownToCheck}${noName} Virtual hosts and redirects of the backend go wrong.`,
          remedy: "Pass the name that the client asked for.",
          edits: setFields(place, [["Host", "$host"]]),
        },
      ];
    });
  },
};

export const forwardedMissing: Rule = {
  id: "forwarded-missing",
  title: "`X-Forwarded-For` or `X-Forwarded-Proto` is not set",
  find(examination) {
    const servers = new Set<unknown>();
    return examination.places.flatMap((place): Symptom[] => {
      const { handshake, server, level } = place;
      if (handshake === undefined || passesUpgrade(place) !== true || servers.has(server)) return [];
      if (lostFields(place).some(([name]) => /^x-/i.test(name)) || holdingLine(level, "websocket") !== undefined)
        return [];
      const forwarded = handshake.field("forwarded") !== "";
      const missing: (readonly [string, string])[] = [];
      if (!forwarded && handshake.field("x-forwarded-for") === "" && handshake.field("x-real-ip") === "") {
        missing.push(["X-Forwarded-For", "$proxy_add_x_forwarded_for"]);
      }
      const tls = listensOf(server).some((listen) => listen.tls);
      const proto =
        handshake.field("x-forwarded-proto") + handshake.field("x-forwarded-ssl") + handshake.field("x-scheme");
      if (!forwarded && tls && proto === "") missing.push(["X-Forwarded-Proto", "$scheme"]);
      if (missing.length === 0) return [];
      servers.add(server);
      const names = missing.map(([name]) => name);
      return [
        {
          severity: "note",
          at: place.pass,
          message: `${levelName(place.location)} does not set ${listOf(names)}.`,
          consequence: names.includes("X-Forwarded-Proto")
            ? "Backends that want https redirect the handshake (301, which browsers do not follow) or refuse its Origin (403)."
            : "The backend takes all clients for one: its limits and its log are about the proxy.",
          remedy: "Tell the backend who asks, and how.",
          edits: setFields(place, missing),
        },
      ];
    });
  },
};
