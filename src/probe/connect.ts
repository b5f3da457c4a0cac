/** The way to a server: its addresses, a connection, TLS. Each step with its time, or why it failed. */
import { lookup } from "node:dns/promises";
import { connect, isIP, type Socket } from "node:net";
import { checkServerIdentity, type DetailedPeerCertificate, type TLSSocket, connect as tlsConnect } from "node:tls";
import type { ProbeTarget, ProbeWishes } from "./target.ts";
import { Wire } from "./wire.ts";

export interface StepFailure {
  readonly error: string;
  /** `ECONNREFUSED`, `ENOTFOUND`, an alert's name ...; "timeout" where nothing came. */
  readonly code: string;
  readonly ms: number;
}

export interface DnsFacts {
  readonly addresses: readonly string[];
  readonly ms: number;
}

export interface TcpFacts {
  readonly address: string;
  readonly port: number;
  readonly ms: number;
}

/** A certificate of the chain, the server's own first. */
export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  readonly names: readonly string[];
  readonly daysLeft: number;
}

export interface TlsFacts {
  readonly version: string;
  readonly cipher: string;
  /** "" where none was agreed on. */
  readonly protocol: string;
  readonly chain: readonly CertificateFacts[];
  /** What a browser would have against the certificate; "" for nothing. */
  readonly fault: string;
  readonly ms: number;
}

/** How far a connection came. */
export interface Way {
  readonly dns: DnsFacts | StepFailure;
  readonly tcp: TcpFacts | StepFailure | undefined;
  readonly tls: TlsFacts | StepFailure | undefined;
  /** Undefined where a step failed. */
  readonly wire: Wire | undefined;
}

const DAY_MS = 86_400_000;

/** Whether a step came to nothing. */
export function isFailure(step: object | undefined): step is StepFailure {
  return step !== undefined && "error" in step;
}

/** Goes as far as it can. `offered` are the protocols for ALPN: browsers offer http/1.1 alone for WebSockets. */
export async function goTo(
  target: ProbeTarget,
  { timeoutMs }: ProbeWishes,
  onStep: (name: string) => void,
  offered: readonly string[] = ["http/1.1"],
): Promise<Way> {
  const { host, port } = target.connectTo ?? target;
  onStep("looking the name up");
  const dns = await resolveHost(host, timeoutMs);
  if (isFailure(dns)) return { dns, tcp: undefined, tls: undefined, wire: undefined };
  onStep("connecting");
  const { socket, tcp } = await openTcp(dns.addresses, port, timeoutMs);
  if (socket === undefined) return { dns, tcp, tls: undefined, wire: undefined };
  if (!target.tls) return { dns, tcp, tls: undefined, wire: new Wire(socket) };
  onStep("TLS handshake");
  const { secure, tls } = await openTls(socket, target.host, offered, timeoutMs);
  return { dns, tcp, tls, wire: secure === undefined ? undefined : new Wire(secure) };
}

async function resolveHost(host: string, timeoutMs: number): Promise<DnsFacts | StepFailure> {
  const start = performance.now();
  if (isIP(host) !== 0) return { addresses: [host], ms: 0 };
  const answer = await within(
    lookup(host, { all: true }).then(
      (found) => found.map(({ address }) => address),
      (error: unknown) => codeOf(error),
    ),
    timeoutMs,
  );
  const ms = performance.now() - start;
  if (answer === undefined) return { error: "no answer from the name server", code: "timeout", ms };
  if (typeof answer === "string") return { error: `the name ${host} is not known (${answer})`, code: answer, ms };
  return { addresses: [...new Set(answer)], ms };
}

/** The first address that takes a connection, in the order of the name server. */
async function openTcp(
  addresses: readonly string[],
  port: number,
  timeoutMs: number,
): Promise<{ readonly socket: Socket | undefined; readonly tcp: TcpFacts | StepFailure }> {
  const start = performance.now();
  let failure = "";
  let code = "";
  for (const address of addresses) {
    const tried = await tryTcp(address, port, timeoutMs);
    const ms = performance.now() - start;
    if (typeof tried !== "string") return { socket: tried, tcp: { address, port, ms } };
    code = tried;
    failure = `${address} port ${port}: ${WORDS.get(tried) ?? tried}`;
  }
  return { socket: undefined, tcp: { error: failure, code, ms: performance.now() - start } };
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "connection reset"],
  ["EHOSTUNREACH", "no route to the host"],
  ["ENETUNREACH", "network unreachable"],
  ["ETIMEDOUT", "no answer"],
  ["timeout", "no answer"],
]);

function tryTcp(address: string, port: number, timeoutMs: number): Promise<Socket | string> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, noDelay: true });
    const timer = setTimeout(() => give("timeout"), timeoutMs);
    const give = (outcome: Socket | string): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      if (typeof outcome === "string") {
        socket.on("error", () => {});
        socket.destroy();
      }
      resolve(outcome);
    };
    socket.on("connect", () => give(socket));
    socket.on("error", (error) => give(codeOf(error)));
  });
}

async function openTls(
  socket: Socket,
  host: string,
  offered: readonly string[],
  timeoutMs: number,
): Promise<{ readonly secure: TLSSocket | undefined; readonly tls: TlsFacts | StepFailure }> {
  const start = performance.now();
  const secure = tlsConnect({
    socket,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // What is wrong with a certificate is told, and does not end the probe here.
    rejectUnauthorized: false,
    ALPNProtocols: [...offered],
  });
  const failure = await new Promise<string | undefined>((resolve) => {
    const timer = setTimeout(() => resolve("timeout"), timeoutMs);
    const done = (outcome: string | undefined): void => {
      clearTimeout(timer);
      resolve(outcome);
    };
    secure.once("secureConnect", () => done(undefined));
    secure.once("error", (error) => done(`${codeOf(error)} ${error.message}`));
    secure.once("close", () => done("closed"));
  });
  const ms = performance.now() - start;
  secure.removeAllListeners();
  if (failure !== undefined) {
    secure.on("error", () => {});
    secure.destroy();
    return { secure: undefined, tls: { error: tlsWords(failure), code: failure, ms } };
  }
  return { secure, tls: { ...tlsFacts(secure, host), ms } };
}

function tlsWords(failure: string): string {
  if (failure === "timeout") return "no answer to the ClientHello";
  if (failure === "closed" || /ECONNRESET/.test(failure)) return "the connection was closed in the TLS handshake";
  if (/WRONG_VERSION_NUMBER|UNEXPECTED_MESSAGE|HTTP_REQUEST/i.test(failure)) return "what answers does not speak TLS";
  if (/NO_APPLICATION_PROTOCOL/.test(failure)) return "the server takes none of the offered protocols (http/1.1)";
  if (/HANDSHAKE_FAILURE/.test(failure)) return "the server has no version or cipher in common with a browser";
  if (/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/.test(failure))
    return "the server speaks only TLS versions that browsers have given up";
  if (/UNRECOGNIZED_NAME/.test(failure)) return "the server has no certificate for this name";
  return failure.replace(/^\S+ /, "");
}

function tlsFacts(secure: TLSSocket, host: string): Omit<TlsFacts, "ms"> {
  const own = secure.getPeerCertificate(true);
  const chain = chainOf(own);
  const wrongName = checkServerIdentity(host, own);
  const untrusted = secure.authorizationError;
  const [first] = chain;
  let fault = "";
  if (first !== undefined && first.daysLeft < 0) fault = "the certificate has expired";
  else if (wrongName !== undefined)
    fault = `the certificate is not for ${host}, but for ${first?.names.join(", ") ?? "nobody"}`;
  else if (!secure.authorized) fault = `no browser trusts the certificate (${String(untrusted ?? "unknown issuer")})`;
  return {
    version: secure.getProtocol() ?? "",
    cipher: secure.getCipher().name,
    protocol: secure.alpnProtocol || "",
    chain,
    fault,
  };
}

function chainOf(own: DetailedPeerCertificate): CertificateFacts[] {
  const chain: CertificateFacts[] = [];
  const seen = new Set<string>();
  for (let at: DetailedPeerCertificate | undefined = own; at?.subject !== undefined; at = at.issuerCertificate) {
    if (seen.has(at.fingerprint256)) break;
    seen.add(at.fingerprint256);
    chain.push({
      subject: nameOf(at.subject),
      issuer: nameOf(at.issuer),
      names: (at.subjectaltname ?? "")
        .split(/, */)
        .filter((name) => name !== "")
        .map((name) => name.replace(/^(?:DNS|IP Address|IP):/, "")),
      daysLeft: Math.floor((Date.parse(at.valid_to) - Date.now()) / DAY_MS),
    });
  }
  return chain;
}

function nameOf(name: DetailedPeerCertificate["subject"]): string {
  const part = (value: string | string[] | undefined): string =>
    Array.isArray(value) ? value.join(" ") : (value ?? "");
  return part(name.CN) || part(name.O) || "unnamed";
}

/** The code of a system's or TLS's error. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

/** A value, or undefined when it takes too long. */
async function within<T>(value: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  const first = await Promise.race([value, late]);
  clearTimeout(timer);
  return first;
}
