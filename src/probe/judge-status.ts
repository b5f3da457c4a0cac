/** Verdicts about answers other than 101: who gave them, and what is usually behind. */
import { type Complaint, complaintOf, isHtml } from "./app-words.ts";
import {
  BACKEND,
  LIMITS,
  PASS_HOST,
  PASS_UPGRADE,
  PATHS,
  PROXY_PATH,
  type ProductLines,
  REDIRECTS,
  SLOW,
} from "./cause-lines.ts";
import type { Attempt } from "./handshake.ts";
import { fieldOf, type HttpAnswer } from "./http-answer.ts";
import { type Responder, responderOf } from "./product.ts";
import type { ProbeTarget } from "./target.ts";
import type { Verdict } from "./verdict.ts";

/** Other requests that were tried after a refusal. */
export interface Experiments {
  /** The handshake without `Origin`. */
  readonly withoutOrigin: Attempt | undefined;
  /** A plain GET of the same URL. */
  readonly plain: Attempt | undefined;
}

interface Case {
  readonly answer: HttpAnswer;
  readonly target: ProbeTarget;
  readonly responder: Responder;
  readonly complaint: Complaint | undefined;
  /** A plain GET gets the same status and kind of page. */
  readonly sameAsPlain: boolean;
  /** What a plain GET gets; undefined where it gets nothing, or was not tried. */
  readonly plainStatus: number | undefined;
  readonly originMatters: boolean;
}

type Judgement = Pick<Verdict, "id" | "what" | "lines"> & {
  /** Default: who answered. */
  readonly hop?: string;
  readonly evidence?: readonly string[];
};

/** The verdict about a refusal. */
export function judgeStatus(answer: HttpAnswer, target: ProbeTarget, { withoutOrigin, plain }: Experiments): Verdict {
  const responder = responderOf(answer);
  const one: Case = {
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
  const last = name === "" ? "the application, or a proxy that does not say its name" : name;
  if (own) return `${last} itself`;
  return via === "" ? `the application behind ${last}` : `${last} (on the way: ${via})`;
}

/** The proxy says that what is behind it does not answer. */
function behind({ name }: Responder): string {
  return `what is behind ${name === "" ? "the proxy" : name}`;
}

/** What the answer shows, for whoever wants to judge for themselves. */
function signs({ answer, responder, complaint }: Case, hop: string): string[] {
  const said = answer.body
    .replace(/<(title|script|style)\b.*?<\/\1>/gis, " ")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  const title = /<title>\s*([^<]*?)\s*<\/title>/i.exec(answer.body)?.[1] ?? "";
  const text = said === "" ? title : said;
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

function judge(one: Case): Judgement {
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

export const STICKY: ProductLines = {
  nginx: ["ip_hash;   # in the upstream block"],
  Apache: ["ProxySet stickysession=ROUTEID"],
  HAProxy: ["balance source   # or: cookie SRV insert indirect nocache"],
  Caddy: ["lb_policy ip_hash"],
  Traefik: ["sticky: { cookie: {} }"],
  ALB: ["stickiness.enabled = true"],
};

function judgeNumber(one: Case): Judgement {
  const { status } = one.answer;
  if (status >= 300 && status < 400) return redirected(one);
  if (status >= 200 && status < 300) return pageInstead(one);
  switch (status) {
    case 400:
    case 426:
      if (status === 400 && one.plainStatus !== undefined && one.plainStatus !== status) return handshakeRefused(one);
      return {
        id: "upgrade-dropped",
        what: `${status} most often means that the application got a handshake without Upgrade or Connection, or in HTTP/1.0.`,
        evidence: one.sameAsPlain ? ["A plain GET gets the same answer."] : [],
        lines: PASS_UPGRADE,
      };
    case 401:
      return unauthorized(one);
    case 403:
      return forbidden(one);
    case 404:
      return notFound(one);
    case 405:
      return pageInstead(one);
    case 429:
      return { id: "limited", what: "Too many requests: a limit has been reached.", lines: LIMITS };
    case 500:
      return {
        id: "server-error",
        what: "Something failed while the handshake was dealt with: its error log says what.",
        lines: {
          nginx: ["# the error log: a rewrite or proxy loop, worker_connections, a broken variable in proxy_pass"],
        },
      };
    case 502:
      return {
        id: "bad-gateway",
        hop: behind(one.responder),
        what: "The proxy reached no application: nothing listens there, it closed the connection, or it was asked for another protocol.",
        lines: BACKEND,
      };
    case 503:
      return unavailable(one);
    case 504:
      return {
        id: "gateway-timeout",
        hop: behind(one.responder),
        what: "The proxy waited for the application in vain.",
        lines: SLOW,
      };
    case 505:
      return {
        id: "http-1.0",
        what: "The application wants HTTP/1.1, and a proxy on the way sends HTTP/1.0.",
        lines: { nginx: ["proxy_http_version 1.1;"] },
      };
    default:
      return otherStatus(one);
  }
}

/** The upgrade arrives: without it, the same path is answered otherwise. */
function handshakeRefused({ plainStatus, target }: Case): Judgement {
  const path = target.path.split("?")[0] ?? "";
  return {
    id: "handshake-refused",
    what: `The upgrade arrives, and the handshake is refused: most often because the application's WebSocket is not at ${path}, else for a token, a subprotocol or an extension that it wants.`,
    evidence: [`A plain GET gets ${plainStatus}, so it is not taken for one.`],
    lines: PATHS,
  };
}

function unauthorized({ answer }: Case): Judgement {
  const asks = fieldOf(answer, "WWW-Authenticate");
  return {
    id: "unauthorized",
    what: "It wants a login: a session cookie or token that the handshake does not have (try -H 'Cookie: ...' or -H 'Authorization: ...').",
    evidence:
      asks === ""
        ? []
        : [`It asks for ${asks.split(/[ ,]/)[0]}: browsers do not ask people for a password in a handshake.`],
    lines:
      asks === ""
        ? {}
        : { nginx: ["auth_basic off;   # in the location of the WebSocket, if the application checks by itself"] },
  };
}

/** nginx answers 502 where no server is there; its own 503 is a limit, or written down. */
function unavailable({ responder }: Case): Judgement {
  if (responder.own && responder.product === "nginx") {
    return {
      id: "unavailable",
      what: "A limit has been reached, limit_req or limit_conn, or a return 503 is written there: for servers that are gone it says 502. (Kubernetes' ingress-nginx says 503 where a service has no pods.)",
      lines: {
        nginx: [
          "limit_req zone=... burst=20 nodelay;",
          ...(LIMITS.nginx ?? []),
          "# the error log says which limit it was",
        ],
      },
    };
  }
  return {
    id: "unavailable",
    hop: behind(responder),
    what: "No server is there for it at the moment, or a limit of connections has been reached.",
    lines: { ...BACKEND, nginx: [...(LIMITS.nginx ?? []), "# limit_conn and limit_req answer 503"] },
  };
}

function otherStatus({ answer: { status }, responder, sameAsPlain }: Case): Judgement {
  if (status >= 520 && status <= 530) {
    return {
      id: "origin-unreachable",
      hop: "between Cloudflare and the origin",
      what: `Cloudflare's ${status}: ${ORIGIN_ERRORS.get(status) ?? "the origin does not answer as it should"}.`,
      lines: BACKEND,
    };
  }
  return {
    id: "refused",
    what: `The handshake was answered with ${status} instead of 101.`,
    evidence: sameAsPlain ? ["A plain GET gets the same answer."] : [],
    lines: sameAsPlain && !responder.own ? PASS_UPGRADE : {},
  };
}

const ORIGIN_ERRORS: ReadonlyMap<number, string> = new Map([
  [520, "the origin's answer could not be understood"],
  [521, "the origin refuses connections"],
  [522, "no connection to the origin"],
  [523, "the origin cannot be reached"],
  [524, "the origin took longer than 100 s"],
  [525, "no TLS with the origin"],
  [526, "the origin's certificate is not trusted"],
]);

/** As nginx and Apache make them of a file's time and size; applications' own are mostly weak, or hashes. */
const FILE_TAG = /^"[0-9a-f]+-[0-9a-f]+"$/;

/** 2xx: somebody served a page. */
function pageInstead({ answer, sameAsPlain, responder, target }: Case): Judgement {
  const isFile = FILE_TAG.test(fieldOf(answer, "ETag")) && fieldOf(answer, "Last-Modified") !== "";
  if (sameAsPlain && isFile && (responder.product === "nginx" || responder.product === "Apache")) {
    return {
      id: "not-proxied",
      hop: `${responder.name} itself`,
      what: `It serves a file for ${target.path.split("?")[0]}, most often the site's start page: no location or rule passes that path to the application.`,
      evidence: ["A plain GET gets the same answer, with the ETag of a file."],
      lines: PROXY_PATH,
    };
  }
  const html = isHtml(answer.body, fieldOf(answer, "Content-Type"));
  return {
    id: "upgrade-dropped",
    what: html
      ? `A page of HTML came with ${answer.status} instead of 101: the handshake was taken for an ordinary GET, or its path leads to the pages of the site.`
      : `${answer.status} came instead of 101: the handshake was taken for an ordinary request.`,
    evidence: sameAsPlain ? ["A plain GET gets the same answer."] : [],
    lines: PASS_UPGRADE,
  };
}

function redirected({ answer, target }: Case): Judgement {
  const to = fieldOf(answer, "Location");
  const common = "Browsers do not follow redirects of a handshake (1006).";
  const path = target.path.split("?")[0] ?? "";
  const toPath = /^(?:\w+:\/\/[^/?#]*)?([^?#]*)/.exec(to)?.[1] ?? "";
  if (!target.tls && /^https:/i.test(to)) {
    return {
      id: "redirect-to-tls",
      what: `It redirects to ${to}: connect with wss:// at once. ${common}`,
      lines: REDIRECTS,
    };
  }
  if (toPath === `${path}/` || `${toPath}/` === path) {
    return {
      id: "redirect-slash",
      what: `It redirects to ${to}: the path is known with${toPath.endsWith("/") ? "" : "out"} the slash at its end. ${common}`,
      lines: {
        nginx: [`location ${path} { ... }   # location ${path}/ redirects ${path}`],
        Apache: ["# DirectorySlash Off, or connect to the path with its slash"],
      },
    };
  }
  if (/login|signin|sign_in|auth|sso|oauth/i.test(to)) {
    return {
      id: "redirect-to-login",
      what: `It redirects to a login, ${to}: the handshake has no session. ${common}`,
      lines: {},
    };
  }
  return { id: "redirected", what: `It redirects to ${to}: connect to that. ${common}`, lines: REDIRECTS };
}

function forbidden({ answer, responder, sameAsPlain }: Case): Judgement {
  if (fieldOf(answer, "CF-Mitigated") !== "" || /just a moment|attention required/i.test(answer.body)) {
    return {
      id: "challenged",
      what: "Cloudflare asks for a browser's challenge, which a handshake cannot answer.",
      lines: { Cloudflare: ["# Security > WAF > Custom rules: skip the challenge for this path"] },
    };
  }
  return {
    id: "forbidden",
    what: responder.own
      ? `An access rule of the proxy refuses ${sameAsPlain ? "whatever is asked for there" : "handshakes alone: by Origin, Referer or another field"}.`
      : "It is refused: without a session, for its Origin, or by a rule.",
    evidence: sameAsPlain ? ["A plain GET gets the same answer."] : [],
    lines: responder.own
      ? { nginx: ["# allow, deny, valid_referers and if ($http_origin ...) of the location"] }
      : PASS_HOST,
  };
}

function notFound({ target, responder, sameAsPlain }: Case): Judgement {
  const path = target.path.split("?")[0] ?? "";
  return {
    id: "not-found",
    what: responder.own
      ? `The proxy itself says that there is no ${path}: no location or route of it leads to the application.`
      : `The application knows no ${path}: the path is wrong, or a proxy has changed it, or it got an ordinary GET.`,
    evidence:
      sameAsPlain && !responder.own
        ? ["A plain GET gets the same answer, so Upgrade may have been dropped as well."]
        : [],
    lines: PATHS,
  };
}
