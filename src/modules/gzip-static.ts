/** Files that are there compressed already, beside the plain ones (ngx_http_gzip_static_module). */

import { choice } from "../config/arguments.ts";
import { HTTP_SERVER_LOCATION, Module } from "../config/directive.ts";
import { phaseHandlers } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import { DECLINED } from "../http/verdict.ts";
import { CRIT, ERR } from "../net/error-log.ts";
import { EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, openFile, openFileStatus } from "../net/file.ts";
import { closeDescriptor, numberedError } from "../net/libc.ts";
import { requestPath } from "./file-path.ts";
import { gzipAllowed, gzipModule, useGzip } from "./gzip.ts";
import { sendFile } from "./static.ts";

interface GzipStaticSettings {
  mode: "off" | "on" | "always";
}

function gzipStaticHandler(r: Request): number {
  const { mode } = gzipStaticModule.of(r.location);
  if (mode === "off" || (r.method !== "GET" && r.method !== "HEAD") || r.uri.endsWith("/")) return DECLINED;
  const allowed = mode === "always" || gzipAllowed(r);
  if (!allowed && !gzipModule.of(r.location).vary) return DECLINED;
  const plain = requestPath(r);
  if (plain === undefined) return 500;
  const path = `${plain}.gz`;
  const fd = openCompressed(r, path);
  if (fd === undefined) return DECLINED;
  if (mode === "on") r.variesByEncoding = true;
  const stat = openFileStatus(fd);
  if (typeof stat === "number") {
    closeDescriptor(fd);
    r.log(CRIT, `fstat() "${path}" failed (${numberedError(stat)})`);
    return 500;
  }
  if (allowed && stat.isFile) return sendFile(r, fd, path, stat, "gzip");
  closeDescriptor(fd);
  if (!allowed || stat.isFolder) return DECLINED;
  r.log(CRIT, `"${path}" is not a regular file`);
  return 404;
}

/** A file that cannot be opened leaves the request to the plain one. */
function openCompressed(r: Request, path: string): number | undefined {
  const fd = openFile(path);
  if (fd >= 0) return fd;
  const errno = -fd;
  if (errno !== ENOENT && errno !== ENOTDIR && errno !== ENAMETOOLONG) {
    const level = errno === EACCES || errno === ELOOP ? ERR : CRIT;
    r.log(level, `open() "${path}" failed (${numberedError(errno)})`);
  }
  return undefined;
}

export const gzipStaticModule: Module<GzipStaticSettings> = new Module<GzipStaticSettings>({
  name: "http_gzip_static",
  directives: [
    {
      name: "gzip_static",
      in: HTTP_SERVER_LOCATION,
      arg: choice(["off", "on", "always"], "off"),
      set: "mode",
      doc: "Sends the file with .gz added to its name where there is one.",
    },
  ],
  create: () => ({}) as GzipStaticSettings,
  merge(own, _outer, _scope, load) {
    if (own.mode !== "off") useGzip(load);
    return undefined;
  },
  register: (load) => {
    phaseHandlers(load).content.push(gzipStaticHandler);
  },
});
