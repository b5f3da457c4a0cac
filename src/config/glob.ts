/** File names by pattern, as glob(3) without flags: `*`, `?`, `[...]`, backslash; sorted by bytes; no braces. */

/** What the matching needs to know of the file system. */
export interface Folders {
  /** The names in a folder, without `.` and `..`; empty where it cannot be read. */
  list(folder: string): readonly string[];
  /** Whether something stands under this path. */
  exists(path: string): boolean;
}

/** Paths that match an absolute pattern. */
export function glob(pattern: string, folders: Folders): readonly string[] {
  let found = [""];
  // Runs of slashes are kept as they are written, as glob(3) does.
  for (const [, slashes = "", segment = ""] of pattern.matchAll(/(\/*)([^/]*)/g)) {
    if (slashes === "" && segment === "") break;
    found = found.flatMap((base) => matchSegment(base + slashes, segment, folders));
  }
  return found.sort();
}

function matchSegment(base: string, segment: string, folders: Folders): string[] {
  if (!/[*?[\\]/.test(segment)) {
    const path = base + segment;
    return folders.exists(path) ? [path] : [];
  }
  const regex = segmentRegex(segment);
  const hidden = segment.startsWith(".") || segment.startsWith("\\.");
  return folders
    .list(base === "" ? "." : base)
    .filter((name) => (hidden || !name.startsWith(".")) && regex.test(name))
    .map((name) => base + name);
}

/** Translates one segment. A `[` without its `]` stands for itself. */
function segmentRegex(segment: string): RegExp {
  let source = "";
  for (let i = 0; i < segment.length; i++) {
    const ch = segment.charAt(i);
    if (ch === "*") {
      source += "[^]*";
    } else if (ch === "?") {
      source += "[^]";
    } else if (ch === "\\" && i + 1 < segment.length) {
      source += literal(segment.charAt(++i));
    } else if (ch === "[") {
      const bracket = /^\[([!^]?)((?:\[:\w+:\]|\]|\\.|[^\]\\])(?:\[:\w+:\]|\\.|[^\]\\])*)\]/.exec(segment.slice(i));
      if (bracket === null) {
        source += literal(ch);
      } else {
        source += bracketSource(bracket[1] ?? "", bracket[2] ?? "");
        i += bracket[0].length - 1;
      }
    } else {
      source += literal(ch);
    }
  }
  return new RegExp(`^${source}$`);
}

const NAMED: ReadonlyMap<string, string> = new Map([
  ["alnum", "0-9A-Za-z"],
  ["alpha", "A-Za-z"],
  ["digit", "0-9"],
  ["lower", "a-z"],
  ["upper", "A-Z"],
  ["space", "\\t-\\r "],
  ["xdigit", "0-9A-Fa-f"],
]);

function bracketSource(negation: string, members: string): string {
  let source = "";
  for (const [token, name, escaped, from, to] of members.matchAll(/\[:(\w+):\]|\\([\s\S])|([^\\])-([^\\])|[\s\S]/g)) {
    if (name !== undefined) source += NAMED.get(name) ?? "";
    else if (escaped !== undefined) source += literal(escaped);
    else if (from !== undefined && to !== undefined) source += from <= to ? `${literal(from)}-${literal(to)}` : "";
    else source += literal(token);
  }
  return `[${negation === "" ? "" : "^"}${source}]`;
}

function literal(ch: string): string {
  return `\\x${ch.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
