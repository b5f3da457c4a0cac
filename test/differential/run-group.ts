/** Runs the cases of a group against one gateway and gives, case by case, the transcripts to compare. */
import { mkdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ClientStep, type Exchange, exchange, type Surroundings, type Target } from "../harness/exchange.ts";
import type { Gateway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { type BackendStep, type Behaviour, RecordingBackend } from "../harness/recording-backend.ts";
import { fieldValue, parseResponses } from "../harness/response-stream.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { BEHAVIOURS } from "./behaviours.ts";
import { BACKEND_PORTS, type Case, DEAD_PORT, type Group, LISTEN_PORTS } from "./case.ts";
import type { Part } from "./deliberate.ts";
import { CONNECTION_FIELD, type LogMark, linesOfCases } from "./log-lines.ts";
import {
  clientTranscript,
  errorTranscript,
  logTranscript,
  type Substitutions,
  upstreamTranscript,
} from "./normalise.ts";
import { certificatesFolder } from "./tls-certificates.ts";

export type Transcripts = Readonly<Record<Part, string>>;

/** What came of one case. */
interface Visit {
  readonly of: Case;
  readonly seen: Exchange;
  readonly upstream: string;
}

/** What one gateway did in a group. */
export interface GroupRun {
  readonly cases: ReadonlyMap<string, Transcripts>;
  /** What it said in the error log when it started and stopped. */
  readonly errors: string;
  /** What stood for the names of ports, and the paths that texts do not show. */
  readonly substitutions: Substitutions;
}

/** Modification time of all static files: what ETag and Last-Modified are made of. */
const FILE_TIME_S = 1_420_070_400;

const DEFAULT_LOG_FIELDS =
  '$status "$request" $request_length $request_completion $upstream_addr $upstream_status $pipe "$http_user_agent"';

/** Writes the group's files into a new folder, to be served by both gateways. */
export function writeFiles(group: Group): string {
  const root = makeTempDir();
  for (const [name, content] of Object.entries(group.files ?? {})) {
    const path = join(root, name);
    mkdirSync(name.endsWith("/") ? path : dirname(path), { recursive: true });
    if (name.endsWith("/")) continue;
    writeFileSync(path, content, "latin1");
    utimesSync(path, FILE_TIME_S, FILE_TIME_S);
  }
  return root;
}

/** Starts the gateway on the group's configuration, runs every case in turn, and stops it. */
export async function runGroup(
  group: Group,
  root: string,
  start: (configText: string) => Promise<Gateway>,
): Promise<GroupRun> {
  const ports = new Map<string, number>();
  for (const name of [...LISTEN_PORTS, DEAD_PORT]) ports.set(name, freePort());
  const backends: [string, RecordingBackend][] = [];
  const socketDir = makeTempDir();
  const replacePorts = (text: string): string =>
    [...ports].reduce((t, [name, port]) => t.replaceAll(`{${name}}`, String(port)), text);
  const behaviours = (): Record<string, Behaviour> =>
    mapSteps({ ...BEHAVIOURS, ...group.behaviours }, (step) => (typeof step === "string" ? replacePorts(step) : step));
  for (const name of BACKEND_PORTS) ports.set(name, freePort());
  for (const name of BACKEND_PORTS) {
    backends.push([name, new RecordingBackend(name, behaviours(), { port: ports.get(name) ?? 0 }, group.wire)]);
  }
  if (group.config.includes("{socket}")) {
    const backend = new RecordingBackend("socket", behaviours(), { unix: join(socketDir, "up.sock") }, group.wire);
    backends.push(["socket", backend]);
  }
  const text = replacePorts(configOf(group))
    .replaceAll("{root}", root)
    .replaceAll("{socket}", join(socketDir, "up.sock"))
    .replaceAll("{certs}", group.config.includes("{certs}") ? certificatesFolder() : "");
  const gateway = await start(text);
  const substitutions: Substitutions = [
    [gateway.prefix, "{prefix}"],
    [socketDir, "{sockets}"],
    [root, "{root}"],
    ...(group.config.includes("{certs}") ? [[certificatesFolder(), "{certs}"] as const] : []),
    ...[...ports].map(([name, port]) => [String(port), `{${name}}`] as const),
  ];
  const visits: Visit[] = [];
  let clientGot = "";
  let clientLeft = false;
  const quiet = (): Promise<void> => gateway.quiet();
  for (const [, backend] of backends) {
    backend.around = { quiet, clientGot: () => clientGot, clientLeft: () => clientLeft };
  }
  const around: Surroundings = {
    quiet,
    upstreamGot: (wanted) => backends.some(([, backend]) => backend.got(wanted)),
    onReceived: (received) => {
      clientGot = received;
    },
  };
  await quiet();
  const marks: LogMark[] = [markOf(gateway)];
  try {
    for (const one of group.cases) {
      const to = one.to ?? "port";
      const target = targetOf(
        one,
        typeof to === "string" ? (ports.get(to) ?? 0) : { unix: join(gateway.prefix, to.unix) },
      );
      clientGot = "";
      clientLeft = false;
      const result = await exchange(target, stepsOf(one), headsOf(one), undefined, around);
      clientLeft = true;
      await quiet();
      if (backends.some(([, backend]) => backend.busy)) {
        for (const [, backend] of backends) await backend.settle();
        await quiet();
      }
      marks.push(markOf(gateway));
      const recorded = backends.map(([name, backend]) => [name, backend.take()] as const);
      visits.push({
        of: one,
        seen: result,
        upstream: upstreamTranscript(recorded, one.upstreamEnd === true, substitutions),
      });
    }
  } finally {
    await gateway.stop();
    for (const [, backend] of backends) backend.stop();
    removeTempDir(socketDir);
  }
  const cases = new Map<string, Transcripts>();
  const [ofNoCase, ...lines] = linesOfCases(gateway.accessLog(), gateway.errorLog(), marks);
  for (const [index, visit] of visits.entries()) {
    const client = clientTranscript(visit.seen, headsOf(visit.of), substitutions);
    const own = [...substitutions, [String(visit.seen.localPort || ""), "{client_port}"] as const];
    cases.set(visit.of.name, {
      client: client.text,
      upstream: visit.upstream,
      log: logTranscript(lines[index]!.access, client, own),
      errors: group.errorLog === false ? "" : errorTranscript(lines[index]!.errors, own),
    });
  }
  gateway.remove();
  return {
    cases,
    errors: group.errorLog === false ? "" : errorTranscript(ofNoCase!.errors, substitutions),
    substitutions,
  };
}

function markOf(gateway: Gateway): LogMark {
  return { access: bytesOf(join(gateway.prefix, "access.log")), errors: bytesOf(join(gateway.prefix, "error.log")) };
}

function bytesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function targetOf({ tls }: Case, to: number | { readonly unix: string }): Target {
  if (tls === undefined || typeof to !== "number") return to;
  const { certificate, ...rest } = tls;
  if (certificate === undefined) return { port: to, tls: rest };
  const path = join(certificatesFolder(), certificate);
  return { port: to, tls: { ...rest, certificate: `${path}.crt`, key: `${path}.key` } };
}

function configOf(group: Group): string {
  const level = group.errorLog === false || group.errorLog === undefined ? "error" : group.errorLog;
  return `{main}
error_log {prefix}/error.log ${level};
events { worker_connections 512; }
http {
  {temp_paths}
  log_format case '${CONNECTION_FIELD}$body_bytes_sent ${group.logFields ?? DEFAULT_LOG_FIELDS}';
  access_log {prefix}/access.log case;
${group.config}
}
`;
}

/** The steps of a case, with the wait for responses that a text implies and the look at whether the connection stays open. */
function stepsOf(one: Case): ClientStep[] {
  const steps: ClientStep[] =
    typeof one.send === "string" ? [one.send, { waitResponses: one.responses ?? 1 }] : [...one.send];
  return [...steps, { settle: (received) => mustEnd(received, headsOf(one)) }];
}

/** Whether the last response announces that the server will close. */
function mustEnd(received: string, heads: readonly number[]): boolean {
  const last = parseResponses(received, heads, false).at(-1);
  if (last === undefined || last.framing === "tunnel") return false;
  if (last.framing === "raw") return false;
  if (last.framing === "close") return true;
  return fieldValue(last.fields, "connection")?.toLowerCase() === "close";
}

function headsOf(one: Case): readonly number[] {
  if (one.heads !== undefined) return one.heads;
  const first = typeof one.send === "string" ? one.send : one.send[0];
  return typeof first === "string" && first.startsWith("HEAD ") ? [0] : [];
}

function mapSteps(
  behaviours: Readonly<Record<string, Behaviour>>,
  change: (step: BackendStep) => BackendStep,
): Record<string, Behaviour> {
  const entries = Object.entries(behaviours).map(([name, b]) => [name, { ...b, steps: b.steps.map(change) }] as const);
  return Object.fromEntries(entries);
}
