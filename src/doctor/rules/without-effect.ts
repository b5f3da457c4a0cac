/** Lines that people put there for WebSockets, and that tunnels never meet. */
import { levelName } from "../../explain/level.ts";
import type { Rule, Symptom } from "../finding.ts";
import { passesUpgrade } from "../proxy-place.ts";

const WITHOUT_EFFECT = new Set([
  "proxy_buffering",
  "proxy_buffers",
  "proxy_busy_buffers_size",
  "proxy_request_buffering",
  "proxy_max_temp_file_size",
  "proxy_cache",
  "proxy_cache_bypass",
  "proxy_no_cache",
  "proxy_redirect",
  "chunked_transfer_encoding",
  "keepalive_timeout",
  "client_max_body_size",
  "client_body_timeout",
  "gzip",
  "sendfile",
]);

export const withoutEffect: Rule = {
  id: "no-effect-on-tunnels",
  title: "buffering, caching and body settings in a location for WebSockets alone",
  find({ places }) {
    return places.flatMap((place): Symptom[] => {
      if (passesUpgrade(place) !== true || place.shared) return [];
      const lines = place.location.lines.filter(({ name }) => WITHOUT_EFFECT.has(name));
      const [first] = lines;
      if (first === undefined) return [];
      const names = [...new Set(lines.map(({ name }) => name))].join(", ");
      return [
        {
          severity: "note",
          at: first,
          message: `${names} in ${levelName(place.location)}: after the 101, bytes pass as they come.`,
          consequence: "None: a tunnel is not buffered, cached, compressed, or ended by keepalive_timeout.",
          remedy: "What a tunnel lives by is proxy_read_timeout; what it reads at once, proxy_buffer_size.",
          edits: [],
        },
      ];
    });
  },
};
