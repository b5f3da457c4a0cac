/** One handshake: what was sent, what came back, and whether it opens a WebSocket (RFC 6455, section 4). */
import { randomBytes } from "node:crypto";
import { acceptOf } from "../websocket/handshake.ts";
import { goTo, type Way } from "./connect.ts";
import { fieldOf, type HttpAnswer, type NotHttp, readAnswer } from "./http-answer.ts";
import { ownOrigin, type ProbeTarget, type ProbeWishes } from "./target.ts";
import type { Wire, WireFailure } from "./wire.ts";

export interface Attempt {
  readonly target: ProbeTarget;
  readonly way: Way;
  /** As sent; "" where it did not come so far. */
  readonly request: string;
  readonly answer: HttpAnswer | NotHttp | WireFailure | undefined;
  /** How the connection stood when the answer had been read, or failed to come. */
  readonly endAfterAnswer: Wire["end"] | undefined;
  readonly answerMs: number;
  /** What is wrong with a 101; empty where it is good. */
  readonly faults: readonly string[];
  readonly subprotocol: string;
  readonly extensions: string;
  /** The open tunnel; undefined where there is none. The caller closes it. */
  readonly tunnel: Wire | undefined;
}

/** Changes of the usual handshake, to find out what it is that is refused. */
export interface Deviation {
  /** Another path. */
  readonly path?: string;
  readonly withoutOrigin?: true;
  /** An ordinary GET. */
  readonly plain?: true;
}

/** What browsers offer, asked for so that each message can be read by itself. */
const OFFERED_EXTENSION = "permessage-deflate; server_no_context_takeover; client_max_window_bits";

/** The request, as browsers make it. */
export function requestText(target: ProbeTarget, wishes: ProbeWishes, key: string, deviation: Deviation): string {
  const fields = new Map<string, string>([["Host", target.hostField]]);
  if (deviation.plain !== true) {
    fields.set("Upgrade", "websocket");
    fields.set("Connection", "Upgrade");
    fields.set("Sec-WebSocket-Key", key);
    fields.set("Sec-WebSocket-Version", "13");
    fields.set("Sec-WebSocket-Extensions", OFFERED_EXTENSION);
    if (wishes.subprotocols.length > 0) fields.set("Sec-WebSocket-Protocol", wishes.subprotocols.join(", "));
  } else {
    fields.set("Accept", "*/*");
    fields.set("Connection", "close");
  }
  if (deviation.withoutOrigin !== true) fields.set("Origin", wishes.origin ?? ownOrigin(target));
  fields.set("User-Agent", "hopway-probe");
  for (const header of wishes.headers) {
    const colon = header.indexOf(":");
    const name = header.slice(0, colon);
    const value = header.slice(colon + 1).trim();
    const known = [...fields.keys()].find((of) => of.toLowerCase() === name.toLowerCase());
    if (known !== undefined) fields.delete(known);
    if (value !== "") fields.set(name, value);
  }
  const lines = [...fields].map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${deviation.path ?? target.path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** Connects and shakes hands. Never rejects: what failed is in the result. */
export async function attempt(
  target: ProbeTarget,
  wishes: ProbeWishes,
  onStep: (name: string) => void,
  deviation: Deviation = {},
): Promise<Attempt> {
  const way = await goTo(target, wishes, onStep);
  const key = randomBytes(16).toString("base64");
  const nothing = { answerMs: 0, faults: [], subprotocol: "", extensions: "", tunnel: undefined };
  const refusesTls = way.tls !== undefined && "fault" in way.tls && way.tls.fault !== "" && !wishes.insecure;
  if (way.wire === undefined || refusesTls) {
    way.wire?.close();
    return { target, way, request: "", answer: undefined, endAfterAnswer: undefined, ...nothing };
  }
  const { wire } = way;
  const request = requestText(target, wishes, key, deviation);
  onStep("handshake");
  const start = performance.now();
  wire.write(request);
  const answer = await readAnswer(wire, wishes.timeoutMs);
  const answerMs = performance.now() - start;
  const endAfterAnswer = wire.end;
  const common = { target, way, request, answer, endAfterAnswer };
  if (typeof answer === "string" || "bytes" in answer || answer.status !== 101) {
    wire.close();
    return { ...common, ...nothing, answerMs };
  }
  const subprotocol = fieldOf(answer, "Sec-WebSocket-Protocol");
  const extensions = fieldOf(answer, "Sec-WebSocket-Extensions");
  const faults = faultsOf(answer, key, wishes.subprotocols, subprotocol, extensions);
  return { ...common, answerMs, faults, subprotocol, extensions, tunnel: wire };
}

/** What makes a browser close the connection although there was a 101 (RFC 6455, 4.1). */
function faultsOf(
  answer: HttpAnswer,
  key: string,
  offered: readonly string[],
  subprotocol: string,
  extensions: string,
): string[] {
  const faults: string[] = [];
  if (fieldOf(answer, "Upgrade").toLowerCase() !== "websocket") faults.push('no "Upgrade: websocket" in the 101');
  if (!/(?:^|[\s,])upgrade(?:$|[\s,])/i.test(fieldOf(answer, "Connection")))
    faults.push('no "Connection: Upgrade" in the 101');
  const accept = fieldOf(answer, "Sec-WebSocket-Accept");
  if (accept === "") faults.push("no Sec-WebSocket-Accept in the 101");
  else if (accept !== acceptOf(key))
    faults.push("Sec-WebSocket-Accept does not fit the key: the 101 answers another handshake");
  if (subprotocol !== "" && !offered.includes(subprotocol))
    faults.push(`subprotocol "${subprotocol}" was not asked for`);
  if (subprotocol === "" && offered.length > 0) faults.push(`None of the subprotocols ${offered.join(", ")} was taken`);
  if (!/^(?:permessage-deflate\b[^,]*)?$/.test(extensions)) faults.push(`extension "${extensions}" was not asked for`);
  return faults;
}
