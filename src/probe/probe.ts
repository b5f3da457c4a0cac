/** A whole probe of one URL: the steps, what was seen, and the verdicts. */
import { type Attempt, attempt } from "./handshake.ts";
import { judgeStatus } from "./judge-status.ts";
import { judgeTunnel } from "./judge-tunnel.ts";
import { judgeNoAnswer, judgeWay } from "./judge-way.ts";
import { type IdleReport, observe, observeIdle, type TunnelFacts, type TunnelWishes } from "./observe.ts";
import type { ProbeTarget, ProbeWishes } from "./target.ts";
import type { Verdict } from "./verdict.ts";

export interface ProbeReport {
  readonly attempt: Attempt;
  readonly tunnel: TunnelFacts | undefined;
  readonly idle: IdleReport | undefined;
  /** Empty where all is well; the gravest first. */
  readonly verdicts: readonly Verdict[];
}

/** Whether browsers would get a WebSocket that works. */
export function isBroken({ verdicts }: ProbeReport): boolean {
  return verdicts.some(({ weight }) => weight === "broken");
}

/** Probes a URL. Never rejects: what goes wrong is what it is about. */
export async function probe(
  target: ProbeTarget,
  wishes: ProbeWishes,
  tunnelWishes: TunnelWishes,
  onStep: (name: string) => void,
): Promise<ProbeReport> {
  const first = await attempt(target, wishes, onStep);
  const nothing = { attempt: first, tunnel: undefined, idle: undefined };
  const { way, answer } = first;
  const { host, port } = target.connectTo ?? target;
  const onTheWay = judgeWay(way, host, port);
  if (onTheWay !== undefined && (first.request === "" || !wishes.insecure)) return { ...nothing, verdicts: [onTheWay] };
  if (typeof answer === "object" && "status" in answer && answer.status !== 101) {
    onStep("trying it in other ways");
    const [withoutOrigin, plain] = await Promise.all([
      attempt(target, wishes, () => {}, { withoutOrigin: true }),
      attempt(target, wishes, () => {}, { plain: true }),
    ]);
    withoutOrigin.tunnel?.close();
    return { ...nothing, verdicts: [judgeStatus(answer, target, { withoutOrigin, plain })] };
  }
  const unanswered = judgeNoAnswer(first, wishes.timeoutMs);
  if (unanswered !== undefined) return { ...nothing, verdicts: [unanswered] };
  const tunnel = await observe(first, wishes, tunnelWishes, onStep);
  if (tunnel === undefined) return { ...nothing, verdicts: [] };
  const staysOpen = tunnel.early === undefined && tunnelWishes.idleMs > 0;
  const idle = staysOpen ? await observeIdle(target, wishes, tunnelWishes.idleMs, onStep) : undefined;
  const doubts = onTheWay === undefined ? [] : [{ ...onTheWay, weight: "doubtful" as const }];
  return { attempt: first, tunnel, idle, verdicts: [...judgeTunnel(first, tunnel, idle), ...doubts].sort(graver) };
}

function graver(a: Verdict, b: Verdict): number {
  return Number(a.weight === "doubtful") - Number(b.weight === "doubtful");
}
