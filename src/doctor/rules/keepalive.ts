/** Connections to backends that are kept for nothing. */
import type { Statement } from "../../config/syntax.ts";
import { holdingLine, levelName, ownLines } from "../../explain/level.ts";
import type { Edit } from "../edit.ts";
import type { Rule, Symptom } from "../finding.ts";
import { setFields, setLine } from "../header-lines.ts";
import type { ProxyPlace } from "../proxy-place.ts";
import { mapOf } from "./connection-value.ts";

/** What keeps connections open: nothing about them, as a value of the place's line, or of its map. */
function keptOpen(place: ProxyPlace, map: Statement | undefined): Edit[] {
  if (map === undefined) return setFields(place, [["Connection", '""']]);
  const plain = map.block?.find(({ name }) => name === "");
  return plain === undefined ? [] : [{ kind: "replace", statement: plain, line: "'' '';" }];
}

export const keepaliveUnused: Rule = {
  id: "keepalive-unused",
  title: "`keepalive` in an upstream, and `Connection: close` in the requests to it",
  find(examination) {
    const seen = new Set<unknown>();
    return examination.places.flatMap((place): Symptom[] => {
      const { upstream, plain, level, pass } = place;
      const line = setLine(level, "Connection");
      const [keepalive] = upstream === undefined ? [] : ownLines(upstream, "keepalive");
      if (keepalive === undefined || plain === undefined || keepalive.args[0] === "0") return [];
      const says = plain.lists("connection", "close");
      if (!says && (line !== undefined || holdingLine(level, "websocket") !== undefined)) return [];
      const map = mapOf(examination, place);
      const at = map ?? line ?? pass;
      if (seen.has(at)) return [];
      seen.add(at);
      return [
        {
          severity: "note",
          at,
          message: `${levelName(place.location)} ${says ? 'says "Connection: close"' : 'sets no "Connection", which is "close" in nginx before 1.29.7'}: keepalive of upstream ${upstream?.statement?.args[0]} keeps nothing.`,
          consequence:
            'Each request opens a connection of its own, polling most of all: slower, and under load the ports run out (502, "Cannot assign requested address").',
          remedy: "Where nothing is to be upgraded, say nothing about the connection.",
          edits: keptOpen(place, map),
        },
      ];
    });
  },
};
