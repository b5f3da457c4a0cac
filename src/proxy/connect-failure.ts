/** System errors of connecting, in the words that nginx's error log has for them. */

const TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "111: Connection refused",
  ECONNRESET: "104: Connection reset by peer",
  EHOSTUNREACH: "113: No route to host",
  ENETUNREACH: "101: Network is unreachable",
  ETIMEDOUT: "110: Connection timed out",
  ENOENT: "2: No such file or directory",
  EACCES: "13: Permission denied",
  EADDRNOTAVAIL: "99: Cannot assign requested address",
  EMFILE: "24: Too many open files",
};

/** `connect() failed (111: Connection refused)`; a unix socket's path is named as nginx does. */
export function connectFailure(code: string, unixPath: string | undefined): string {
  const text = TEXTS[code] ?? code;
  return unixPath === undefined ? `connect() failed (${text})` : `connect() to unix:${unixPath} failed (${text})`;
}
