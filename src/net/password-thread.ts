/** The thread in which passwords are hashed: crypt(3) takes up to seconds, and knows nothing of an event loop. */
import { dlopen, FFIType } from "bun:ffi";
import { parentPort } from "node:worker_threads";
import { apacheMd5, isApacheMd5 } from "./md5-crypt.ts";
import type { HashedPassword, HashRequest } from "./password.ts";

/** glibc's systems have it apart from the C library, under one of two names; musl's within. */
const LIBRARIES = ["libcrypt.so.1", "libcrypt.so.2", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];
const CALLS = { crypt: { args: [FFIType.cstring, FFIType.cstring], returns: FFIType.cstring } } as const;

function openLibrary() {
  for (const name of LIBRARIES) {
    try {
      return dlopen(name, CALLS).symbols;
    } catch {
      // The next name.
    }
  }
  return undefined;
}

const library = openLibrary();

function terminated(text: string): Buffer {
  return Buffer.from(`${text}\0`, "latin1");
}

/** The stored form of a password with the salt of `stored`; undefined where this system has no crypt(3). */
function hashed(password: string, stored: string): string | undefined {
  if (isApacheMd5(stored)) return apacheMd5(password, stored);
  return library === undefined ? undefined : String(library.crypt(terminated(password), terminated(stored)));
}

parentPort?.on("message", ({ id, password, stored }: HashRequest) => {
  const answer: HashedPassword = { id, hash: hashed(password, stored) };
  parentPort?.postMessage(answer);
});
