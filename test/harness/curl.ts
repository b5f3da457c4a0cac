/** curl as a client of tests. */
import { parseResponses, type ReceivedResponse } from "./response-stream.ts";

/** Runs `curl -s -i` with the arguments given and returns the last final response; status 0 when there was none. */
export async function curl(...args: readonly string[]): Promise<ReceivedResponse> {
  const child = Bun.spawn({
    cmd: ["curl", "--silent", "--include", "--max-time", "20", ...args],
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  const received = Buffer.from(await new Response(child.stdout).arrayBuffer()).latin1Slice();
  await child.exited;
  const end = received.indexOf("\r\n\r\n");
  // curl has decoded a chunked body already.
  const head = end < 0 ? received : received.slice(0, end).replace(/\r\ntransfer-encoding: chunked/i, "");
  const last = parseResponses(head + (end < 0 ? "" : received.slice(end)), args.includes("--head") ? [0] : [], true).at(
    -1,
  );
  return (
    last ?? {
      statusLine: "",
      status: 0,
      fields: [],
      body: "",
      framing: "raw",
      trailers: [],
      interim: false,
      complete: false,
    }
  );
}
