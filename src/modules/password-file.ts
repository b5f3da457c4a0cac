/** Files of users and their passwords, as htpasswd writes them: a line is `user:password`, maybe with more behind a colon. */
import { openFile } from "../net/file.ts";
import { closeDescriptor, lastErrno, readAt } from "../net/libc.ts";

const LF = 10;
const CR = 13;
const COMMENT = 35;
const COLON = 58;

/** Holds a piece of a file within one call. */
const piece = Buffer.allocUnsafeSlow(64 * 1024);

/** What of a line comes next. */
type State = "begin" | "user" | "password" | "found" | "skip";

/** Looks for one user in a file that comes in pieces (ngx_http_auth_basic_handler). */
export class PasswordSearch {
  private readonly user: string;
  private state: State = "begin";
  private matched = 0;
  private stored = "";

  constructor(user: string) {
    this.user = user;
  }

  /** Takes a piece of the file; true when the user's line has been read. */
  feed(bytes: Uint8Array, length: number): boolean {
    for (let i = 0; i < length && this.state !== "found"; i++) this.take(bytes[i]!);
    return this.state === "found";
  }

  /** The user's password as it is stored; undefined where no line is the user's. Asked when the file has ended. */
  get password(): string | undefined {
    return this.state === "found" || this.state === "password" ? this.stored : undefined;
  }

  private take(byte: number): void {
    switch (this.state) {
      case "begin":
        if (byte === LF) return;
        this.matched = 0;
        this.state = byte === COMMENT || byte === CR ? "skip" : "user";
        if (this.state === "user") this.compare(byte);
        return;
      case "user":
        this.compare(byte);
        return;
      case "password":
        if (byte === LF || byte === CR || byte === COLON) this.state = "found";
        else this.stored += String.fromCharCode(byte);
        return;
      default:
        if (byte === LF) this.state = "begin";
    }
  }

  private compare(byte: number): void {
    const { user, matched } = this;
    if (matched === user.length) this.state = byte === COLON ? "password" : "skip";
    else if (byte === user.charCodeAt(matched)) this.matched++;
    // As in nginx, a line that ends within the user's name takes the next one along.
    else this.state = "skip";
  }
}

/** Why a file could not be searched. */
export interface FileFault {
  readonly call: "open" | "pread";
  readonly errno: number;
}

/** The stored password of a user; undefined where the file does not have the user. */
export function findPassword(path: string, user: string): string | undefined | FileFault {
  const fd = openFile(path);
  if (fd < 0) return { call: "open", errno: -fd };
  try {
    const search = new PasswordSearch(user);
    for (let position = 0; ; ) {
      const count = readAt(fd, piece, piece.length, position);
      if (count < 0) return { call: "pread", errno: lastErrno() };
      if (count === 0 || search.feed(piece, count)) return search.password;
      position += count;
    }
  } finally {
    closeDescriptor(fd);
  }
}
