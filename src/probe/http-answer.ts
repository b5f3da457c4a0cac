/** An HTTP response as a probe wants it: all of the head, and the beginning of the body. */
import type { Wire, WireFailure } from "./wire.ts";

export interface HttpAnswer {
  readonly statusLine: string;
  readonly status: number;
  /** As sent, in order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Its beginning. */
  readonly body: string;
}

/** As much of a body as tells what it is. */
const BODY_BYTES = 4096;
/** For a body's beginning behind its head. */
const BODY_WAIT_MS = 500;
const HEAD_BYTES = 64 * 1024;

/** Something came that is no HTTP/1 response: its beginning. */
export interface NotHttp {
  readonly bytes: string;
}

/** Reads a response. The body of a 101 is what follows it, and stays on the wire. */
export async function readAnswer(wire: Wire, timeoutMs: number): Promise<HttpAnswer | NotHttp | WireFailure> {
  const head = await wire.until((bytes) => takeHead(bytes), timeoutMs);
  if (typeof head === "string") return head;
  if ("bytes" in head) return head;
  const { text } = head;
  const [statusLine = "", ...lines] = text.split(/\r?\n/);
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1] ?? 0);
  const fields = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), utf8(line.slice(colon + 1).trim())] as const;
  });
  if (status >= 100 && status < 200 && status !== 101) return readAnswer(wire, timeoutMs);
  if (status === 101) return { statusLine, status, fields, body: "" };
  return { statusLine, status, fields, body: await readBody(wire, fields) };
}

function takeHead(
  bytes: Buffer,
): { readonly value: { readonly text: string } | NotHttp; readonly used: number } | undefined {
  const start = bytes.subarray(0, 5).latin1Slice();
  if (!"HTTP/".startsWith(start.slice(0, 5))) return { value: { bytes: bytes.subarray(0, 64).latin1Slice() }, used: 0 };
  const text = bytes.latin1Slice();
  const end = /\r?\n\r?\n/.exec(text);
  if (end !== null) return { value: { text: text.slice(0, end.index) }, used: end.index + end[0].length };
  return bytes.length > HEAD_BYTES ? { value: { bytes: text.slice(0, 64) }, used: 0 } : undefined;
}

/** What of the body comes at once. */
async function readBody(wire: Wire, fields: HttpAnswer["fields"]): Promise<string> {
  const length = Number(fields.find(([name]) => name.toLowerCase() === "content-length")?.[1] ?? BODY_BYTES);
  const wanted = Math.min(length, BODY_BYTES);
  await wire.until((bytes) => (bytes.length >= wanted ? { value: true, used: 0 } : undefined), BODY_WAIT_MS);
  const bytes = wire.rest.subarray(0, BODY_BYTES).latin1Slice();
  const coding = fields.find(([name]) => name.toLowerCase() === "transfer-encoding")?.[1] ?? "";
  return utf8(/\bchunked\b/i.test(coding) ? unchunked(bytes) : bytes);
}

/** The data of chunks, as far as they have come (RFC 9112, 7.1). */
function unchunked(bytes: string): string {
  let data = "";
  for (let at = 0; at < bytes.length; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    const size = Number.parseInt(bytes.slice(at, lineEnd < 0 ? bytes.length : lineEnd), 16);
    if (lineEnd < 0 || !(size > 0)) break;
    data += bytes.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
  return data;
}

/** Read as bytes, shown as text. */
function utf8(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString();
}

/** The value of a field, joined where it is there several times; "" where it is not. */
export function fieldOf({ fields }: HttpAnswer, name: string): string {
  const key = name.toLowerCase();
  return fields
    .filter(([of]) => of.toLowerCase() === key)
    .map(([, value]) => value)
    .join(", ");
}
