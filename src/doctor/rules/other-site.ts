/** Backends that are sites of their own: what they want to be told of names, and how they are spoken to. */
import { holdingLine, levelName, ownLines } from "../../explain/level.ts";
import { lineText } from "../../explain/statement-text.ts";
import type { Edit } from "../edit.ts";
import { passUrl } from "../find-places.ts";
import type { Rule, Symptom } from "../finding.ts";
import { setDirective, setFields, setLine } from "../header-lines.ts";
import { serverHost } from "../listens.ts";
import { type ProxyPlace, passesUpgrade } from "../proxy-place.ts";

/** Hosting that tells its customers' sites by their names alone. */
const PLATFORM =
  /\.(?:herokuapp\.com|azurewebsites\.net|onrender\.com|vercel\.app|netlify\.app|fly\.dev|workers\.dev|pages\.dev|run\.app|appspot\.com|cloudfront\.net|(?:execute-api|s3[\w-]*)\.[\w-]+\.amazonaws\.com|s3\.amazonaws\.com|azurefd\.net|firebaseapp\.com|web\.app|github\.io|railway\.app|deno\.dev|supabase\.co|ngrok(?:-free)?\.(?:app|dev|io)|trycloudflare\.com)$/i;

interface Destination {
  /** A name with dots. */
  readonly host: string;
  /** Whether `$proxy_host`, which TLS and `Host` take where nothing else is said, is the name too. */
  readonly named: boolean;
}

const PRIVATE = /\.(?:local|internal|lan|svc|localhost|home\.arpa)$/i;

function isPublicName(host: string): boolean {
  return /^[^.]+\..*[a-z]$/i.test(host) && !PRIVATE.test(host);
}

/** Where a place connects to, where that is one site with a name in the public DNS, or a block that is called by one. */
function siteOf({ url, upstream }: ProxyPlace): Destination | undefined {
  if (isPublicName(url.host)) return { host: url.host, named: true };
  const [only, ...more] = upstream === undefined ? [] : ownLines(upstream, "server");
  const { host } = passUrl(`http://${only?.args[0] ?? ""}`);
  return more.length === 0 && isPublicName(host) ? { host, named: false } : undefined;
}

export const upstreamSni: Rule = {
  id: "upstream-sni",
  title: "`proxy_pass https://` to a site with a name, which is not told to it in the TLS handshake",
  find({ places }) {
    return places.flatMap((place): Symptom[] => {
      const site = siteOf(place);
      if (!place.url.tls || site === undefined || passesUpgrade(place) !== true) return [];
      if (holdingLine(place.level, "proxy_ssl_server_name")?.args[0] === "on") return [];
      const named = site.named || holdingLine(place.level, "proxy_ssl_name") !== undefined;
      return [
        {
          severity: PLATFORM.test(site.host) ? "warning" : "note",
          at: place.pass,
          message: `${levelName(place.location)} connects to ${site.host} without saying that name (SNI).`,
          consequence:
            'A server that holds several names does not know whose certificate to show and ends the TLS handshake: 502, and "SSL_do_handshake() failed ... handshake failure" or "unrecognized name" in the error log. With one certificate for all, it works all the same.',
          remedy: "Let nginx say it, as every browser does.",
          edits: [
            ...setDirective(place, "proxy_ssl_server_name on;"),
            ...(named ? [] : setDirective(place, `proxy_ssl_name ${site.host};`)),
          ],
        },
      ];
    });
  },
};

export const foreignHost: Rule = {
  id: "foreign-host",
  title: "the client's `Host` is passed to a hosting platform, which does not know that name",
  find({ places }) {
    return places.flatMap((place): Symptom[] => {
      const site = siteOf(place);
      const { handshake, server, level, pass } = place;
      if (site === undefined || !PLATFORM.test(site.host) || handshake === undefined) return [];
      if (passesUpgrade(place) !== true || !handshake.field("host").startsWith(serverHost(server))) return [];
      return [
        {
          severity: "warning",
          at: setLine(level, "Host") ?? pass,
          message: `${levelName(place.location)} asks ${site.host} for "${handshake.field("host")}".`,
          consequence: `That platform finds its customers' sites by "Host": unless the name is entered there as the site's own, handshakes get 404 or 403 ("no such app").`,
          remedy:
            'Ask for the name that the site has there. An application that compares "Origin" must allow the outer one.',
          edits: setFields(place, [["Host", site.named ? "$proxy_host" : site.host]]),
        },
      ];
    });
  },
};

const TLS_PORTS = new Set([443, 8443]);

export const schemePort: Rule = {
  id: "scheme-port",
  title: "`proxy_pass http://` to a port of https, or `https://` to one of http",
  find({ places }) {
    return places.flatMap((place): Symptom[] => {
      const { url, upstream, pass } = place;
      const servers = upstream === undefined ? [] : ownLines(upstream, "server");
      const ports =
        upstream === undefined ? [url.port] : servers.map(({ args }) => passUrl(`http://${args[0]}`).port ?? 80);
      const plainToTls = !url.tls && ports.length > 0 && ports.every((port) => TLS_PORTS.has(port ?? 80));
      const tlsToPlain = url.tls && ports.length > 0 && ports.every((port) => port === 80);
      if (url.hasVariables || (!plainToTls && !tlsToPlain)) return [];
      const text = url.text.replace(/^https?/i, plainToTls ? "https" : "http");
      const edit: Edit = { kind: "replace", statement: pass, line: lineText({ ...pass, args: [text] }) };
      return [
        {
          severity: place.likelihood === "possible" ? "warning" : "error",
          at: pass,
          message: plainToTls
            ? `${levelName(place.location)} speaks plain HTTP to port ${ports[0]}, where TLS is spoken.`
            : `${levelName(place.location)} speaks TLS to port 80, where plain HTTP is spoken.`,
          consequence: plainToTls
            ? 'Handshakes get 400, "The plain HTTP request was sent to HTTPS port", or 502 where the backend hangs up.'
            : 'Handshakes get 502, and the error log says "wrong version number".',
          remedy: plainToTls
            ? "Speak TLS to it; the client's own TLS ends at this proxy."
            : "Speak plain HTTP to it, or name the port that speaks TLS.",
          // A server of an upstream that names no port has 80: which of both is meant, nobody but the writer knows.
          edits: tlsToPlain && upstream !== undefined ? [] : [edit],
        },
      ];
    });
  },
};
