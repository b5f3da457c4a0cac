/** scgi_pass: what is in cgi.ts. */
import type { Group } from "../case.ts";
import { gets } from "../case.ts";
import { cgiGroups } from "./cgi.ts";

export const SCGI: readonly Group[] = cgiGroups("scgi", {
  config: `
    location /twice/ { scgi_param REQUEST_URI $request_uri; scgi_param CONTENT_LENGTH $content_length; scgi_param SCGI 1; scgi_pass 127.0.0.1:{backend}; }`,
  cases: gets("/twice/x"),
});
