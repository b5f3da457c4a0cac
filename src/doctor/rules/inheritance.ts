/** Lines of outer levels that no longer hold, because a level with lines of its own inherits none. */
import { holdingLines, type Level, levelName, ownLines } from "../../explain/level.ts";
import { quoted } from "../../explain/statement-text.ts";
import type { Examination } from "../examination.ts";
import type { Rule, Severity, Symptom } from "../finding.ts";
import { lostLines, setFields } from "../header-lines.ts";
import { type ProxyPlace, passesUpgrade } from "../proxy-place.ts";

/** Fields whose loss changes what backends do. */
const MATTER = /^(?:host|x-forwarded-(?:for|proto|host)|x-real-ip|forwarded)$/i;
const UPGRADE = /^(?:upgrade|connection)$/i;

/** The fields that a place has lost, less those that do not change what is sent. */
export function lostFields(place: ProxyPlace): readonly (readonly [name: string, value: string])[] {
  const upgrades = passesUpgrade(place) === true;
  return lostLines(place.location)
    .map(({ args }) => [args[0] ?? "", args[1] ?? ""] as const)
    .filter(([name, value]) => {
      if (UPGRADE.test(name)) return !upgrades && value !== "";
      return !(name.toLowerCase() === "host" && value === "$proxy_host");
    });
}

function consequenceOf(names: readonly string[]): { readonly severity: Severity; readonly consequence: string } {
  if (names.some((name) => UPGRADE.test(name))) {
    return {
      severity: "error",
      consequence:
        "Handshakes reach the backend as ordinary GETs: 400, 404, 426 or a page with 200 instead of 101; browsers report 1006.",
    };
  }
  if (names.some((name) => /^host$/i.test(name))) {
    return {
      severity: "warning",
      consequence:
        "The backend sees the name in proxy_pass as its host: checks of Origin fail with 403, virtual hosts answer with 404 or another site.",
    };
  }
  if (names.some((name) => MATTER.test(name))) {
    return {
      severity: "warning",
      consequence:
        "The backend takes every client for the proxy, or https for http: redirects, limits and checks of Origin go wrong.",
    };
  }
  return { severity: "note", consequence: "The backend does not get these fields here." };
}

export const headersLost: Rule = {
  id: "headers-lost",
  title: "`proxy_set_header` lines of an outer level do not hold where a location has lines of its own",
  find({ places }) {
    const opened = places.some((place) => passesUpgrade(place) === true);
    return places.flatMap((place): Symptom[] => {
      // Where nothing tells of WebSockets, and they have a place elsewhere, the two fields are not missed.
      const unneeded = opened && place.likelihood === "possible";
      const lost = lostFields(place).filter(([name]) => !(unneeded && UPGRADE.test(name)));
      const [own] = ownLines(place.location, "proxy_set_header");
      if (lost.length === 0 || own === undefined) return [];
      const outer = holdingLines(place.location.parent ?? place.location, "proxy_set_header")?.level;
      const names = lost.map(([name]) => name);
      const from = outer === undefined || outer.kind === "http" ? "http" : levelName(outer);
      return [
        {
          ...consequenceOf(names),
          at: own,
          message: `${levelName(place.location)} has a proxy_set_header of its own, so ${listOf(names)} of ${from} ${names.length === 1 ? "does" : "do"} not hold in it.`,
          remedy: "A level inherits all of these lines or none: repeat those that are wanted.",
          edits: setFields(
            place,
            lost.map(([name, value]) => [name, quoted(value)] as const),
          ),
        },
      ];
    });
  },
};

/** `"Host" and "X-Real-IP"`. */
export function listOf(names: readonly string[]): string {
  const shown = names.map((name) => `"${name}"`);
  const last = shown.pop() ?? "";
  return shown.length === 0 ? last : `${shown.join(", ")} and ${last}`;
}

/** Locations of places, once each. */
export function locationsOf({ places }: Examination): Level[] {
  return [...new Set(places.map(({ location }) => location))];
}

export const addHeaderLost: Rule = {
  id: "add-header-lost",
  title: "`add_header` lines of an outer level do not hold where a location has lines of its own",
  find(examination) {
    return locationsOf(examination).flatMap((location): Symptom[] => {
      const own = ownLines(location, "add_header");
      const [first] = own;
      const outer = location.parent === undefined ? undefined : holdingLines(location.parent, "add_header");
      if (first === undefined || outer === undefined) return [];
      const names = new Set(own.map(({ args }) => args[0]?.toLowerCase()));
      const lost = outer.lines.filter(({ args }) => !names.has(args[0]?.toLowerCase()));
      if (lost.length === 0) return [];
      return [
        {
          severity: "note",
          at: first,
          message: `${levelName(location)} has an add_header of its own, so ${listOf(lost.map(({ args }) => args[0] ?? ""))} of the level around it ${lost.length === 1 ? "is" : "are"} not sent.`,
          consequence:
            "Responses from here lack these fields, security policies among them. A 101 itself needs none of them.",
          remedy: "Repeat them here if they are wanted.",
          edits: [],
          example: lost.map(({ args }) => `add_header ${args.map(quoted).join(" ")};`),
        },
      ];
    });
  },
};
