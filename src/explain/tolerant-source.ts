/**
 * Reads configurations that were written for other machines and other builds of nginx: what is not there counts as
 * empty, and blocks in other languages lose their contents. Positions in the text stay what they were.
 */
import type { ConfigSource } from "../config/load-context.ts";

/** Something that was passed over while reading. */
export interface ReadingNote {
  readonly message: string;
  readonly file: string;
}

/** Where configurations expect their parts when nginx was installed from a package or runs in an image. */
const USUAL_FOLDER = "/etc/nginx/";

/**
 * Wraps a source. A configuration whose main file is not in /etc/nginx/ finds what it includes from there beside its main
 * file, if it is there: it comes from a repository or an image. `elsewhere` is filled with the paths of such files.
 */
export function tolerantSource(
  source: ConfigSource,
  mainPath: string,
  confPrefix: string,
  notes: ReadingNote[],
  elsewhere: Map<string, string>,
): ConfigSource {
  const nearby = (path: string): string | undefined => {
    if (confPrefix === USUAL_FOLDER || !path.startsWith(USUAL_FOLDER)) return undefined;
    return confPrefix + path.slice(USUAL_FOLDER.length);
  };
  return {
    read(path) {
      const local = nearby(path);
      const found = local === undefined ? undefined : source.read(local);
      if (local !== undefined && typeof found === "string") elsewhere.set(path, local);
      const text = typeof found === "string" ? found : source.read(path);
      if (typeof text === "string") return withoutForeignBlocks(text);
      if (path === mainPath) return text;
      notes.push({ message: `cannot be read (${text.text}): looked at without it`, file: path });
      return "";
    },
    glob(pattern) {
      const local = nearby(pattern);
      const found = local === undefined ? [] : source.glob(local);
      return found.length > 0 ? found : source.glob(pattern);
    },
  };
}

const LUA_BLOCK = /(?:^|[\s;{}])[a-z_]+_by_lua_block\b[^{;#]*\{/g;

/** Blanks what is between the braces of `content_by_lua_block { ... }` and its like, which follows Lua's rules. */
export function withoutForeignBlocks(text: string): string {
  if (!text.includes("_by_lua_block")) return text;
  let out = text;
  for (const match of text.matchAll(LUA_BLOCK)) {
    const lineStart = text.lastIndexOf("\n", match.index) + 1;
    // Of a comment, and of Lua inside a block that is blank already, nothing is to be cut.
    if (text.slice(lineStart, match.index + 1).includes("#") || out.charAt(match.index + match[0].length - 1) !== "{") {
      continue;
    }
    const from = match.index + match[0].length;
    const to = luaEnd(text, from);
    out = out.slice(0, from) + text.slice(from, to).replace(/[^\n]/g, " ") + out.slice(to);
  }
  return out;
}

/** Position of the brace that closes a block of Lua; the text's end where there is none. */
function luaEnd(text: string, from: number): number {
  let depth = 1;
  let i = from;
  while (i < text.length) {
    const ch = text.charAt(i);
    const long = /^(?:--)?\[(=*)\[/.exec(text.slice(i, i + 16));
    if (long !== null) {
      const end = text.indexOf(`]${long[1]}]`, i);
      i = end < 0 ? text.length : end + 2 + (long[1] ?? "").length;
    } else if (text.startsWith("--", i)) {
      const end = text.indexOf("\n", i);
      i = end < 0 ? text.length : end;
    } else if (ch === '"' || ch === "'") {
      i++;
      while (i < text.length && text.charAt(i) !== ch && text.charAt(i) !== "\n") i += text.charAt(i) === "\\" ? 2 : 1;
      i++;
    } else {
      if (ch === "{") depth++;
      else if (ch === "}" && --depth === 0) return i;
      i++;
    }
  }
  return text.length;
}
