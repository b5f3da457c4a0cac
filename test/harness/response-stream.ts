/** Cuts a stream of received bytes into HTTP responses. Lenient: what it is fed is what is being tested. */

/** One response as received. */
export interface ReceivedResponse {
  /** `HTTP/1.1 200 OK`, or "" where the stream holds no response head (HTTP/0.9). */
  readonly statusLine: string;
  readonly status: number;
  /** Field lines as received, in order, without CRLF. */
  readonly fields: readonly string[];
  /** Decoded when the framing is chunked. */
  readonly body: string;
  readonly framing: "none" | "length" | "chunked" | "close" | "tunnel" | "raw";
  readonly trailers: readonly string[];
  /** 1xx other than 101. */
  readonly interim: boolean;
  /** Whether all of it is there; a response that ends with the connection is complete when the connection has ended. */
  readonly complete: boolean;
}

/**
 * Responses in `stream`. `heads` are the 0-based numbers of the final responses that answer HEAD; `ended` says that the
 * server has closed the connection.
 */
export function parseResponses(stream: string, heads: readonly number[], ended: boolean): ReceivedResponse[] {
  const responses: ReceivedResponse[] = [];
  let at = 0;
  let finals = 0;
  while (at < stream.length) {
    if (!stream.startsWith("HTTP/", at)) {
      responses.push(partial("raw", stream.slice(at), ended));
      break;
    }
    const headEnd = stream.indexOf("\r\n\r\n", at);
    if (headEnd < 0) {
      responses.push(partial("raw", stream.slice(at), false));
      break;
    }
    const [statusLine = "", ...fields] = stream.slice(at, headEnd).split("\r\n");
    const status = Number(statusLine.slice(9, 12));
    const interim = status >= 100 && status < 200 && status !== 101;
    const isHead = !interim && heads.includes(finals);
    const rest = bodyAt(stream, headEnd + 4, status, fields, isHead, ended);
    responses.push({ statusLine, status, fields, interim, ...rest.part });
    if (!interim) finals++;
    if (!rest.part.complete) break;
    at = rest.end;
  }
  return responses;
}

/** Value of the first field with this lower-case name. */
export function fieldValue(fields: readonly string[], name: string): string | undefined {
  for (const line of fields) {
    const colon = line.indexOf(":");
    if (colon > 0 && line.slice(0, colon).toLowerCase() === name) return line.slice(colon + 1).trim();
  }
  return undefined;
}

type BodyPart = Pick<ReceivedResponse, "body" | "framing" | "trailers" | "complete">;

function bodyAt(
  stream: string,
  start: number,
  status: number,
  fields: readonly string[],
  isHead: boolean,
  ended: boolean,
): { readonly part: BodyPart; readonly end: number } {
  if (status === 101) {
    return {
      part: { body: stream.slice(start), framing: "tunnel", trailers: [], complete: ended },
      end: stream.length,
    };
  }
  if (isHead || status < 200 || status === 204 || status === 304) {
    return { part: { body: "", framing: "none", trailers: [], complete: true }, end: start };
  }
  if (fieldValue(fields, "transfer-encoding")?.toLowerCase() === "chunked") {
    const chunks = decodeChunked(stream, start);
    const { body, trailers, complete } = chunks;
    return { part: { body, framing: "chunked", trailers, complete }, end: chunks.end };
  }
  const length = fieldValue(fields, "content-length");
  if (length !== undefined) {
    const end = start + Number(length);
    const body = stream.slice(start, end);
    return { part: { body, framing: "length", trailers: [], complete: stream.length >= end }, end };
  }
  return { part: { body: stream.slice(start), framing: "close", trailers: [], complete: ended }, end: stream.length };
}

/** Decodes a chunked body that starts at `start`; `end` is where it ends, or the end of the stream when it is cut short. */
export function decodeChunked(
  stream: string,
  start: number,
): { readonly body: string; readonly trailers: string[]; readonly complete: boolean; readonly end: number } {
  let body = "";
  let at = start;
  for (;;) {
    const lineEnd = stream.indexOf("\r\n", at);
    if (lineEnd < 0) break;
    const size = Number.parseInt(stream.slice(at, lineEnd), 16);
    if (Number.isNaN(size)) break;
    at = lineEnd + 2;
    if (size === 0) {
      const trailers: string[] = [];
      for (;;) {
        const end = stream.indexOf("\r\n", at);
        if (end < 0) return { body, trailers, complete: false, end: stream.length };
        const line = stream.slice(at, end);
        at = end + 2;
        if (line === "") return { body, trailers, complete: true, end: at };
        trailers.push(line);
      }
    }
    body += stream.slice(at, at + size);
    if (at + size + 2 > stream.length) break;
    at += size + 2;
  }
  return { body, trailers: [], complete: false, end: stream.length };
}

function partial(framing: "raw", body: string, complete: boolean): ReceivedResponse {
  return { statusLine: "", status: 0, fields: [], body, framing, trailers: [], interim: false, complete };
}
