/** When a gateway that was started is ready: its workers watch all the sockets that its configuration names. */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";
import { childrenOf } from "./quiet.ts";

const TABLE_READ_BYTES = 16 * 1024;

/** What a configuration text listens on. */
export interface ListensOn {
  readonly ports: readonly number[];
  readonly paths: readonly string[];
}

/** All `listen` directives; a test listens on numbered ports or on `unix:` paths only. */
export function listensOn(configText: string): ListensOn {
  const all = (pattern: RegExp): string[] => [...configText.matchAll(pattern)].map((match) => match[1] ?? "");
  return {
    ports: [...new Set(all(/(?<=^|[\s;{])listen\s+(?:\[[^\]]*\]:|[\d.*]+:)?(\d+)\b/gm).map(Number))],
    paths: [...new Set(all(/(?<=^|[\s;{])listen\s+unix:([^\s;]+)/gm))],
  };
}

/**
 * True when every worker of the master (or itself, if it has none) watches a listening socket, and each of the sockets
 * is watched. An open port is not enough: the master opens it, and its workers are still to come.
 *
 * Read from the kernel's tables instead of connecting, because a connection would show in the logs under test.
 */
export function isReady(masterPid: number, { ports, paths }: ListensOn): boolean {
  const sockets = listeningSockets();
  const wanted = [...ports.map(String), ...paths].map((name) => sockets.get(name) ?? []);
  if (wanted.some((inodes) => inodes.length === 0)) return false;
  const children = childrenOf(masterPid).filter(servesClients);
  const watched = (children.length === 0 ? [masterPid] : children).map(watchedInodes);
  const all = wanted.flat();
  return (
    watched.every((inodes) => all.length === 0 || all.some((inode) => inodes.has(inode))) &&
    wanted.every((some) => some.some((inode) => watched.some((inodes) => inodes.has(inode))))
  );
}

/** nginx has processes of its own for the files of a cache. */
function servesClients(pid: number): boolean {
  return !/cache (?:manager|loader)/.test(read(`/proc/${pid}/cmdline`));
}

/** Inodes of the sockets that listen, by port number or path. */
function listeningSockets(): Map<string, number[]> {
  const sockets = new Map<string, number[]>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) addTcp(table, sockets);
  addUnix(sockets);
  return sockets;
}

function add(sockets: Map<string, number[]>, name: string, inode: number): void {
  const inodes = sockets.get(name);
  if (inodes === undefined) sockets.set(name, [inode]);
  else inodes.push(inode);
}

/** A table begins with the listening sockets; the rest may be tens of thousands of connections of other tests. */
function addTcp(table: string, sockets: Map<string, number[]>): void {
  const LISTEN = "0A";
  let fd: number;
  try {
    fd = openSync(table, "r");
  } catch {
    return;
  }
  const buffer = Buffer.alloc(TABLE_READ_BYTES);
  let rest = "";
  for (let first = true, read = 1; read > 0; first = false) {
    read = readSync(fd, buffer);
    const lines = (rest + buffer.latin1Slice(0, read)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of first ? lines.slice(1) : lines) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state !== LISTEN) read = 0;
      else if (local !== undefined) {
        add(sockets, String(Number.parseInt(local.slice(local.lastIndexOf(":") + 1), 16)), Number(inode));
      }
    }
  }
  closeSync(fd);
}

function addUnix(sockets: Map<string, number[]>): void {
  /** `__SO_ACCEPTCON` among the flags. */
  const LISTENS = "00010000";
  for (const line of read("/proc/net/unix").split("\n")) {
    const [, , , flags, , , inode, path] = line.trim().split(/\s+/);
    if (flags === LISTENS && path !== undefined) add(sockets, path, Number(inode));
  }
}

/** Inodes of all that a process's epoll sets hold (proc(5), fdinfo). */
function watchedInodes(pid: number): Set<number> {
  const inodes = new Set<number>();
  for (const fd of names(`/proc/${pid}/fd`)) {
    if (linkOf(`/proc/${pid}/fd/${fd}`) !== "anon_inode:[eventpoll]") continue;
    for (const [, inode] of read(`/proc/${pid}/fdinfo/${fd}`).matchAll(/^tfd:.* ino:\s*([0-9a-f]+)/gm)) {
      inodes.add(Number.parseInt(inode ?? "", 16));
    }
  }
  return inodes;
}

// What is looked at may end or close between two looks.

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
