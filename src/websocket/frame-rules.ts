/** `websocket_validate`: what RFC 6455 forbids, told from a frame's header, and from a Close frame's payload. */
import { INVALID_PAYLOAD, MESSAGE_TOO_BIG, PROTOCOL_ERROR } from "./endings.ts";
import { BINARY, CLOSE, type FrameWalker, MESSAGE_UNFINISHED, NOTHING_TO_CONTINUE, PONG } from "./frame-walker.ts";
import { TextCheck } from "./text-check.ts";

const RSV1 = 4;

/** What is wrong: a Close code, and words for the log and the Close frame (ASCII). */
export interface FrameFault {
  readonly code: number;
  readonly words: string;
}

function fault(words: string, code = PROTOCOL_ERROR): FrameFault {
  return { code, words };
}

const RSV_SET = fault("reserved bits are set");
const RSV1_MISPLACED = fault("a continuation or control frame is marked as compressed");
const UNKNOWN_OPCODE = fault("the opcode is not known");
const NOT_MASKED = fault("a frame of the client is not masked");
const MASKED = fault("a frame of the server is masked");
const NO_MESSAGE = fault("a continuation without a message");
const UNFINISHED = fault("a new message within a fragmented one");
const CONTROL_FRAGMENTED = fault("a control frame is fragmented");
const CONTROL_LONG = fault("a control frame is longer than 125 bytes");
const HALF_CODE = fault("a Close frame of one byte");
const WRONG_CODE = fault("a Close frame with a code that may not be sent");
const INVALID_REASON = fault("the reason of a Close frame is not UTF-8", INVALID_PAYLOAD);
/** Found in the payload of text. */
export const INVALID_TEXT = fault("a text is not UTF-8", INVALID_PAYLOAD);
export const INCOMPLETE_TEXT = fault("a text ends within a character", INVALID_PAYLOAD);
/** A compressed message turned out not to be one. */
export const NOT_DEFLATED = fault("a compressed message cannot be decompressed", INVALID_PAYLOAD);
const NEGATIVE_LENGTH = fault("the highest bit of a length is set");
const LENGTH_BEYOND = fault("a frame longer than 2^53 - 1 bytes", MESSAGE_TOO_BIG);

/** Judges a complete header. `rsvAllowed`: what the extensions that were agreed on may set. */
export function headerFault(walker: FrameWalker, fromClient: boolean, rsvAllowed: number): FrameFault | undefined {
  const { rsv, opcode, payloadLength } = walker;
  if ((rsv & ~rsvAllowed) !== 0) return RSV_SET;
  // RFC 7692, 6: only the first frame of a message says that it is compressed.
  if (rsv === RSV1 && rsvAllowed === RSV1 && (walker.isControl || opcode === 0)) return RSV1_MISPLACED;
  if ((opcode > BINARY && opcode < CLOSE) || opcode > PONG) return UNKNOWN_OPCODE;
  if (walker.masked !== fromClient) return fromClient ? NOT_MASKED : MASKED;
  if (walker.isControl) {
    if (!walker.fin) return CONTROL_FRAGMENTED;
    if (walker.longLength) return CONTROL_LONG;
    return opcode === CLOSE && payloadLength === 1 ? HALF_CODE : undefined;
  }
  if (walker.order === NOTHING_TO_CONTINUE) return NO_MESSAGE;
  if (walker.order === MESSAGE_UNFINISHED) return UNFINISHED;
  if (payloadLength >= 2 ** 63) return NEGATIVE_LENGTH;
  return payloadLength > Number.MAX_SAFE_INTEGER ? LENGTH_BEYOND : undefined;
}

/** Codes that are registered for use on the wire; those of 3000 to 4999 are anybody's (RFC 6455, 7.4). */
const FIRST_CODE = 1000;
const LAST_CODE = 1014;
const UNSENDABLE: ReadonlySet<number> = new Set([1004, 1005, 1006]);
const FIRST_PRIVATE = 3000;
const LAST_PRIVATE = 4999;

const CODE_BYTES = 2;
const reasonCheck = new TextCheck();

/** Judges a whole Close frame, whose payload stands at bytes[payloadAt]. */
export function closeFault(bytes: Buffer, payloadAt: number, walker: FrameWalker): FrameFault | undefined {
  const { payloadLength, maskKey, closeCode } = walker;
  if (payloadLength === 0) return undefined;
  if (!maySend(closeCode)) return WRONG_CODE;
  reasonCheck.reset();
  const end = payloadAt + payloadLength;
  const right = reasonCheck.check(bytes, payloadAt + CODE_BYTES, end, maskKey, CODE_BYTES) && reasonCheck.complete;
  return right ? undefined : INVALID_REASON;
}

/** Whether a Close frame may carry the code. */
export function maySend(code: number): boolean {
  if (code >= FIRST_PRIVATE && code <= LAST_PRIVATE) return true;
  return code >= FIRST_CODE && code <= LAST_CODE && !UNSENDABLE.has(code);
}
