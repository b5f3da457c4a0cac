/** What counts as an opening handshake (RFC 6455, section 4), and what its answer has agreed on. */
import { describe, expect, test } from "bun:test";
import { HeaderList } from "../http/header-list.ts";
import { acceptOf, asksForWebSocket, type HandshakeRequest, isHandshake, readAgreement } from "./handshake.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const USUAL = ["Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Key: ${KEY}`];

function headers(...lines: readonly string[]): HeaderList {
  const list = new HeaderList();
  for (const line of lines) {
    const colon = line.indexOf(": ");
    list.add(line.slice(0, colon), line.slice(colon + 2));
  }
  return list;
}

function request(lines: readonly string[], form: Partial<HandshakeRequest> = {}): HandshakeRequest {
  const list = headers(...lines);
  return { method: "GET", httpVersion: 1001, headers: list, upgrade: list.get("upgrade"), ...form };
}

test("the accept of the RFC's example", () => {
  expect(acceptOf(KEY)).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

const REQUESTS: readonly {
  readonly name: string;
  readonly lines: readonly string[];
  readonly form?: Partial<HandshakeRequest>;
  readonly asks: boolean;
  readonly is: boolean;
}[] = [
  { name: "a usual one", lines: USUAL, asks: true, is: true },
  {
    name: "names in any case, among others",
    lines: ["UPGRADE: foo, WebSocket", "connection: keep-alive, UPGRADE", `sec-websocket-key: ${KEY}`],
    asks: true,
    is: true,
  },
  {
    name: "tokens in several lines",
    lines: ["Upgrade: foo", "Upgrade: websocket", "Connection: a", "Connection: upgrade", `Sec-WebSocket-Key: ${KEY}`],
    asks: true,
    is: true,
  },
  { name: "another protocol", lines: ["Upgrade: h2c", ...USUAL.slice(1)], asks: false, is: false },
  { name: "a name that only begins so", lines: ["Upgrade: websockets", ...USUAL.slice(1)], asks: false, is: false },
  { name: "a name that is cut short", lines: ["Upgrade: websocke", ...USUAL.slice(1)], asks: false, is: false },
  { name: "a name that ends so", lines: ["Upgrade: xwebsocket", ...USUAL.slice(1)], asks: false, is: false },
  { name: "a name with a version", lines: ["Upgrade: websocket/13", ...USUAL.slice(1)], asks: false, is: false },
  { name: "two words, not a list", lines: ["Upgrade: websocket foo", ...USUAL.slice(1)], asks: false, is: false },
  { name: "empty members and tabs", lines: ["Upgrade: ,,\t websocket\t,", ...USUAL.slice(1)], asks: true, is: true },
  { name: "nothing", lines: ["Upgrade: ,", ...USUAL.slice(1)], asks: false, is: false },
  { name: "no Connection", lines: [USUAL[0]!, USUAL[2]!], asks: true, is: false },
  { name: "no key", lines: USUAL.slice(0, 2), asks: true, is: false },
  { name: "POST", lines: USUAL, form: { method: "POST" }, asks: true, is: false },
  { name: "HTTP/1.0", lines: USUAL, form: { httpVersion: 1000 }, asks: true, is: false },
  { name: "an Upgrade that is not passed on", lines: USUAL, form: { upgrade: undefined }, asks: false, is: false },
];

describe("a request", () => {
  for (const { name, lines, form, asks, is } of REQUESTS) {
    test(name, () => {
      expect([asksForWebSocket(request(lines, form)), isHandshake(request(lines, form))]).toEqual([asks, is]);
    });
  }
});

const ACCEPTED = ["Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${acceptOf(KEY)}`];
const BOTH = { clientTakesOver: true, serverTakesOver: true };

describe("an answer", () => {
  const agreed = (...lines: readonly string[]): ReturnType<typeof readAgreement> =>
    readAgreement(request(USUAL), headers(...lines));

  test("without extensions or a subprotocol", () => {
    expect(agreed(...ACCEPTED)).toEqual({ subprotocol: undefined, rsvAllowed: 0, deflate: undefined });
  });

  test("with a subprotocol", () => {
    expect(agreed(...ACCEPTED, "Sec-WebSocket-Protocol: chat")?.subprotocol).toBe("chat");
  });

  const EXTENSIONS: readonly (readonly [text: string, rsvAllowed: number, deflate: object | undefined])[] = [
    ["permessage-deflate", 4, BOTH],
    ["Permessage-Deflate; client_max_window_bits=15", 4, BOTH],
    ["permessage-deflate; server_no_context_takeover", 4, { clientTakesOver: true, serverTakesOver: false }],
    ["permessage-deflate;client_no_context_takeover ; a=b", 4, { clientTakesOver: false, serverTakesOver: true }],
    ["x-unknown", 7, undefined],
    ["permessage-deflate, x-unknown", 7, undefined],
    ["permessage-deflate, permessage-deflate", 4, undefined],
  ];
  for (const [text, rsvAllowed, deflate] of EXTENSIONS) {
    test(`with ${text}`, () => {
      expect(agreed(...ACCEPTED, `Sec-WebSocket-Extensions: ${text}`)).toEqual({
        subprotocol: undefined,
        rsvAllowed,
        deflate,
      } as ReturnType<typeof readAgreement>);
    });
  }

  test("that opens no WebSocket", () => {
    expect(agreed(...ACCEPTED.slice(1))).toBeUndefined();
    expect(agreed(ACCEPTED[0]!, ACCEPTED[1]!)).toBeUndefined();
    expect(agreed(ACCEPTED[0]!, ACCEPTED[1]!, "Sec-WebSocket-Accept: wrong")).toBeUndefined();
    expect(readAgreement(request(USUAL.slice(0, 2)), headers(...ACCEPTED))).toBeUndefined();
  });
});
