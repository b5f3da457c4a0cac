/** What the requests to a recording backend look like on the wire, and as the text that is recorded of them. */

/** The head of a request as text: a first line whose second word is the target, then `name: value` lines. */
export interface TakenHead {
  readonly head: string;
  /** Index just past it. */
  readonly end: number;
}

/** A protocol that gateways speak with upstreams. */
export interface BackendWire {
  /** Takes a head off the bytes; undefined while it is not all there. */
  takeHead(bytes: string): TakenHead | undefined;
  /** Names of the fields that tell which behaviour is wanted, and how long the body is. */
  readonly behaveField: string;
  readonly lengthField: string;
}

const http: BackendWire = {
  takeHead(bytes) {
    const end = bytes.indexOf("\r\n\r\n");
    return end < 0 ? undefined : { head: bytes.slice(0, end), end: end + 4 };
  },
  behaveField: "x-behave",
  lengthField: "content-length",
};

/** `uwsgi TARGET 0 0` and the parameters in their order. */
const uwsgi: BackendWire = {
  takeHead(bytes) {
    if (bytes.length < 4) return undefined;
    const end = 4 + word(bytes, 1);
    if (bytes.length < end) return undefined;
    const params: string[] = [];
    let at = 4;
    const next = (): string => {
      const start = at + 2;
      at = start + word(bytes, at);
      return bytes.slice(start, at);
    };
    while (at + 2 <= end) {
      const name = next();
      params.push(at + 2 <= end ? `${name}: ${next()}` : `behind the parameters: ${name}`);
    }
    if (at !== end) params.push("the lengths do not add up");
    const modifiers = `${bytes.charCodeAt(0)} ${bytes.charCodeAt(3)}`;
    return { head: [`uwsgi ${targetOf(params)} ${modifiers}`, ...params].join("\r\n"), end };
  },
  behaveField: "http_x_behave",
  lengthField: "content_length",
};

/** `scgi TARGET` and the parameters in their order. */
const scgi: BackendWire = {
  takeHead(bytes) {
    const colon = bytes.indexOf(":");
    if (colon < 0) return undefined;
    const start = colon + 1;
    const end = start + Number(bytes.slice(0, colon));
    if (bytes.length <= end) return undefined;
    const texts = bytes.slice(start, end).split("\0");
    const params: string[] = [];
    for (let i = 0; i + 1 < texts.length; i += 2) params.push(`${texts[i]}: ${texts[i + 1]}`);
    if (texts.at(-1) !== "" || texts.length % 2 === 0 || bytes[end] !== ",") params.push("not a netstring of pairs");
    return { head: [`scgi ${targetOf(params)}`, ...params].join("\r\n"), end: end + 1 };
  },
  behaveField: "http_x_behave",
  lengthField: "content_length",
};

export const WIRES = { http, uwsgi, scgi } as const;

function word(bytes: string, at: number): number {
  return bytes.charCodeAt(at) | (bytes.charCodeAt(at + 1) << 8);
}

function targetOf(params: readonly string[]): string {
  const name = "REQUEST_URI: ";
  return params.find((param) => param.startsWith(name))?.slice(name.length) ?? "-";
}
