/** Directives of nginx's own modules: a name that no table here has, but nginx does, gets an error that says so. */

/** nginx's module that has the directive, e.g. `ngx_http_gzip_filter_module`; undefined for names nginx does not know. */
export function nginxModuleOf(name: string): string | undefined {
  return MODULE_BY_DIRECTIVE.get(name);
}

const MODULE_BY_DIRECTIVE: ReadonlyMap<string, string> = new Map();
