/** What statuses mean where no words tell. */
import { isHtml } from "./app-words.ts";
import {
  ACCESS_RULES,
  BACKEND,
  BODY,
  LIMITS,
  PASS_HOST,
  PASS_UPGRADE,
  PATHS,
  PROXY_PATH,
  REDIRECTS,
  SLOW,
} from "./cause-lines.ts";
import { fieldOf } from "./http-answer.ts";
import type { Product, Responder } from "./product.ts";
import type { Judgement, Refusal } from "./refusal.ts";

/** The proxy says that what is behind it does not answer. */
function behind({ name }: Responder): string {
  return `what is behind ${name === "" ? "the proxy" : name}`;
}

/** The verdict by the number alone, and by what a plain GET got. */
export function judgeNumber(one: Refusal): Judgement {
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
    case 413:
      return {
        id: "body-too-large",
        what: "The request's body is larger than what is taken there: while a client polls, its messages are bodies of POSTs.",
        lines: BODY,
      };
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
function handshakeRefused({ plainStatus, target }: Refusal): Judgement {
  const path = target.path.split("?")[0] ?? "";
  return {
    id: "handshake-refused",
    what: `The upgrade arrives, and the handshake is refused: most often because the application's WebSocket is not at ${path}, else for a token, a subprotocol or an extension that it wants.`,
    evidence: [`A plain GET gets ${plainStatus}, so it is not taken for one.`],
    lines: PATHS,
  };
}

function unauthorized({ answer }: Refusal): Judgement {
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
function unavailable({ responder }: Refusal): Judgement {
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

function otherStatus({ answer: { status }, responder, sameAsPlain }: Refusal): Judgement {
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

/** As they make them of a file's time and size; applications' own are mostly weak, or hashes. */
const FILE_TAGS: Partial<Readonly<Record<Product, RegExp>>> = {
  nginx: /^"[0-9a-f]+-[0-9a-f]+"$/,
  Apache: /^"[0-9a-f]+-[0-9a-f]+"$/,
  Caddy: /^"[0-9a-z]{6,14}"$/,
};

function servesFile({ answer, responder: { product } }: Refusal): boolean {
  const tag = product === undefined ? undefined : FILE_TAGS[product];
  return tag?.test(fieldOf(answer, "ETag")) === true && fieldOf(answer, "Last-Modified") !== "";
}

/** 2xx: somebody served a page. */
function pageInstead(one: Refusal): Judgement {
  const { answer, sameAsPlain, responder, target } = one;
  if (sameAsPlain && responder.product === "Caddy" && answer.status === 200 && answer.body === "") {
    return {
      id: "not-proxied",
      what: `It answers with 200 and nothing in it, as it does where no route leads on: ${target.path.split("?")[0]} is not passed to the application.`,
      evidence: ["A plain GET gets the same answer."],
      lines: PROXY_PATH,
    };
  }
  if (sameAsPlain && servesFile(one)) {
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

function redirected({ answer, target }: Refusal): Judgement {
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

function forbidden({ answer, responder, sameAsPlain }: Refusal): Judgement {
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
    lines: responder.own ? ACCESS_RULES : PASS_HOST,
  };
}

function notFound({ target, responder, sameAsPlain }: Refusal): Judgement {
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
