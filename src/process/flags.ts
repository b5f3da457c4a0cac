/** nginx's command line (ngx_get_options). */

export type Signal = "stop" | "quit" | "reopen" | "reload";

/** What the command line asks for. Undefined texts were not given. */
export interface Flags {
  readonly help: boolean;
  readonly version: boolean;
  readonly configure: boolean;
  readonly test: boolean;
  readonly dump: boolean;
  readonly quiet: boolean;
  readonly signal: Signal | undefined;
  readonly prefix: string | undefined;
  readonly errorLog: string | undefined;
  readonly configFile: string | undefined;
  readonly globals: string | undefined;
}

/** The complaint about a command line, in nginx's words. */
export interface FlagsFault {
  readonly fault: string;
}

/** Options with a value: `-c file` or `-cfile`; with what nginx says when it is missing. */
const valued: Readonly<Record<string, string>> = {
  p: 'option "-p" requires directory name',
  e: 'option "-e" requires file name',
  c: 'option "-c" requires file name',
  g: 'option "-g" requires parameter',
  s: 'option "-s" requires parameter',
};

function isSignal(word: string): word is Signal {
  return word === "stop" || word === "quit" || word === "reopen" || word === "reload";
}

/** Reads the arguments after the program's name. */
export function parseFlags(args: readonly string[]): Flags | FlagsFault {
  const letters = new Set<string>();
  const values = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (!arg.startsWith("-")) return { fault: `invalid option: "${arg}"` };
    for (let at = 1; at < arg.length; at++) {
      const letter = arg.charAt(at);
      const complaint = valued[letter];
      if (complaint !== undefined) {
        const attached = arg.slice(at + 1);
        const value = attached !== "" ? attached : args[++i];
        if (value === undefined) return { fault: complaint };
        if (letter === "s" && !isSignal(value)) return { fault: `invalid option: "-s ${value}"` };
        values.set(letter, value);
        break;
      }
      if (!"?hvVtTq".includes(letter)) return { fault: `invalid option: "${letter}"` };
      letters.add(letter);
    }
  }
  const help = letters.has("?") || letters.has("h");
  const signal = values.get("s");
  return {
    help,
    version: help || letters.has("v") || letters.has("V"),
    configure: letters.has("V"),
    test: letters.has("t") || letters.has("T"),
    dump: letters.has("T"),
    quiet: letters.has("q"),
    signal: signal !== undefined && isSignal(signal) ? signal : undefined,
    prefix: values.get("p"),
    errorLog: values.get("e"),
    configFile: values.get("c"),
    globals: values.get("g"),
  };
}
