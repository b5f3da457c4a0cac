/** Paths that backends get are not those that clients asked for. */
import type { Statement } from "../../config/syntax.ts";
import { levelName, ownLines } from "../../explain/level.ts";
import { lineText } from "../../explain/statement-text.ts";
import type { Edit } from "../edit.ts";
import type { Rule, Symptom } from "../finding.ts";
import { soundsLikeWebSocket } from "../known-apps.ts";
import type { ProxyPlace } from "../proxy-place.ts";

/** The path that `proxy_pass` replaces by its own; undefined where it replaces none. */
export function replacedPrefix({ level, url }: ProxyPlace): string | undefined {
  if (level.kind !== "location" || url.uri === "" || url.hasVariables) return undefined;
  const args = level.statement?.args ?? [];
  const [first = "", second] = args;
  if (first.startsWith("~") || first.startsWith("@")) return undefined;
  return second ?? first.replace(/^(?:=|\^~)/, "");
}

function withoutArguments(uri: string): string {
  return uri.split("?")[0] ?? "";
}

function replacePass({ pass, url }: ProxyPlace, uri: string): Edit[] {
  const base = url.text.slice(0, url.text.length - url.uri.length);
  return [{ kind: "replace", statement: pass, line: lineText({ ...pass, args: [base + uri] }) }];
}

export const slashDoubled: Rule = {
  id: "slash-doubled",
  title:
    "`location` and `proxy_pass` do not both end with a slash: the backend gets `//x`, or two names grown together",
  find({ places }) {
    return places.flatMap((place): Symptom[] => {
      const prefix = replacedPrefix(place);
      const { uri } = place.url;
      if (prefix === undefined || place.location.statement?.args[0] === "=" || prefix === "/") return [];
      const doubled = !prefix.endsWith("/") && uri.endsWith("/");
      const joined = prefix.endsWith("/") && !uri.endsWith("/") && !uri.includes("?");
      if (!doubled && !joined) return [];
      const asked = `${prefix.replace(/\/$/, "")}/x`;
      const got = uri + asked.slice(prefix.length);
      const byApp =
        place.sample !== undefined && withoutArguments(place.sample).length > prefix.length && place.app !== undefined;
      return [
        {
          severity: doubled ? (byApp ? "error" : "note") : "warning",
          at: place.pass,
          message: `${levelName(place.location)} makes ${got} of ${asked}.`,
          consequence: doubled
            ? `Below ${prefix} the backend sees a path with two slashes, which most do not know: 404. ${prefix} itself is ${uri}.`
            : "The backend does not know that path: 404.",
          remedy: doubled
            ? "Let both end with a slash, or neither."
            : "What stands behind the location's path is put right behind that of proxy_pass: give it a slash, too.",
          // An endpoint's own path may be what is wanted: nothing is changed then.
          edits: doubled && !byApp ? [] : replacePass(place, doubled ? uri.replace(/\/$/, "") : `${uri}/`),
        },
      ];
    });
  },
};

/** The line that changes the path: a rewrite of the location or of the server, or `proxy_pass`. */
function changingLine(place: ProxyPlace): Statement {
  const { location, server, pass } = place;
  return ownLines(location, "rewrite")[0] ?? (place.url.uri !== "" ? pass : (ownLines(server, "rewrite")[0] ?? pass));
}

export const pathEaten: Rule = {
  id: "path-eaten",
  title: "`proxy_pass` with a path, or a `rewrite`, changes the path that the backend gets",
  find({ places }) {
    return places.flatMap((place): Symptom[] => {
      const { sample, handshake, app, likelihood, location } = place;
      if (sample === undefined || handshake === undefined || likelihood === "possible") return [];
      const asked = withoutArguments(sample);
      const got = withoutArguments(handshake.uri);
      // Expressions are for many paths, and two slashes are another rule's.
      if (got === asked || location.statement?.args[0]?.startsWith("~") || got.includes("//")) return [];
      const wrong = app?.fixedPath === true && !app.path.test(got);
      const at = changingLine(place);
      const canMend = wrong && at === place.pass;
      const strips = got === "/" || asked.endsWith(got);
      return [
        {
          severity: wrong ? "error" : "note",
          at,
          message: `${levelName(location)} passes ${asked} on as ${got}.`,
          consequence: wrong
            ? `${app.name} answers on its own path only: 404 or 400 instead of 101.`
            : `Right if the backend ${strips ? "wants its paths without that part" : "has that path"}; else it answers 404, or another of its pages with 200.`,
          remedy: canMend
            ? "Without a path, proxy_pass leaves the client's as it is."
            : "Compare it with the path that the application listens on.",
          edits: canMend ? replacePass(place, "") : [],
        },
      ];
    });
  },
};

/** Whether clients may well ask for the location's name without its slash. */
function isEndpoint(place: ProxyPlace): boolean {
  const name = place.location.statement?.args.at(-1) ?? "";
  return place.app === undefined && (place.likelihood === "certain" || soundsLikeWebSocket(name));
}

export const slashRedirect: Rule = {
  id: "slash-redirect",
  title: "`location /ws/` redirects `/ws` to itself, and browsers do not follow redirects of handshakes",
  find({ places }) {
    return places.flatMap((place): Symptom[] => {
      const { location, server, level } = place;
      const args = location.statement?.args ?? [];
      const name = args.at(-1) ?? "";
      const isPrefix = level === location && (args.length === 1 ? /^\//.test(name) : args[0] === "^~");
      if (!isPrefix || name === "/" || !name.endsWith("/") || !isEndpoint(place)) return [];
      const bare = name.slice(0, -1);
      const taken = server.children.some(
        ({ kind, statement }) => kind === "location" && statement?.args.at(-1) === bare,
      );
      if (taken) return [];
      return [
        {
          severity: "note",
          at: location.statement ?? place.pass,
          message: `${bare} without its last slash is answered with a redirect to ${name}.`,
          consequence: `A client that opens ${bare} gets 301 instead of 101: browsers do not follow it and report 1006.`,
          remedy: `Let clients open ${name}; or have a location for ${bare}, too, with the same lines.`,
          edits: [],
          example: [`location = ${bare} {`, "  # the lines of the location below", "}"],
        },
      ];
    });
  },
};
