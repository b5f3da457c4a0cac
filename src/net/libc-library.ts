/** The C library, opened with the calls that a file of this folder needs. Linux only. */
import { dlopen, type FFIFunction } from "bun:ffi";

/** musl keeps the same calls in a file of another name. */
const MUSL = process.arch === "arm64" ? "libc.musl-aarch64.so.1" : "libc.musl-x86_64.so.1";

/** The calls named, as functions. Throws where the library lacks one. */
export function libcCalls<Calls extends Record<string, FFIFunction>>(calls: Calls) {
  try {
    return dlopen("libc.so.6", calls).symbols;
  } catch {
    return dlopen(MUSL, calls).symbols;
  }
}
