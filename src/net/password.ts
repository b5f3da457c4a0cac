/** Passwords against their stored forms, as nginx takes them (ngx_crypt). What takes long is done in a thread. */

import { createHash, timingSafeEqual } from "node:crypto";
import { Worker } from "node:worker_threads";
import { password as bunPassword } from "bun";

/** What the thread is asked. Strings hold one char per byte, and no NUL. */
export interface HashRequest {
  readonly id: number;
  readonly password: string;
  /** Its salt, and how to hash, are in front. */
  readonly stored: string;
}

/** Its answer; `hash` is undefined where the system lacks crypt(3). */
export interface HashedPassword {
  readonly id: number;
  readonly hash: string | undefined;
}

/** `false` is a wrong password, "unknown" that it cannot be told. */
export type PasswordVerdict = boolean | "unknown";

const PLAIN = "{PLAIN}";
const SHA = "{SHA}";
const SALTED_SHA = "{SSHA}";
const SHA1_BYTES = 20;

/** bcrypt looks at no more of a password. */
const BCRYPT_BYTES = 72;
const BCRYPT = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/;

/** The thread, while there is one: made for the first password that needs it, and not kept alive for it. */
let thread: Worker | undefined;
let lastId = 0;
const waiting = new Map<number, (hash: string | undefined) => void>();

function bytes(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

function same(a: string, b: string): boolean {
  // Of equal length, whatever is compared.
  const digest = (text: string): Buffer => createHash("sha256").update(bytes(text)).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function sha1(...parts: readonly Buffer[]): Buffer {
  const hash = createHash("sha1");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function saltedSha(password: string, stored: string): string {
  const decoded = Buffer.from(stored.slice(SALTED_SHA.length), "base64");
  const salt = decoded.subarray(Math.min(SHA1_BYTES, decoded.length));
  return SALTED_SHA + Buffer.concat([sha1(bytes(password), salt), salt]).toString("base64");
}

function startThread(): Worker {
  const worker = new Worker(new URL("./password-thread.ts", import.meta.url));
  worker.on("message", ({ id, hash }: HashedPassword) => {
    const settle = waiting.get(id);
    waiting.delete(id);
    settle?.(hash);
  });
  worker.on("error", () => {
    thread = undefined;
    for (const settle of waiting.values()) settle(undefined);
    waiting.clear();
  });
  worker.unref();
  return worker;
}

function hashInThread(password: string, stored: string): Promise<string | undefined> {
  thread ??= startThread();
  const worker = thread;
  return new Promise((resolve) => {
    const request: HashRequest = { id: ++lastId, password, stored };
    waiting.set(request.id, resolve);
    worker.postMessage(request);
  });
}

async function verifySlowly(password: string, stored: string): Promise<PasswordVerdict> {
  if (BCRYPT.test(stored) && password !== "") {
    return bunPassword.verify(bytes(password).subarray(0, BCRYPT_BYTES), stored, "bcrypt").catch(() => false);
  }
  const hash = await hashInThread(password, stored);
  return hash === undefined ? "unknown" : same(hash, stored);
}

/**
 * Whether a password is the one that is stored as `{PLAIN}`, `{SHA}`, `{SSHA}`, `$apr1$`, or what crypt(3) makes of it (bcrypt,
 * SHA-crypt, MD5-crypt, DES). Both hold one char per byte and end at their first NUL.
 */
export function verifyPassword(password: string, stored: string): PasswordVerdict | Promise<PasswordVerdict> {
  const key = untilNul(password);
  const form = untilNul(stored);
  if (form.startsWith(PLAIN)) return same(PLAIN + key, form);
  if (form.startsWith(SALTED_SHA)) return same(saltedSha(key, form), form);
  if (form.startsWith(SHA)) return same(SHA + sha1(bytes(key)).toString("base64"), form);
  return verifySlowly(key, form);
}

function untilNul(text: string): string {
  const end = text.indexOf("\0");
  return end < 0 ? text : text.slice(0, end);
}
