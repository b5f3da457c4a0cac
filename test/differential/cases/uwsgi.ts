/** uwsgi_pass: what is in cgi.ts, and the modifiers and the size of packets. */
import { type Group, get, gets, inPackets, request } from "../case.ts";
import { cgiGroups } from "./cgi.ts";

export const UWSGI: readonly Group[] = cgiGroups("uwsgi", {
  config: `
    location /modifiers/ { uwsgi_modifier1 5; uwsgi_modifier2 255; uwsgi_pass 127.0.0.1:{backend}; }
    location /string/ { uwsgi_string "text"; uwsgi_pass 127.0.0.1:{backend}; }
    location /scheme/ { uwsgi_pass uwsgi://127.0.0.1:{backend}; }
    location /capital/ { uwsgi_pass UWSGI://127.0.0.1:{backend}; }
    location /unix-scheme/ { uwsgi_pass uwsgi://unix:{socket}; }
    location /var-scheme/ { set $b 127.0.0.1:{backend}; uwsgi_pass uwsgi://$b; }
    location /dead-scheme/ { uwsgi_pass UWSGI://127.0.0.1:{dead}; }
    location /many/ { uwsgi_param REQUEST_URI $request_uri; uwsgi_pass 127.0.0.1:{backend}; }`,
  cases: [
    {
      name: "PUT as it comes",
      send: inPackets(1, request("PUT", "/stream/a", "Content-Length: 10"), "hello", "world"),
    },
    {
      name: "PUT as it comes, partly with the head",
      send: inPackets(1, `${request("PUT", "/stream/a", "Content-Length: 10")}hell`, "oworld"),
    },
    ...gets(
      "/modifiers/x",
      "/string/x",
      "/scheme/x",
      "/capital/x",
      "/unix-scheme/x",
      "/var-scheme/x",
      "/dead-scheme/x",
    ),
    {
      name: "a packet that is too big",
      send: get("/many/x", ...Array.from({ length: 6 }, (_, i) => `X-${i}: ${"v".repeat(12_000)}`)),
    },
    {
      name: "a packet that is nearly too big",
      send: get("/many/x", ...Array.from({ length: 5 }, (_, i) => `X-${i}: ${"v".repeat(12_500)}`)),
    },
  ],
});
