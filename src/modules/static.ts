/** Files below root and alias (ngx_http_static_module). */

import {
  between,
  ConfigFault,
  directiveFault,
  HTTP_SERVER_LOCATION,
  invalidParameter,
  Module,
} from "../config/directive.ts";
import { phaseHandlers } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import { discardBody } from "../http/request-body.ts";
import { queueEnd, sendHead } from "../http/response-output.ts";
import { escapeUri } from "../http/uri.ts";
import { AGAIN, DONE, OK } from "../http/verdict.ts";
import { CRIT, ERR } from "../net/error-log.ts";
import {
  EACCES,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  type FileStatus,
  openFile,
  openFileStatus,
} from "../net/file.ts";
import { closeDescriptor, numberedError } from "../net/libc.ts";
import { contentType } from "./content-type.ts";
import { FileBody } from "./file-body.ts";
import { requestPath } from "./file-path.ts";
import { rangedBody } from "./range.ts";

/** The files that are asked for often: their tags are made once. A power of two. */
const REMEMBERED_TAGS = 64;
const tags: ({ readonly seconds: number; readonly size: number; readonly text: string } | undefined)[] = [];

/** `"5f0a-1c"`: modification time and size in hexadecimal (ngx_http_set_etag). */
function fileEtag(seconds: number, size: number): string {
  const slot = (seconds ^ size) & (REMEMBERED_TAGS - 1);
  const known = tags[slot];
  if (known !== undefined && known.seconds === seconds && known.size === size) return known.text;
  const text = `"${seconds.toString(16)}-${size.toString(16)}"`;
  tags[slot] = { seconds, size, text };
  return text;
}

function staticHandler(r: Request): number {
  const { method } = r;
  if (method !== "GET" && method !== "HEAD" && method !== "POST") return 405;
  const path = requestPath(r);
  if (path === undefined) return 500;
  if (r.uri.endsWith("/")) {
    // The index files have been tried: this is the last content handler.
    r.log(ERR, `directory index of "${path}" is forbidden`);
    return 403;
  }
  const fd = openFile(path);
  if (fd < 0) return openFailed(r, path, -fd);
  const stat = openFileStatus(fd);
  if (typeof stat === "number") {
    closeDescriptor(fd);
    r.log(CRIT, `fstat() "${path}" failed (${numberedError(stat)})`);
    return 500;
  }
  if (stat.isFile && method !== "POST") return sendFile(r, fd, path, stat);
  closeDescriptor(fd);
  if (stat.isFolder) return redirectToFolder(r);
  if (!stat.isFile) {
    r.log(CRIT, `"${path}" is not a regular file`);
    return 404;
  }
  return 405;
}

function openFailed(r: Request, path: string, errno: number): number {
  const message = `open() "${path}" failed (${numberedError(errno)})`;
  switch (errno) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
      if (r.location.core.logNotFound) r.log(ERR, message);
      return 404;
    case EACCES:
    case ELOOP:
      r.log(ERR, message);
      return 403;
    default:
      r.log(CRIT, message);
      return 500;
  }
}

/** A folder's URI ends with a slash: relative links in its index would break otherwise. */
function redirectToFolder(r: Request): number {
  const folder = `${escapeUri(r.uri, "uri")}/`;
  r.out.location = r.args === undefined || r.args === "" ? folder : `${folder}?${r.args}`;
  return 301;
}

/** Sends an open file, which it closes. `encoding` is the coding that its bytes have already. */
export function sendFile(r: Request, fd: number, path: string, stat: FileStatus, encoding?: string): number {
  const refused = discardBody(r);
  if (refused !== OK) {
    closeDescriptor(fd);
    return refused;
  }
  r.action = "sending response to client";
  const { out } = r;
  const modified = stat.modifiedSeconds;
  out.status = 200;
  out.contentLength = stat.size;
  out.lastModifiedSeconds = modified;
  if (r.location.core.etag) {
    out.etag = fileEtag(modified, stat.size);
    out.list.add("ETag", out.etag);
  }
  // A type that an upstream gave with X-Accel-Redirect stays.
  out.contentType ??= contentType(r);
  if (encoding !== undefined) out.list.add("Content-Encoding", encoding);
  out.allowRanges = true;
  const sent = sendHead(r);
  if (!sent || r.headerOnly || stat.size === 0) {
    closeDescriptor(fd);
    if (!sent) return DONE;
    queueEnd(r, "");
    return OK;
  }
  const body = new FileBody(r, fd, path, stat.size, rangedBody(r));
  const verdict = body.send();
  // A file that is still being sent is closed when the request ends, however it ends.
  if (verdict === AGAIN) r.setContext(staticModule.id, body);
  return verdict;
}

function closeFile(r: Request): void {
  const body = r.context(staticModule.id);
  if (body instanceof FileBody) body.close();
}

/** `disable_symlinks off | on | if_not_owner [from=part]` (ngx_http_disable_symlinks). */
function checkSymlinks(args: readonly string[]): ConfigFault | undefined {
  const modes = args.filter((arg) => !arg.startsWith("from="));
  const wrong = modes.find((arg) => arg !== "off" && arg !== "on" && arg !== "if_not_owner");
  if (wrong !== undefined) return invalidParameter(wrong);
  const [mode] = modes;
  if (mode === undefined) {
    return new ConfigFault('"disable_symlinks" must have "off", "on" or "if_not_owner" parameter');
  }
  if (modes.length === 2) return new ConfigFault(`duplicate parameters "${modes.join(" ")}"`);
  if (mode !== "off") return new ConfigFault('"disable_symlinks" other than "off" is not implemented by hopway');
  return args.length === 2 ? new ConfigFault('"from=" cannot be used with "off" parameter') : undefined;
}

interface StaticSettings {
  /** `disable_symlinks` stands at this level. */
  symlinksSaid: boolean;
}

export const staticModule: Module<StaticSettings> = new Module<StaticSettings>({
  name: "http_static",
  directives: [
    {
      name: "disable_symlinks",
      in: HTTP_SERVER_LOCATION,
      arity: between(1, 2),
      doc: "Refuses symbolic links; only off is known here.",
      apply(own, site) {
        if (own.symlinksSaid) return directiveFault(site, "is duplicate");
        own.symlinksSaid = true;
        return checkSymlinks(site.statement.args);
      },
    },
  ],
  create: () => ({ symlinksSaid: false }),
  register: (load) => {
    const handlers = phaseHandlers(load);
    handlers.content.push(staticHandler);
    handlers.log.push(closeFile);
  },
});
