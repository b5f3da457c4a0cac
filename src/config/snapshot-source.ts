/** What the master read, kept so that each worker loads the same bytes, whatever has happened to the files since. */
import type { ConfigSource } from "./load-context.ts";

/** Everything that one load read from a source. Plain JSON. */
export interface ConfigSnapshot {
  /** By path: the text, or the error. */
  readonly files: Readonly<Record<string, ReturnType<ConfigSource["read"]>>>;
  /** By pattern: the paths. */
  readonly globs: Readonly<Record<string, readonly string[]>>;
}

/** A source that remembers what it was asked and what it answered. */
export interface RecordingSource extends ConfigSource {
  /** All answers so far. */
  snapshot(): ConfigSnapshot;
}

const NOT_RECORDED = { errno: 2, text: "No such file or directory" };

/** Wraps a source. A second question for the same path gets the first answer again. */
export function recordingSource(source: ConfigSource): RecordingSource {
  const files = new Map<string, ReturnType<ConfigSource["read"]>>();
  const globs = new Map<string, readonly string[]>();
  return {
    read(path) {
      const answer = files.get(path) ?? source.read(path);
      files.set(path, answer);
      return answer;
    },
    glob(pattern) {
      const answer = globs.get(pattern) ?? source.glob(pattern);
      globs.set(pattern, answer);
      return answer;
    },
    snapshot: () => ({ files: Object.fromEntries(files), globs: Object.fromEntries(globs) }),
  };
}

/** Answers from a snapshot: what was not recorded does not exist. */
export function replaySource(snapshot: ConfigSnapshot): ConfigSource {
  const files = new Map(Object.entries(snapshot.files));
  const globs = new Map(Object.entries(snapshot.globs));
  return {
    read: (path) => files.get(path) ?? NOT_RECORDED,
    glob: (pattern) => globs.get(pattern) ?? [],
  };
}
