/** Index files of folders (ngx_http_index_module). */

import { atLeast, ConfigFault, type DirectiveSite, HTTP_SERVER_LOCATION, Module } from "../config/directive.ts";
import { internalRedirect } from "../http/internal-redirect.ts";
import { phaseHandlers } from "../http/registry.ts";
import type { Request } from "../http/request.ts";
import { DECLINED, OK } from "../http/verdict.ts";
import { ALERT, CRIT, ERR } from "../net/error-log.ts";
import { EACCES, ENAMETOOLONG, ENOENT, ENOTDIR, pathStatus } from "../net/file.ts";
import { numberedError } from "../net/libc.ts";
import { compileTemplate, constantTemplate, type Template } from "../template/template.ts";
import { checkedRoot, pathBelowRoot } from "./file-path.ts";

interface IndexSettings {
  /** In the order in which they are tried. */
  files: Template[] | undefined;
}

const defaultFiles = [constantTemplate("index.html")];

function addFiles(own: IndexSettings, site: DirectiveSite): ConfigFault | undefined {
  const { args } = site.statement;
  own.files ??= [];
  for (const [i, arg] of args.entries()) {
    if (arg.startsWith("/") && i !== args.length - 1) {
      site.load.warn(site.statement, 'only the last index in "index" directive should be absolute');
    }
    if (arg === "") return new ConfigFault(`index "${args[0]}" in "index" directive is invalid`);
    const file = compileTemplate(arg, site);
    if (file instanceof ConfigFault) return file;
    own.files.push(file);
  }
  return undefined;
}

function indexHandler(r: Request): number {
  if (!r.uri.endsWith("/")) return DECLINED;
  const { method } = r;
  if (method !== "GET" && method !== "HEAD" && method !== "POST") return DECLINED;
  const files = indexModule.of(r.location).files ?? defaultFiles;
  let folder: string | undefined;
  let folderTested = false;
  for (const file of files) {
    if (file.constant?.startsWith("/")) return internalRedirect(r, file.constant, r.args);
    if (folder === undefined) {
      const root = checkedRoot(r);
      if (root === undefined) return 500;
      folder = root + pathBelowRoot(r);
    }
    const name = file.evaluate(r);
    if (name.startsWith("/")) return internalRedirect(r, name, r.args);
    const path = folder + name;
    const status = pathStatus(path);
    if (typeof status !== "number") return internalRedirect(r, r.uri + name, r.args);
    if (status === ENOTDIR || status === ENAMETOOLONG || status === EACCES) return indexError(r, path, status);
    if (!folderTested) {
      const verdict = testFolder(r, folder, path);
      if (verdict !== OK) return verdict;
      folderTested = true;
    }
    if (status === ENOENT) continue;
    r.log(CRIT, `stat() "${path}" failed (${numberedError(status)})`);
    return 500;
  }
  return DECLINED;
}

/** Tells a folder that is not there from one that has no index: 404, not 403. */
function testFolder(r: Request, folder: string, path: string): number {
  const slash = folder.length - 1;
  const tested = folder.charAt(slash) !== "/" || slash === 0 ? folder : folder.slice(0, slash);
  const status = pathStatus(tested);
  if (status === ENOENT) return indexError(r, path, ENOENT);
  // The first index file was looked for without being refused: searching the folder is allowed.
  if (status === EACCES) return OK;
  if (typeof status === "number") {
    r.log(CRIT, `stat() "${tested}" failed (${numberedError(status)})`);
    return 500;
  }
  if (status.isFolder) return OK;
  r.log(ALERT, `"${path}" is not a directory`);
  return 500;
}

function indexError(r: Request, path: string, errno: number): number {
  if (errno === EACCES) {
    r.log(ERR, `"${path}" is forbidden (${numberedError(errno)})`);
    return 403;
  }
  if (r.location.core.logNotFound) r.log(ERR, `"${path}" is not found (${numberedError(errno)})`);
  return 404;
}

export const indexModule: Module<IndexSettings> = new Module<IndexSettings>({
  name: "http_index",
  directives: [
    {
      name: "index",
      in: HTTP_SERVER_LOCATION,
      arity: atLeast(1),
      doc: "Files that are served for a folder, the first that is there.",
      apply: addFiles,
    },
  ],
  create: () => ({ files: undefined }),
  merge(own, outer) {
    own.files ??= outer?.files;
    return undefined;
  },
  register: (load) => {
    phaseHandlers(load).content.push(indexHandler);
  },
});
