/**
 * Where hopway does not do what the nginx that the tests run against does, and why. Each entry is checked: the text must
 * be in nginx's transcript, and with it replaced the two must be the same, so the list can neither rot nor hide more.
 */

/** What is compared: what the client got, what the backends got, the access log lines, the error log lines. */
export type Part = "client" | "upstream" | "log" | "errors";

export interface Deliberate {
  /** `subject: name` of the case; `subject: error log` for the part `errors`. */
  readonly case: string;
  readonly part: Part;
  /** Text of nginx's transcript, as normalised. */
  readonly nginx: string;
  /** What stands in hopway's in its place. */
  readonly hopway: string;
  readonly reason: string;
}

const CONNECTION_KEPT =
  "nginx announces keep-alive with a 412 of its own and then closes, as a side effect of how its filters end a request";

/** Cases in which hopway keeps a connection that nginx closes against its own word. */
const kept412: readonly Deliberate[] = ["another", "weak"]
  .map((match) => `If-Match ${match}`)
  .concat("If-Unmodified-Since earlier")
  .map((name) => `conditional requests and ranges: ${name}`)
  .flatMap((name) => [
    { case: name, part: "client", nginx: "--- end: fin", hopway: "--- end: open", reason: CONNECTION_KEPT },
    { case: name, part: "log", nginx: "  - - .", hopway: " OK - - .", reason: CONNECTION_KEPT },
  ]);

export const DELIBERATE: readonly Deliberate[] = [...kept412];

/** nginx's transcript as hopway's should be: undefined when a listed difference is not there. */
export function withDeliberate(name: string, part: Part, nginx: string): string | undefined {
  let text = nginx;
  for (const entry of DELIBERATE) {
    if (entry.case !== name || entry.part !== part) continue;
    if (!text.includes(entry.nginx)) return undefined;
    text = text.replace(entry.nginx, () => entry.hopway);
  }
  return text;
}
