/** Paths as people like to read them. */

/** Relative where the file is below the working folder, as compilers print them; one char for each byte. */
export function shownPath(path: string): string {
  const folder = `${Buffer.from(process.cwd(), "utf8").latin1Slice()}/`;
  return path.startsWith(folder) && folder !== "/" ? path.slice(folder.length) : path;
}
