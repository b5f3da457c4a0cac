/** An ordinary request on a connection of its own, read to its end. */
import { goTo, type Way } from "./connect.ts";
import { fieldOf, type HttpAnswer, readAnswer } from "./http-answer.ts";
import type { ProbeTarget, ProbeWishes } from "./target.ts";
import { ownOrigin } from "./target.ts";

export interface PlainRequest {
  readonly method: "GET" | "POST";
  /** With arguments. */
  readonly path: string;
  readonly body?: string;
}

export interface PlainAnswer {
  readonly answer: HttpAnswer;
  /** Whole, without its coding. */
  readonly text: string;
  readonly ms: number;
  /** The address that answered. */
  readonly way: Way;
}

/** Sends it and reads the whole answer; a text says why there is none. */
export async function request(
  target: ProbeTarget,
  wishes: ProbeWishes,
  { method, path, body }: PlainRequest,
): Promise<PlainAnswer | string> {
  const start = performance.now();
  const way = await goTo(target, wishes, () => {});
  const { wire } = way;
  if (wire === undefined) return failureOf(way);
  const fields = [
    `Host: ${target.hostField}`,
    `Origin: ${wishes.origin ?? ownOrigin(target)}`,
    "Accept: */*",
    "User-Agent: hopway-probe",
    ...wishes.headers,
    ...(body === undefined ? [] : ["Content-Type: text/plain;charset=UTF-8", `Content-Length: ${body.length}`]),
    "Connection: close",
  ];
  wire.write(`${method} ${path} HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n${body ?? ""}`);
  const answer = await readAnswer(wire, wishes.timeoutMs);
  if (typeof answer === "string") {
    wire.close();
    return answer === "timeout" ? "no answer" : "the connection was closed without an answer";
  }
  if ("bytes" in answer) {
    wire.close();
    return "what answers is no HTTP server";
  }
  const length = fieldOf(answer, "Content-Length");
  await wire.until(
    (bytes) => (length !== "" && bytes.length >= Number(length) ? { value: true, used: 0 } : undefined),
    wishes.timeoutMs,
  );
  const raw = wire.rest.latin1Slice();
  wire.close();
  const text = /chunked/i.test(fieldOf(answer, "Transfer-Encoding")) ? withoutChunks(raw) : raw;
  return { answer, text, ms: performance.now() - start, way };
}

function failureOf({ dns, tcp, tls }: Way): string {
  for (const step of [tls, tcp, dns]) if (step !== undefined && "error" in step) return step.error;
  return "no connection";
}

function withoutChunks(text: string): string {
  let out = "";
  let at = 0;
  for (;;) {
    const end = text.indexOf("\r\n", at);
    const size = end < 0 ? 0 : Number.parseInt(text.slice(at, end), 16);
    if (!(size > 0)) return out;
    out += text.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}
