/** Log files whose names are made from variables (ngx_http_log_script_write): opened for each line, or kept by open_log_file_cache. */

import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import { ConfigFault, type DirectiveSite, invalidParameter } from "../config/directive.ts";
import { parseInteger, parseSeconds } from "../config/units.ts";
import { diskPath } from "../net/disk-path.ts";
import { pathStatus } from "../net/file.ts";
import { exceptionErrno, numberedException } from "../net/libc.ts";
import { nowMs } from "../net/timers.ts";

/** What `open_log_file_cache max=N [inactive=] [min_uses=] [valid=]` says. */
export interface OpenLogCacheSettings {
  readonly max: number;
  readonly inactiveMs: number;
  readonly minUses: number;
  readonly validMs: number;
}

const DEFAULT_INACTIVE_SECONDS = 10;
const DEFAULT_VALID_SECONDS = 60;

/** Reads the arguments of open_log_file_cache; "off" is the default. */
export function parseOpenLogCache(site: DirectiveSite): OpenLogCacheSettings | "off" | ConfigFault {
  const { args } = site.statement;
  let max: number | undefined = 0;
  let off = false;
  let inactive: number | undefined = DEFAULT_INACTIVE_SECONDS;
  let minUses: number | undefined = 1;
  let valid: number | undefined = DEFAULT_VALID_SECONDS;
  for (const arg of args) {
    const value = arg.slice(arg.indexOf("=") + 1);
    if (arg === "off") off = true;
    else if (arg.startsWith("max=")) max = parseInteger(value);
    else if (arg.startsWith("inactive=")) inactive = parseSeconds(value);
    else if (arg.startsWith("min_uses=")) minUses = parseInteger(value);
    else if (arg.startsWith("valid=")) valid = parseSeconds(value);
    else return badParameter(arg);
    if (max === undefined || inactive === undefined || minUses === undefined || valid === undefined) {
      return badParameter(arg);
    }
  }
  if (off) return "off";
  if (max === 0) return new ConfigFault('"open_log_file_cache" must have "max" parameter');
  return { max, inactiveMs: inactive * 1000, minUses, validMs: valid * 1000 };
}

function badParameter(arg: string): ConfigFault {
  const fault = invalidParameter(arg);
  return new ConfigFault(fault.message.replace("invalid parameter", 'invalid "open_log_file_cache" parameter'));
}

interface Entry {
  fd: number;
  uses: number;
  usedMs: number;
  checkedMs: number;
}

const files = new Map<string, Entry>();

/** Appends a line to a file; returns nginx's words on failure. */
export function appendToLog(path: string, line: string, cache: OpenLogCacheSettings | "off"): string | undefined {
  let fd = -1;
  let call = "open";
  try {
    const known = cache === "off" ? undefined : keptFile(path, cache);
    fd = known ?? openSync(diskPath(path), "a", 0o644);
    call = "write";
    writeSync(fd, Buffer.from(line, "latin1"));
    if (known === undefined) keepOrClose(path, fd, cache);
    return undefined;
  } catch (error) {
    if (exceptionErrno(error) === undefined) throw error;
    if (fd >= 0) drop(path, fd);
    const what = call === "open" ? `open() "${path}"` : `write() to "${path}"`;
    return `${what} failed (${numberedException(error)})`;
  }
}

/** Closes all kept files, so that rotated ones are opened again. */
export function closeKeptLogs(): void {
  for (const { fd } of files.values()) if (fd >= 0) closeSync(fd);
  files.clear();
}

/** The kept descriptor if it is still that of the path. */
function keptFile(path: string, cache: OpenLogCacheSettings): number | undefined {
  const entry = files.get(path);
  if (entry === undefined) return undefined;
  const now = nowMs();
  if (entry.fd >= 0 && now - entry.checkedMs >= cache.validMs) {
    entry.checkedMs = now;
    const status = pathStatus(path);
    if (typeof status === "number" || status.inode !== fstatSync(entry.fd).ino) {
      closeSync(entry.fd);
      entry.fd = -1;
    }
  }
  if (now - entry.usedMs > cache.inactiveMs) entry.uses = 0;
  entry.usedMs = now;
  entry.uses++;
  // The order of the map is that of the last use.
  files.delete(path);
  files.set(path, entry);
  return entry.fd >= 0 ? entry.fd : undefined;
}

function keepOrClose(path: string, fd: number, cache: OpenLogCacheSettings | "off"): void {
  if (cache === "off") {
    closeSync(fd);
    return;
  }
  const now = nowMs();
  const entry = files.get(path) ?? { fd: -1, uses: 1, usedMs: now, checkedMs: now };
  files.set(path, entry);
  if (entry.uses >= cache.minUses) {
    entry.fd = fd;
    entry.checkedMs = now;
  } else {
    closeSync(fd);
  }
  for (const [oldest, { fd: oldFd, usedMs }] of files) {
    if (files.size <= cache.max && now - usedMs <= cache.inactiveMs) break;
    if (oldFd >= 0) closeSync(oldFd);
    files.delete(oldest);
  }
}

function drop(path: string, fd: number): void {
  files.delete(path);
  closeSync(fd);
}
