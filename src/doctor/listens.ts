/** Where servers listen and what they are called, as far as their lines tell. */

import type { Statement } from "../config/syntax.ts";
import { holdingLine, type Level, ownLines } from "../explain/level.ts";

export interface Listen {
  readonly statement: Statement | undefined;
  /** "" for every address. */
  readonly host: string;
  /** 0 for a unix socket. */
  readonly port: number;
  readonly tls: boolean;
  /** Parameters behind the address. */
  readonly options: readonly string[];
}

/** The addresses of a server; nginx's default where it names none. */
export function listensOf(server: Level): Listen[] {
  const lines = ownLines(server, "listen");
  const sslOn = holdingLine(server, "ssl")?.args[0] === "on";
  if (lines.length === 0) return [{ statement: undefined, host: "", port: 80, tls: sslOn, options: [] }];
  return lines.map((statement) => {
    const [address = "", ...options] = statement.args;
    const tls = sslOn || options.includes("ssl");
    if (address.startsWith("unix:")) return { statement, host: address, port: 0, tls, options };
    const parts = /^(?:(\[[^\]]*\]|[^:]*):)?(\d+)$/.exec(address);
    if (parts === null) return { statement, host: address, port: 80, tls, options };
    const host = parts[1] ?? "";
    return {
      statement,
      host: host === "*" || host === "0.0.0.0" || host === "[::]" ? "" : host,
      port: Number(parts[2]),
      tls,
      options,
    };
  });
}

/** A name that requests for a server carry in `Host`. */
export function serverHost(server: Level): string {
  const names = ownLines(server, "server_name").flatMap(({ args }) => args);
  const plain = names.find((name) => /^[a-z0-9.-]+$/i.test(name) && !name.startsWith("."));
  if (plain !== undefined) return plain.toLowerCase();
  const wild = names.find((name) => /^(?:\*\.|\.)[a-z0-9.-]+$/i.test(name));
  return wild === undefined ? "www.example.com" : wild.replace(/^\*?/, "www").toLowerCase();
}
