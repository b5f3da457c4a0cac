/** A connect that failed, in the words that nginx's error log has for it. */
import { numberedError } from "../net/libc.ts";

/** `connect() failed (111: Connection refused)`; a unix socket's path is named as nginx does. */
export function connectFailure(errno: number, unixPath: string | undefined): string {
  const text = numberedError(errno);
  return unixPath === undefined ? `connect() failed (${text})` : `connect() to unix:${unixPath} failed (${text})`;
}
