/** Verdicts about Engine.IO's sessions: why none was opened, and what became of their requests. */
import { STICKY } from "./cause-lines.ts";
import type { EngineTry } from "./engine-io.ts";
import { attempt } from "./handshake.ts";
import { fieldOf, type HttpAnswer } from "./http-answer.ts";
import { judgeStatus } from "./judge-status.ts";
import { judgeWay } from "./judge-way.ts";
import { responderOf } from "./product.ts";
import type { ProbeTarget, ProbeWishes } from "./target.ts";
import { type Verdict, verdict } from "./verdict.ts";

/** Statuses of proxies, and of rules: what they mean for any request, they mean here. */
const OF_PROXIES = new Set([401, 403, 413, 429, 502, 503, 504]);

/** A request of a session that another server got, or that a proxy refused. */
export function strayed(target: ProbeTarget, answer: HttpAnswer | undefined, fault: string, step: string): Verdict {
  const responder = answer === undefined ? undefined : responderOf(answer);
  if (/Session ID unknown|"code":1\b/.test(fault)) {
    return {
      ...verdict(
        "no-stickiness",
        "the balancer",
        "Requests of one client reach different servers, which do not know each other's sessions.",
        [`${step}: ${fault}`],
        STICKY,
      ),
      responder,
    };
  }
  if (answer !== undefined && OF_PROXIES.has(answer.status)) {
    const judged = judgeStatus(answer, target, { withoutOrigin: undefined, plain: undefined });
    return {
      ...judged,
      evidence: [`The session opens, and then a request of it fails (${step}).`, ...judged.evidence],
    };
  }
  return {
    ...verdict(
      "polling-broken",
      "a proxy on the way, or the application",
      `The session opens, and then a request of it fails (${step}).`,
      [fault],
    ),
    responder,
  };
}

/** Why not even a first answer came. */
export async function whyNoSession(target: ProbeTarget, wishes: ProbeWishes, fault: string): Promise<Verdict> {
  const { way } = await attempt(target, wishes, () => {}, { plain: true });
  way.wire?.close();
  const { host, port } = target.connectTo ?? target;
  return (
    judgeWay(way, host, port) ?? verdict("no-answer", "the application, or a proxy before it", `No session: ${fault}.`)
  );
}

/** Why an answer opened no session. */
export function judgeOpening(target: ProbeTarget, answer: HttpAnswer): Verdict {
  if (answer.status === 200) {
    return {
      ...verdict(
        "not-engine-io",
        "the path",
        `What answers there is no Socket.IO: ${fieldOf(answer, "Content-Type") || "no type"}. Another path, or the pages of the site.`,
      ),
    };
  }
  return judgeStatus(answer, target, { withoutOrigin: undefined, plain: undefined });
}

/** One verdict of each kind, with how often it came. */
export function summarised(verdicts: readonly Verdict[], tries: readonly EngineTry[]): Verdict[] {
  const byId = new Map<string, Verdict[]>();
  for (const one of verdicts) byId.set(one.id, [...(byId.get(one.id) ?? []), one]);
  return [...byId.values()].flatMap((alike) => {
    const [first] = alike;
    if (first === undefined) return [];
    const often = `${alike.length} of ${tries.length} ${tries.length === 1 ? "try" : "tries"}`;
    return [{ ...first, evidence: [...first.evidence, often] }];
  });
}
