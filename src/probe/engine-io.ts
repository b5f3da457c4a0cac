/**
 * Socket.IO's and Engine.IO's way to a WebSocket: a session by polling, then the upgrade, several times over, with each
 * request on a connection of its own, so that a balancer may send it where it likes.
 */

import { saidIn } from "./app-words.ts";
import { attempt } from "./handshake.ts";
import { request } from "./http-request.ts";
import { judgeOpening, strayed, summarised, whyNoSession } from "./judge-session.ts";
import { judgeStatus } from "./judge-status.ts";
import type { ProbeTarget, ProbeWishes } from "./target.ts";
import { Tunnel } from "./tunnel.ts";
import { type Verdict, verdict } from "./verdict.ts";

/** One step of a try. */
export interface EngineStep {
  readonly name: string;
  /** "" where it went well. */
  readonly fault: string;
  readonly ms: number;
}

export interface EngineTry {
  readonly steps: readonly EngineStep[];
  readonly sid: string;
}

export interface EngineReport {
  /** The path that was used. */
  readonly path: string;
  /** 4 for Socket.IO 3 and later, 3 for 2. */
  readonly protocol: number;
  readonly pingIntervalMs: number | undefined;
  readonly pingTimeoutMs: number | undefined;
  readonly tries: readonly EngineTry[];
  readonly verdicts: readonly Verdict[];
}

interface Session {
  readonly sid: string;
  readonly upgrades: readonly string[];
  readonly pingIntervalMs: number | undefined;
  readonly pingTimeoutMs: number | undefined;
}

const USUAL_PATH = "/socket.io/";
const OLD_PROTOCOL = 3;
const NEW_PROTOCOL = 4;

/** Socket.IO's own path, unless the URL names another. */
function enginePath({ path }: ProbeTarget): string {
  const bare = path.split("?")[0] ?? "/";
  return bare === "/" ? USUAL_PATH : bare;
}

/** Goes through the whole sequence `count` times. */
export async function probeEngine(
  target: ProbeTarget,
  wishes: ProbeWishes,
  count: number,
  onStep: (name: string) => void,
): Promise<EngineReport> {
  const path = enginePath(target);
  let protocol = NEW_PROTOCOL;
  const tries: EngineTry[] = [];
  let session: Session | undefined;
  let verdicts: Verdict[] = [];
  for (let n = 1; n <= count; n++) {
    onStep(`try ${n} of ${count}`);
    const one = await tryOnce(target, wishes, path, protocol);
    if (one.unsupported && protocol === NEW_PROTOCOL) {
      protocol = OLD_PROTOCOL;
      n--;
      continue;
    }
    tries.push(one.result);
    session ??= one.session;
    if (one.verdict !== undefined) verdicts = [...verdicts, one.verdict];
    // Where not even a session is opened, more tries tell nothing more.
    if (one.session === undefined) break;
  }
  return {
    path,
    protocol,
    pingIntervalMs: session?.pingIntervalMs,
    pingTimeoutMs: session?.pingTimeoutMs,
    tries,
    verdicts: summarised(verdicts, tries),
  };
}

interface Tried {
  readonly result: EngineTry;
  readonly session: Session | undefined;
  readonly verdict: Verdict | undefined;
  readonly unsupported: boolean;
}

async function tryOnce(target: ProbeTarget, wishes: ProbeWishes, path: string, protocol: number): Promise<Tried> {
  const steps: EngineStep[] = [];
  const done = (session: Session | undefined, found: Verdict | undefined, unsupported = false): Tried => ({
    result: { steps, sid: session?.sid ?? "" },
    session,
    verdict: found,
    unsupported,
  });
  const at: ProbeTarget = { ...target, path };
  const query = `${path}?EIO=${protocol}&transport=polling`;
  const opened = await request(target, wishes, { method: "GET", path: query });
  if (typeof opened === "string") {
    steps.push({ name: "open by polling", fault: opened, ms: 0 });
    return done(undefined, await whyNoSession(target, wishes, opened));
  }
  const session = readSession(opened.text);
  steps.push({
    name: "open by polling",
    fault: session === undefined ? answerText(opened.answer.status, opened.text) : "",
    ms: opened.ms,
  });
  if (session === undefined) {
    const unsupported = /"code":5\b/.test(opened.text);
    return done(undefined, judgeOpening(at, opened.answer), unsupported);
  }
  const withSid = `${query}&sid=${session.sid}`;
  const socketIo = protocol === NEW_PROTOCOL ? "40" : undefined;
  if (socketIo !== undefined) {
    const posted = await request(target, wishes, { method: "POST", path: withSid, body: socketIo });
    const fault =
      typeof posted === "string" ? posted : posted.text === "ok" ? "" : answerText(posted.answer.status, posted.text);
    steps.push({ name: "post", fault, ms: typeof posted === "string" ? 0 : posted.ms });
    if (fault !== "")
      return done(session, strayed(at, typeof posted === "string" ? undefined : posted.answer, fault, "post"));
    const polled = await request(target, wishes, { method: "GET", path: withSid });
    const pollFault =
      typeof polled === "string"
        ? polled
        : polled.answer.status === 200
          ? ""
          : answerText(polled.answer.status, polled.text);
    steps.push({ name: "poll", fault: pollFault, ms: typeof polled === "string" ? 0 : polled.ms });
    if (pollFault !== "")
      return done(session, strayed(at, typeof polled === "string" ? undefined : polled.answer, pollFault, "poll"));
  }
  if (!session.upgrades.includes("websocket")) {
    steps.push({ name: "upgrade", fault: "the server offers none", ms: 0 });
    return done(session, {
      ...verdict(
        "no-upgrade-offered",
        "the application",
        "The server offers no upgrade to WebSocket (its option transports).",
      ),
      weight: "doubtful",
    });
  }
  return done(session, await upgrade(target, wishes, path, protocol, session, steps));
}

/** The WebSocket for a session: `2probe`, `3probe`, `5`. */
async function upgrade(
  target: ProbeTarget,
  wishes: ProbeWishes,
  path: string,
  protocol: number,
  { sid }: Session,
  steps: EngineStep[],
): Promise<Verdict | undefined> {
  const url = `${path}?EIO=${protocol}&transport=websocket&sid=${sid}`;
  const opening = await attempt({ ...target, path: url }, wishes, () => {});
  const { answer } = opening;
  if (opening.tunnel === undefined) {
    const status = typeof answer === "object" && "status" in answer ? answer : undefined;
    steps.push({
      name: "upgrade",
      fault: status === undefined ? "no answer" : answerText(status.status, status.body),
      ms: opening.answerMs,
    });
    if (status === undefined)
      return verdict("no-answer", "a proxy on the way", "The upgrade of the session was not answered.");
    return judgeStatus(status, { ...target, path: url }, { withoutOrigin: undefined, plain: undefined });
  }
  steps.push({ name: "upgrade", fault: "", ms: opening.answerMs });
  const tunnel = new Tunnel(opening.tunnel);
  const start = performance.now();
  tunnel.sendText("2probe");
  const back = await tunnel.receive(wishes.timeoutMs);
  const answered = back?.data.toString() === "3probe";
  steps.push({ name: "probe in the WebSocket", fault: answered ? "" : "no answer", ms: performance.now() - start });
  if (!answered) {
    tunnel.drop();
    return verdict(
      "relays-nothing",
      "a proxy that says 101 and relays nothing",
      "The WebSocket opens, and the server's answer to the probe does not come.",
    );
  }
  tunnel.sendText("5");
  await tunnel.close(wishes.timeoutMs);
  return undefined;
}

function readSession(text: string): Session | undefined {
  const json = /\{.*\}/s.exec(text)?.[0];
  if (json === undefined) return undefined;
  try {
    const opened: unknown = JSON.parse(json);
    if (typeof opened !== "object" || opened === null || !("sid" in opened) || typeof opened.sid !== "string")
      return undefined;
    const number = (name: string): number | undefined => {
      const value: unknown = Reflect.get(opened, name);
      return typeof value === "number" ? value : undefined;
    };
    const upgrades: unknown = Reflect.get(opened, "upgrades");
    return {
      sid: opened.sid,
      upgrades: Array.isArray(upgrades) ? upgrades.map(String) : [],
      pingIntervalMs: number("pingInterval"),
      pingTimeoutMs: number("pingTimeout"),
    };
  } catch {
    return undefined;
  }
}

function answerText(status: number, text: string): string {
  const said = saidIn(text).replace(`${status} `, "").slice(0, 100);
  return said === "" ? String(status) : `${status}: ${said}`;
}
