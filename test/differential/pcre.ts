/** The real PCRE, to compare translated regular expressions with: the library that nginx itself uses. */
import { dlopen, FFIType, ptr, read } from "bun:ffi";

const LIBRARY = "libpcre2-8.so.0";
const CASELESS = 0x8;
/** An optimisation that is wrong for some patterns, such as `.+\\R`. */
const NO_AUTO_POSSESS = 0x4000;
const UNSET = 0xffff_ffff;
const INFO_CAPTURECOUNT = 4;

/** What one match captured; undefined for groups that took no part. */
export type Captures = readonly (string | undefined)[];

/** A pattern that PCRE compiled, or its complaint. */
export interface PcrePattern {
  readonly error: string | undefined;
  readonly offset: number;
  match(subject: string): Captures | undefined;
}

/** Compiles with PCRE, or undefined where the library is not installed. */
export function openPcre(): ((pattern: string, caseless: boolean) => PcrePattern) | undefined {
  const library = load();
  if (library === undefined) return undefined;
  const { symbols } = library;
  return (pattern, caseless) => {
    const text = Buffer.from(`${pattern}\0`, "latin1");
    const error = new Int32Array(1);
    const offset = new BigUint64Array(1);
    const code = symbols.pcre2_compile_8(
      ptr(text),
      BigInt(pattern.length),
      NO_AUTO_POSSESS | (caseless ? CASELESS : 0),
      ptr(error),
      ptr(offset),
      null,
    );
    if (code === null) {
      const message = Buffer.alloc(256);
      const length = symbols.pcre2_get_error_message_8(error[0] ?? 0, ptr(message), 256n);
      return { error: message.latin1Slice(0, length), offset: Number(offset[0]), match: () => undefined };
    }
    const count = new Uint32Array(1);
    symbols.pcre2_pattern_info_8(code, INFO_CAPTURECOUNT, ptr(count));
    const data = symbols.pcre2_match_data_create_from_pattern_8(code, null);
    const match = (subject: string): Captures | undefined => {
      const bytes = Buffer.from(`${subject}\0`, "latin1");
      const matched = symbols.pcre2_match_8(code, ptr(bytes), BigInt(subject.length), 0n, 0, data, null);
      if (matched < 0) return undefined;
      const vector = symbols.pcre2_get_ovector_pointer_8(data);
      if (vector === null) return undefined;
      const captures: (string | undefined)[] = [];
      for (let group = 0; group <= (count[0] ?? 0); group++) {
        const start = read.u32(vector, group * 16);
        const end = read.u32(vector, group * 16 + 8);
        captures.push(start === UNSET ? undefined : subject.slice(start, end));
      }
      return captures;
    };
    return { error: undefined, offset: 0, match };
  };
}

function load() {
  const { ptr: pointer, u64, u32, i32 } = FFIType;
  try {
    return dlopen(LIBRARY, {
      pcre2_compile_8: { args: [pointer, u64, u32, pointer, pointer, pointer], returns: pointer },
      pcre2_get_error_message_8: { args: [i32, pointer, u64], returns: i32 },
      pcre2_match_data_create_from_pattern_8: { args: [pointer, pointer], returns: pointer },
      pcre2_match_8: { args: [pointer, pointer, u64, u64, u32, pointer, pointer], returns: i32 },
      pcre2_get_ovector_pointer_8: { args: [pointer], returns: pointer },
      pcre2_pattern_info_8: { args: [pointer, u32, pointer], returns: i32 },
    });
  } catch {
    return undefined;
  }
}
