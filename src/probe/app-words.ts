/** What libraries say when they refuse a handshake: their words tell what they have not got. */

export type Complaint = "upgrade" | "version" | "origin" | "host" | "session" | "transport" | "protocol" | "key";

/** In the order in which they are looked for. */
const WORDS: readonly (readonly [words: RegExp, about: Complaint])[] = [
  [/"code":1,"message":"Session ID unknown"/, "session"],
  [/"code":0,"message":"Transport unknown"/, "transport"],
  [/"code":5,"message":"Unsupported protocol version"/, "protocol"],
  [/"code":3,"message":"Bad (?:request|handshake method)"/, "upgrade"],
  [
    /origin (?:is )?not allowed|origin not accepted|invalid origin|cross[- ]origin|Invalid Host\/Origin header|origin .{0,60}(?:refused|rejected|denied)/i,
    "origin",
  ],
  [/Blocked request\. This host|Invalid Host header|DisallowedHost|Invalid HTTP_HOST/i, "host"],
  [/(?:unsupported|expected).{0,20}HTTP\/1\.[01]|HTTP version (?:must|not)|handshake.{0,30}HTTP\/1\.1/i, "version"],
  [/Can "Upgrade" only to "WebSocket"|"Connection" must be "Upgrade"/i, "upgrade"],
  [/token not found in '(?:Connection|Upgrade)' header/i, "upgrade"],
  [/(?:missing|invalid|no) (?:["'`]?Upgrade["'`]?|["'`]?Connection["'`]?) header/i, "upgrade"],
  [
    /not a (?:valid )?websocket|expected (?:a )?websocket|only (?:accepts |supports )?websocket|websocket (?:upgrade|connection)s? (?:is |are )?(?:required|expected|only)/i,
    "upgrade",
  ],
  [/upgrade required/i, "upgrade"],
  [/Sec-WebSocket-(?:Key|Version)/i, "key"],
];

/** What the text of an answer complains about; undefined where it has no known words. */
export function complaintOf(body: string): Complaint | undefined {
  return WORDS.find(([words]) => words.test(body))?.[1];
}

/** What people read in an answer's body: text without tags, or a page's title where there is no text. */
export function saidIn(body: string): string {
  const title = /<title>\s*([^<]*?)\s*<\/title>/i.exec(body)?.[1] ?? "";
  const text = body
    .replace(/<(title|script|style)\b.*?<\/\1>/gis, " ")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  return text === "" ? title : text;
}

/** A page for people, not a word of a WebSocket library. */
export function isHtml(body: string, contentType: string): boolean {
  return /^text\/html\b/i.test(contentType) || /^\s*<(?:!doctype html|html)\b/i.test(body);
}
