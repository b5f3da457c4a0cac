/** Handshakes that end in the location that was to proxy them. */
import { levelName } from "../../explain/level.ts";
import { browserRequest } from "../find-places.ts";
import type { Rule, Symptom } from "../finding.ts";
import { serverHost } from "../listens.ts";
import { endOf } from "./unreachable.ts";

export const handshakeAnswered: Rule = {
  id: "handshake-answered",
  title: "`if`, `return` or `rewrite` answers a handshake in the location that was to proxy it",
  find({ places, simulation }) {
    return places.flatMap((place): Symptom[] => {
      const { level, location, handshake, likelihood, server, sample } = place;
      if (simulation === undefined || sample === undefined || handshake !== undefined) return [];
      if (likelihood === "possible" || level.kind !== "location") return [];
      const trace = simulation.run(browserRequest(server, sample, true));
      const reached = trace?.location;
      const inside = reached !== undefined && (reached === location.statement || location.lines.includes(reached));
      if (trace === undefined || !inside || trace.outcome.kind !== "answered" || trace.outcome.why !== "") return [];
      const event = trace.events.findLast(({ kind }) => kind === "rewrite");
      return [
        {
          severity: "note",
          at: event?.kind === "rewrite" ? event.statement : reached,
          message: `${levelName(location)} answers a handshake for ${serverHost(server)} itself: ${endOf(trace)}.`,
          consequence:
            "Browsers do not follow redirects of handshakes, and take nothing but 101: 1006. Whether clients meet this depends on what they ask for: hopway explain shows it for a URL.",
          remedy: "Let handshakes pass, or have clients ask for what is proxied.",
          edits: [],
        },
      ];
    });
  },
};
