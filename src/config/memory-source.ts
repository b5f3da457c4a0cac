/** Configuration files held in memory, for tests and for the built-in example. */
import type { ConfigSource } from "./load-context.ts";

/** A source of the given files, by absolute path. Its globs know `*` only. */
export function memorySource(files: Readonly<Record<string, string>>): ConfigSource {
  return {
    read: (path) => files[path] ?? { errno: 2, text: "No such file or directory" },
    glob(pattern) {
      const escaped = pattern.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
      const regex = new RegExp(`^${escaped.join("[^/]*")}$`);
      return Object.keys(files)
        .filter((path) => regex.test(path))
        .sort();
    },
  };
}
