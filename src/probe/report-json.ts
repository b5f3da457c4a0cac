/** A probe for programs. */
import { compared, conclusion, differs } from "./compare.ts";
import type { EngineReport } from "./engine-io.ts";
import { isBroken, type ProbeReport } from "./probe.ts";
import type { Verdict } from "./verdict.ts";

/** Grows with changes that readers must know of. */
const FORMAT = 1;

function verdictJson({ id, weight, hop, what, evidence, lines, responder }: Verdict): object {
  return {
    id,
    weight,
    hop,
    what,
    evidence,
    lines,
    answeredBy: responder?.name ?? null,
    product: responder?.product ?? null,
  };
}

function probeJson({ attempt, tunnel, idle, verdicts }: ProbeReport): object {
  const { target, way, request, answer, answerMs, faults, subprotocol, extensions } = attempt;
  return {
    url: target.url,
    name: way.dns,
    connection: way.tcp ?? null,
    tls: way.tls ?? null,
    request,
    answer: typeof answer === "string" ? { error: answer } : (answer ?? null),
    answerMs,
    faults,
    subprotocol,
    extensions,
    tunnel: tunnel ?? null,
    idle: idle ?? null,
    verdicts: verdicts.map(verdictJson),
  };
}

/** The report of one URL, or of two with what differs. */
export function reportJson(first: ProbeReport, second: ProbeReport | undefined): string {
  const report = { format: FORMAT, works: !isBroken(first), ...probeJson(first) };
  if (second === undefined) return JSON.stringify(report, undefined, 2);
  const differences = compared(first, second).filter(differs);
  return JSON.stringify(
    {
      ...report,
      compared: { ...probeJson(second), works: !isBroken(second) },
      differences,
      conclusion: conclusion(first, second),
    },
    undefined,
    2,
  );
}

export function engineJson(url: string, report: EngineReport): string {
  const works = report.verdicts.every(({ weight }) => weight !== "broken");
  return JSON.stringify(
    { format: FORMAT, works, url, ...report, verdicts: report.verdicts.map(verdictJson) },
    undefined,
    2,
  );
}
