/** The types that nginx knows where a configuration has no `types`. */

/** Extension, in lower case -> type. */
export const builtinTypes: ReadonlyMap<string, string> = new Map([
  ["html", "text/html"],
  ["gif", "image/gif"],
  ["jpg", "image/jpeg"],
]);
