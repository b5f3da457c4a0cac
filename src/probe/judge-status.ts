/** Verdicts about answers other than 101: who gave them, and what is usually behind. */
import { type Complaint, complaintOf, isHtml, saidIn } from "./app-words.ts";
import { PASS_HOST, PASS_UPGRADE, STICKY } from "./cause-lines.ts";
import type { Attempt } from "./handshake.ts";
import { fieldOf, type HttpAnswer } from "./http-answer.ts";
import { judgeNumber } from "./judge-number.ts";
import { type Responder, responderOf } from "./product.ts";
import type { Judgement, Refusal } from "./refusal.ts";
import type { ProbeTarget } from "./target.ts";
import type { Verdict } from "./verdict.ts";

/** Other requests that were tried after a refusal. */
export interface Experiments {
  /** The handshake without `Origin`. */
  readonly withoutOrigin: Attempt | undefined;
  /** A plain GET of the same URL. */
  readonly plain: Attempt | undefined;
}

/** The verdict about a refusal. */
export function judgeStatus(answer: HttpAnswer, target: ProbeTarget, { withoutOrigin, plain }: Experiments): Verdict {
  const responder = responderOf(answer);
  const one: Refusal = {
    answer,
    target,
    responder,
    complaint: complaintOf(answer.body),
    sameAsPlain: looksLike(answer, plain?.answer),
    plainStatus: statusOf(plain),
    originMatters: statusOf(withoutOrigin) === 101,
  };
  const judgement = judge(one);
  const hop = judgement.hop ?? hopOf(responder);
  return {
    id: judgement.id,
    weight: "broken",
    hop,
    what: judgement.what,
    evidence: [...(judgement.evidence ?? []), ...signs(one, hop)],
    lines: judgement.lines,
    responder,
  };
}

function statusOf(one: Attempt | undefined): number | undefined {
  const { answer } = one ?? {};
  return typeof answer === "object" && "status" in answer ? answer.status : undefined;
}

function looksLike(answer: HttpAnswer, other: Attempt["answer"]): boolean {
  if (typeof other !== "object" || !("status" in other)) return false;
  const kind = (one: HttpAnswer): string => fieldOf(one, "Content-Type").split(";")[0] ?? "";
  return other.status === answer.status && kind(other) === kind(answer);
}

/** Who most likely broke it, from who answered. */
function hopOf({ name, own, via }: Responder): string {
  if (own) return `${name} itself`;
  const last = name === "" ? "the application, or a proxy that does not say its name" : name;
  if (via !== "") return `${last} (on the way: ${via})`;
  return name === "" ? last : `the application behind ${last}`;
}

/** What the answer shows, for whoever wants to judge for themselves. */
function signs({ answer, responder, complaint }: Refusal, hop: string): string[] {
  const text = saidIn(answer.body);
  const words = text === "" ? [] : [`It says: ${text.slice(0, 160)}`];
  const fields = [
    ...(responder.name === "" || hop.includes(responder.name) ? [] : [`Server: ${responder.name}`]),
    ...(responder.via === "" ? [] : [`Via: ${responder.via}`]),
  ];
  if (responder.own && answer.body !== "") return [`The page is ${responder.name}'s own.`, ...fields];
  const isPage =
    complaint === undefined && /<\w/.test(answer.body) && isHtml(answer.body, fieldOf(answer, "Content-Type"));
  return [...(isPage ? ["It is a page of HTML."] : []), ...words, ...fields];
}

function judge(one: Refusal): Judgement {
  const { answer, complaint, originMatters } = one;
  if (originMatters) return originRefused(["The same handshake without Origin gets 101."]);
  if (
    /plain HTTP request was sent to HTTPS port|speaking plain HTTP to an SSL-enabled server port|Client sent an HTTP request to an HTTPS server/i.test(
      answer.body,
    )
  ) {
    return { id: "tls-expected", what: "That port speaks TLS: connect with wss://.", lines: {} };
  }
  const byWords = complaint === undefined ? undefined : judgeComplaint(complaint);
  return byWords ?? judgeNumber(one);
}

function originRefused(evidence: readonly string[]): Judgement {
  return {
    id: "origin-refused",
    hop: "the application",
    what: "It refuses the handshake's Origin: the page's site is not on its list, or it compares Origin with a Host that a proxy has changed.",
    evidence,
    lines: PASS_HOST,
  };
}

function judgeComplaint(complaint: Complaint): Judgement {
  switch (complaint) {
    case "origin":
      return originRefused([]);
    case "upgrade":
      return {
        id: "upgrade-dropped",
        hop: "the proxy in front of the application",
        what: "The application got an ordinary GET: a proxy on the way took off Upgrade or Connection.",
        lines: PASS_UPGRADE,
      };
    case "version":
      return {
        id: "http-1.0",
        hop: "the proxy in front of the application",
        what: "The application got the handshake in HTTP/1.0: a proxy on the way sends that.",
        lines: { nginx: ["proxy_http_version 1.1;"], Apache: ["# look for SetEnv force-proxy-request-1.0 1"] },
      };
    case "host":
      return {
        id: "host-refused",
        hop: "the application",
        what: "It does not know the Host that it was asked for.",
        evidence: ["Allow the name there, or pass the one that it knows."],
        lines: PASS_HOST,
      };
    case "session":
      return {
        id: "no-stickiness",
        hop: "the balancer",
        what: "Another server had opened the session: requests of one client reach different ones.",
        lines: STICKY,
      };
    case "transport":
      return {
        id: "engine-io-path",
        hop: "nothing: Socket.IO answers",
        what: "This is Socket.IO, which wants ?EIO=4&transport=websocket: probe it with --engine-io.",
        lines: {},
      };
    case "protocol":
      return {
        id: "engine-io-version",
        hop: "the application",
        what: "Socket.IO's server and client are of different generations.",
        lines: {},
      };
    case "key":
      return {
        id: "handshake-fields-dropped",
        hop: "the proxy in front of the application",
        what: "Sec-WebSocket-Key or -Version did not reach the application.",
        lines: { nginx: ["# look for proxy_pass_request_headers off and proxy_set_header Sec-WebSocket-..."] },
      };
  }
}
