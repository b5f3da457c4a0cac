/** Verdicts about a WebSocket that was opened. */
import { IDLE, KEEP_ANSWER, PASS_UPGRADE } from "./cause-lines.ts";
import type { Attempt } from "./handshake.ts";
import type { IdleReport, TunnelFacts } from "./observe.ts";
import { type Product, type Responder, responderOf } from "./product.ts";
import type { Ending } from "./tunnel.ts";
import type { Verdict } from "./verdict.ts";

/** What ends so soon after the 101 was never meant to live. */
const AT_ONCE_MS = 1000;

const CODES: ReadonlyMap<number, string> = new Map([
  [1000, "it was closed as planned"],
  [1001, "the server goes away or restarts"],
  [1002, "a protocol error, as the server sees it"],
  [1003, "it does not take this kind of data"],
  [1008, "a policy refuses it: a missing token or session"],
  [1009, "a message was too big"],
  [1011, "the server failed"],
  [1012, "the service restarts"],
  [1013, "the service is overloaded"],
  [1015, "no TLS"],
]);

/** Proxies that say 101 only where they have made a tunnel. */
const TUNNELS: ReadonlySet<Product> = new Set(["nginx", "HAProxy", "Caddy", "Traefik"]);

/** All that is wrong, the gravest first. */
export function judgeTunnel(attempt: Attempt, facts: TunnelFacts, idle: IdleReport | undefined): Verdict[] {
  const { answer } = attempt;
  const responder = typeof answer === "object" && "fields" in answer ? responderOf(answer) : undefined;
  const found: Verdict[] = [];
  const fatal = attempt.faults.filter((fault) => !fault.startsWith("None of the subprotocols"));
  if (fatal.length > 0) found.push(badAnswer(fatal, responder));
  else if (attempt.faults.length > 0) found.push(noSubprotocol(attempt.faults, responder));
  if (facts.early !== undefined) found.push(ended(facts.early, responder));
  else if (facts.pingsMs.length === 0) found.push(silent(facts, responder));
  if (facts.violation !== "")
    found.push({
      ...base("bad-frames", responder),
      hop: "the application, or a proxy that changes bytes",
      what: `What comes is not right: ${facts.violation}.`,
    });
  if (facts.early === undefined && facts.exchanged !== undefined && facts.exchanged.received === undefined) {
    found.push({
      ...base("no-message", responder),
      weight: "doubtful",
      hop: "the application",
      what: "Nothing came back for the message.",
    });
  }
  if (facts.early === undefined && facts.pingsMs.length > 0 && !facts.closedCleanly) {
    found.push({
      ...base("no-close", responder),
      weight: "doubtful",
      hop: "the application, or a proxy that cuts",
      what: "The Close was not answered with a Close: browsers report 1006 where they might say 1000.",
    });
  }
  if (idle !== undefined) found.push(...judgeIdle(idle, responder));
  return found;
}

function base(id: string, responder: Responder | undefined): Verdict {
  return { id, weight: "broken", hop: "", what: "", evidence: [], lines: {}, responder };
}

function badAnswer(faults: readonly string[], responder: Responder | undefined): Verdict {
  const [fault = ""] = faults;
  if (faults.length === 1 && /^no (?!"Connection)/.test(fault)) {
    return {
      ...base("bad-101", responder),
      hop: "a proxy on the way back",
      what: `Browsers refuse the 101: ${fault}.`,
      evidence: ["All else in it is right, so somebody takes that field off."],
      lines: KEEP_ANSWER,
    };
  }
  return {
    ...base("bad-101", responder),
    hop: "whoever made the 101",
    what: `Browsers refuse the 101: ${faults.join("; ")}.`,
    evidence: ["A cache, a proxy that answers by itself, or an application that does not know RFC 6455."],
    lines: PASS_UPGRADE,
  };
}

function noSubprotocol(faults: readonly string[], responder: Responder | undefined): Verdict {
  return {
    ...base("no-subprotocol", responder),
    weight: "doubtful",
    hop: "the application",
    what: `${faults.join("; ")}: Chromium closes the connection then, Firefox does not.`,
  };
}

function ended(ending: Ending, responder: Responder | undefined): Verdict {
  const when =
    ending.atMs < AT_ONCE_MS ? "straight after the 101" : `${(ending.atMs / 1000).toFixed(1)} s after the 101`;
  if (ending.by === "close frame") {
    const words = CODES.get(ending.code);
    const reason = ending.reason === "" ? "" : ` "${ending.reason}"`;
    return {
      ...base("closed-by-application", responder),
      hop: "the application",
      what: `It closed the WebSocket ${when} with ${ending.code}${reason}${words === undefined ? "" : `: ${words}`}.`,
      evidence: ["The way is good: a Close frame came through."],
    };
  }
  const how = ending.by === "reset" ? "reset" : "closed";
  if (responder?.product !== undefined && TUNNELS.has(responder.product)) {
    return {
      ...base(ending.by === "reset" ? "reset-after-101" : "closed-after-101", responder),
      hop: `the application behind ${responder.name}`,
      what: `The connection was ${how} ${when}, without a Close frame (1006).`,
      evidence: [
        `${responder.name} passes on both ways once there is a 101, so the other end hung up: an application that fails in its first line does, and its log tells. Between the two may be another proxy that lets the 101 through like any response.`,
      ],
    };
  }
  return {
    ...base(ending.by === "reset" ? "reset-after-101" : "closed-after-101", responder),
    hop: "a proxy that lets 101 through and no tunnel, or the application",
    what: `The connection was ${how} ${when}, without a Close frame (1006).`,
    evidence: [
      "A proxy that does not know upgrades passes the 101 like any response and ends it; an application that fails in its first line does the same: its log tells.",
    ],
    lines: PASS_UPGRADE,
  };
}

function silent({ exchanged }: TunnelFacts, responder: Responder | undefined): Verdict {
  if (exchanged?.received !== undefined) {
    return {
      ...base("no-pong", responder),
      weight: "doubtful",
      hop: "the application",
      what: "Messages come back, and pings get no pong: whoever relies on pings gives the connection up (RFC 6455, 5.5.2).",
    };
  }
  return {
    ...base("relays-nothing", responder),
    hop: "a proxy that says 101 and relays nothing, or an application that hangs",
    what: "The 101 came, and then nothing: no pong, no message.",
    evidence: [
      "Such a proxy buffers the tunnel as if it were a response, or its backend's connection is not the one that said 101.",
    ],
    lines: PASS_UPGRADE,
  };
}

function judgeIdle({ silent: quiet, pinged, pingEveryMs }: IdleReport, responder: Responder | undefined): Verdict[] {
  const { ending } = quiet;
  if (ending === undefined) return [];
  const seconds = (ending.atMs / 1000).toFixed(1);
  const helped = pinged.ending === undefined;
  const byServer = ending.by === "close frame";
  return [
    {
      ...base("idle-cut", responder),
      weight: byServer ? "doubtful" : "broken",
      hop: byServer ? "the application" : `a proxy with a timeout of ${guess(ending.atMs)}`,
      what: `A silent connection ends after ${seconds} s${byServer ? ` with ${ending.code}` : ", without a Close frame (1006)"}.`,
      evidence: [
        helped
          ? `With a ping every ${(pingEveryMs / 1000).toFixed(1).replace(".0", "")} s it lives: let the application ping, or the timeout be longer.`
          : "Pings of the client do not help: something counts the server's bytes, or the time since the opening.",
      ],
      lines: IDLE,
    },
  ];
}

/** Timeouts are set in whole seconds. */
function guess(ms: number): string {
  return `about ${Math.max(1, Math.round(ms / 1000))} s`;
}
