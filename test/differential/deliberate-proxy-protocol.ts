/** Deliberate differences in what is said of broken PROXY protocol headers. */
import { get } from "./case.ts";
import { BROKEN_HEADERS } from "./cases/proxy-protocol.ts";
import type { Deliberate } from "./deliberate.ts";

const FIRST_LINE =
  "only the first line of what came in place of a header is logged, as since nginx 1.23.2: the rest may be secret";

export const DELIBERATE_PROXY_PROTOCOL: readonly Deliberate[] = BROKEN_HEADERS.map(([name, header]) => {
  const received = header + get("/");
  return {
    case: `PROXY protocol: refused: ${name}`,
    part: "errors",
    nginx: `broken header: "${received}" while`,
    hopway: `broken header: "${received.slice(0, received.search(/[\r\n]/))}" while`,
    reason: FIRST_LINE,
  };
});
