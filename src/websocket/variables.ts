/** What logs can show of a WebSocket. Not found for requests that opened none. */
import type { Request } from "../http/request.ts";
import type { VariableDefinition } from "../template/variables.ts";
import { WebSocketSession } from "./session.ts";

/** `1.234`: ms as seconds. */
function seconds(ms: number): string {
  return (Math.max(0, ms) / 1000).toFixed(3);
}

/** `id` is the module's place in the request's contexts. */
export function webSocketVariables(id: () => number): readonly VariableDefinition[] {
  const variable = (name: string, read: (session: WebSocketSession) => string | undefined): VariableDefinition => ({
    name: `websocket_${name}`,
    get(r: Request) {
      const session = r.context(id());
      return session instanceof WebSocketSession ? read(session) : undefined;
    },
  });
  return [
    variable("messages_in", (session) => String(session.fromClient.messages)),
    variable("messages_out", (session) => String(session.fromUpstream.messages)),
    variable("bytes_in", (session) => String(session.fromClient.bytes)),
    variable("bytes_out", (session) => String(session.fromUpstream.bytes)),
    variable("close_code", ({ closeCode }) => (closeCode === 0 ? undefined : String(closeCode))),
    variable("close_by", ({ closedBy }) => closedBy),
    variable("duration", ({ durationMs }) => seconds(durationMs)),
    variable("subprotocol", ({ subprotocol }) => subprotocol),
    variable("pings", ({ pingsSent }) => String(pingsSent)),
  ];
}
