/** `localhost`, which is another machine in a container, and two addresses everywhere. */
import type { Statement } from "../../config/syntax.ts";
import { levelName, ownLines } from "../../explain/level.ts";
import type { Examination } from "../examination.ts";
import { passUrl } from "../find-places.ts";
import type { Rule, Symptom } from "../finding.ts";
import type { ProxyPlace } from "../proxy-place.ts";

/** Docker's own resolver, and its name for the machine around the container. */
const OF_DOCKER = /^(?:127\.0\.0\.11(?::53)?|.*\bhost\.docker\.internal\b.*)$/;

interface Backend {
  readonly at: Statement;
  readonly host: string;
}

function backendsOf({ url, upstream, pass }: ProxyPlace): Backend[] {
  if (upstream === undefined) return [{ at: pass, host: url.host }];
  return ownLines(upstream, "server").map((at) => ({ at, host: passUrl(`http://${at.args[0]}`).host }));
}

/** A line that says that nginx runs in a container, or names a service as Compose does. */
function containerSign({
  root,
  places,
  upstreams,
}: Examination): { readonly word: string; readonly sure: boolean } | undefined {
  const find = (lines: readonly Statement[]): string | undefined => {
    for (const { args, block } of lines) {
      const word = args.find((arg) => OF_DOCKER.test(arg)) ?? find(block ?? []);
      if (word !== undefined) return word;
    }
    return undefined;
  };
  const word = find(root.lines);
  if (word !== undefined) return { word, sure: true };
  const service = places
    .flatMap(backendsOf)
    .find(
      ({ host }) => /^[a-z][a-z0-9_-]*$/i.test(host) && host !== "localhost" && !upstreams.has(host) && host !== "unix",
    );
  return service === undefined ? undefined : { word: service.host, sure: false };
}

export const localhostUpstream: Rule = {
  id: "localhost-upstream",
  title: "the backend is `localhost`: the container's own, where nginx runs in one, and `::1` as well as `127.0.0.1`",
  find(examination) {
    const sign = containerSign(examination);
    const seen = new Set<Statement>();
    return examination.places.flatMap((place): Symptom[] => {
      if (place.likelihood === "possible") return [];
      return backendsOf(place).flatMap(({ at, host }): Symptom[] => {
        const isName = host.toLowerCase() === "localhost";
        if (seen.has(at) || !(isName || (sign !== undefined && /^127\.\d+\.\d+\.\d+$|^\[::1\]$/.test(host)))) return [];
        seen.add(at);
        return [
          {
            // An address is more often meant as it stands: an image may run the application, too.
            severity: isName && sign?.sure === true ? "warning" : "note",
            at,
            message:
              sign === undefined
                ? `${levelName(place.location)} goes to "localhost".`
                : `${levelName(place.location)} goes to ${host}, and "${sign.word}" looks as if nginx ran in a container.`,
            consequence:
              'In a container that is the container itself: unless the application runs in the same one, 502, and "connect() failed (111: Connection refused) while connecting to upstream" in the error log.' +
              (isName
                ? ' Outside of one, the name is ::1 as well as 127.0.0.1: while the application listens on one of them alone, a try in ten seconds fails and is repeated with the other, and one failure of that one is 502 for everybody, "no live upstreams".'
                : ""),
            remedy:
              "In a container, name the service of Compose, or host.docker.internal; elsewhere, the address that the application listens on.",
            edits: [],
            example: ["proxy_pass http://app:3000;  # the service's name, and the port inside its container"],
          },
        ];
      });
    });
  },
};
