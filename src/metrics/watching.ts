/** Whether a configuration shows what is counted: what costs something for each request or message is counted only then. */
import { perLoad } from "../config/load-context.ts";

interface Watching {
  wanted: boolean;
  /** Single tunnels and handshakes are shown, too: workers report them to each other. */
  lists: boolean;
  /** What the last minutes were like is shown. */
  history: boolean;
}

/** Of a load; to be asked when all directives have been read. */
export const watching = perLoad((): Watching => ({ wanted: false, lists: false, history: false }));
