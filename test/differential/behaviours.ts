/** What the backends of the differential tests can do, by name; see RecordingBackend for how a request picks one. */
import { type Behaviour, CUT, ECHO, FIN, LATE, plainAnswer, QUIET, SINK } from "../harness/recording-backend.ts";

const answer = (...steps: Behaviour["steps"]): Behaviour => ({ steps });
const atHead = (...steps: Behaviour["steps"]): Behaviour => ({ at: "head", steps });
const lines = (...parts: readonly string[]): string => `${parts.join("\r\n")}\r\n\r\n`;
const SWITCH = lines("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", "X-Up: yes");

export const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  // Well-formed answers.
  chunked: answer(
    lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "X-Kind: chunked"),
    "5\r\nhello\r\n",
    "7;ext=1\r\n, world\r\n0\r\n\r\n",
  ),
  "chunked-trailers": answer(
    lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Trailer: X-Sum"),
    "2\r\nok\r\n0\r\nX-Sum: 42\r\n\r\n",
  ),
  "until-close": answer(lines("HTTP/1.1 200 OK", "X-Kind: close"), "all there is", FIN),
  http10: answer(lines("HTTP/1.0 200 Fine", "X-Kind: old"), "old style", FIN),
  "no-content": answer(lines("HTTP/1.1 204 No Content", "X-Kind: none")),
  "not-modified": answer(lines("HTTP/1.1 304 Not Modified", 'ETag: "abc"')),
  created: answer(lines("HTTP/1.1 201 Made It", "Location: /made/1", "Content-Length: 0")),
  "hundred-continue": answer(lines("HTTP/1.1 100 Continue"), plainAnswer("after 100\n")),
  "early-hints": answer(lines("HTTP/1.1 103 Early Hints", "Link: </s.css>; rel=preload"), plainAnswer("after 103\n")),
  "empty-reason": answer("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"),
  "odd-status": answer(lines("HTTP/1.1 299 Odd One", "Content-Length: 3"), "odd"),
  "status-599": answer(lines("HTTP/1.1 599 Far Out", "Content-Length: 3"), "far"),
  "hop-by-hop": answer(
    plainAnswer(
      "hop\n",
      "Keep-Alive: timeout=5",
      "Proxy-Authenticate: Basic",
      "Trailer: X-T",
      "Upgrade: h2c",
      "X-Stay: yes",
    ),
  ),
  "hidden-fields": answer(
    plainAnswer(
      "hid\n",
      "Date: Thu, 01 Jan 2015 00:00:00 GMT",
      "Server: backend/1",
      "X-Pad: p",
      "X-Secret: s",
      "X-Stay: 1",
    ),
  ),
  "many-fields": answer(
    plainAnswer(
      "many\n",
      "X-A: 1",
      "x-a: 2",
      "Set-Cookie: a=1; Path=/",
      "Set-Cookie: b=2; Domain=up.test; Path=/app",
      "Vary: A",
      "Vary: B",
      "Cache-Control: no-cache",
      "Cache-Control: private",
      'ETag: W/"x"',
      "Last-Modified: Thu, 01 Jan 2015 00:00:00 GMT",
      "X-Empty:",
      "X-Space:   padded   ",
    ),
  ),
  ranged: answer(
    plainAnswer("0123456789", "Accept-Ranges: bytes", 'ETag: "r1"', "Last-Modified: Thu, 01 Jan 2015 00:00:00 GMT"),
  ),
  "charset-type": answer(
    lines("HTTP/1.1 200 OK", "Content-Type: text/html; charset=koi8-r", "Content-Length: 2"),
    "hi",
  ),
  "no-type": answer(lines("HTTP/1.1 200 OK", "Content-Length: 2"), "hi"),
  large: answer(plainAnswer("0123456789abcdef".repeat(20_000))),
  "large-chunked": answer(
    lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"),
    `${(64_000).toString(16)}\r\n${"0123456789abcdef".repeat(4_000)}\r\n0\r\n\r\n`,
  ),
  "split-head": answer(
    "HTTP/1.1 200 OK\r\nX-Spl",
    QUIET,
    "it: yes\r\nContent-Le",
    QUIET,
    "ngth: 4\r\n\r",
    QUIET,
    "\nbo",
    QUIET,
    "dy",
  ),
  "lf-only": answer("HTTP/1.1 200 OK\nContent-Length: 2\n\nlf"),
  "folded-nul": answer("HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 2\r\n\r\nhi"),
  "bad-field-name": answer("HTTP/1.1 200 OK\r\nBad Name: x\r\nGood: y\r\nContent-Length: 2\r\n\r\nhi"),
  // Redirects and cookies.
  "redirect-self": answer(
    lines("HTTP/1.1 302 Found", "Location: http://127.0.0.1:{backend}/app/next?x=1", "Content-Length: 0"),
  ),
  "redirect-path": answer(lines("HTTP/1.1 302 Found", "Location: /app/next", "Content-Length: 0")),
  "redirect-other": answer(
    lines("HTTP/1.1 301 Moved Permanently", "Location: http://other.test/x", "Content-Length: 0"),
  ),
  refresh: answer(plainAnswer("r\n", "Refresh: 5; url=http://127.0.0.1:{backend}/app/r")),
  cookies: answer(
    plainAnswer(
      "c\n",
      "Set-Cookie: id=1; Domain=up.test; Path=/app/x; HttpOnly",
      "Set-Cookie: two=2; path=/app/; domain=.up.test",
      "Set-Cookie: bare=3",
    ),
  ),
  // Error statuses.
  "status-404": answer(
    lines("HTTP/1.1 404 Not Here", "Content-Type: text/plain", "X-From: backend", "Content-Length: 9"),
    "not here\n",
  ),
  "status-500": answer(lines("HTTP/1.1 500 Oops", "Content-Type: text/plain", "Content-Length: 5"), "oops\n"),
  "status-503": answer(lines("HTTP/1.1 503 Busy", "Retry-After: 7", "Content-Length: 5"), "busy\n"),
  "status-429": answer(lines("HTTP/1.1 429 Slow Down", "Content-Length: 5"), "slow\n"),
  "status-401": answer(
    lines("HTTP/1.1 401 Unauthorized", 'WWW-Authenticate: Basic realm="up"', "Content-Length: 3"),
    "no\n",
  ),
  // X-Accel.
  "accel-redirect": answer(
    plainAnswer(
      "unseen",
      "X-Accel-Redirect: /protected/file.txt?a=b",
      "X-Other: dropped",
      "Set-Cookie: kept=1",
      "Content-Disposition: attachment",
    ),
  ),
  "accel-named": answer(plainAnswer("unseen", "X-Accel-Redirect: @named")),
  "accel-buffering": answer(plainAnswer("unbuffered\n", "X-Accel-Buffering: no")),
  "accel-expires": answer(plainAnswer("expires\n", "X-Accel-Expires: 60")),
  "accel-limit": answer(plainAnswer("limited\n", "X-Accel-Limit-Rate: 100000")),
  "accel-charset": answer(plainAnswer("charset\n", "X-Accel-Charset: koi8-r")),
  // Broken answers.
  "close-at-once": answer(FIN),
  "reset-at-once": answer(CUT),
  "close-in-head": answer("HTTP/1.1 200 OK\r\nX-Half: ", FIN),
  "close-in-body": answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", QUIET, FIN),
  "reset-in-body": answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", QUIET, CUT),
  "close-in-chunk": answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nonly", QUIET, FIN),
  garbage: answer("this is not HTTP\r\n\r\n", FIN),
  http09: answer("<html>old</html>", FIN),
  "bad-chunk": answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", FIN),
  "bad-length": answer("HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\nhello", FIN),
  "two-lengths": answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", FIN),
  "length-and-chunked": answer(
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    FIN,
  ),
  "gzip-coding": answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", FIN),
  "bad-version": answer("HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", FIN),
  "bad-status": answer("HTTP/1.1 20x OK\r\nContent-Length: 2\r\n\r\nhi", FIN),
  "too-much-body": answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more", FIN),
  "huge-head": answer(plainAnswer("huge\n", `X-Huge: ${"h".repeat(20_000)}`)),
  "big-head": answer(plainAnswer("big\n", `X-Big: ${"h".repeat(3_000)}`)),
  // Slow answers.
  slow: answer(LATE, plainAnswer("late\n")),
  "slow-body": answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst", LATE, "later"),
  "before-body": atHead(lines("HTTP/1.1 200 OK", "Content-Length: 6", "Connection: close"), "early\n", FIN),
  "refuse-body": atHead(lines("HTTP/1.1 413 Too Big", "Content-Length: 4", "Connection: close"), "big\n", FIN),
  // Upgrades.
  upgrade: answer(SWITCH, ECHO),
  "upgrade-early": answer(`${SWITCH}early from backend;`, ECHO),
  "upgrade-greet-close": answer(`${SWITCH}bye`, QUIET, FIN),
  "upgrade-reset": answer(`${SWITCH}bye`, { waitClient: "bye" }, CUT),
  "upgrade-half-close": answer(SWITCH, SINK, "hello;", QUIET, FIN, { waitEnd: true }),
  "upgrade-wait-fin": answer(SWITCH, SINK, { waitEnd: true }, "after your FIN", FIN),
  "upgrade-other": answer(lines("HTTP/1.1 101 Whatever", "Upgrade: my-protocol/1", "Connection: upgrade"), ECHO),
  "upgrade-split": answer(
    "HTTP/1.1 101 Switching Protocols\r\nUpgr",
    QUIET,
    "ade: websocket\r\nConnection: Upgrade\r\n\r\nab",
    QUIET,
    "cd",
    ECHO,
  ),
  "upgrade-silent": answer(SWITCH, SINK, { waitEnd: true }),
  "upgrade-length": answer(
    lines("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", "Content-Length: 5"),
    ECHO,
  ),
  "upgrade-refused": answer(lines("HTTP/1.1 403 Forbidden", "X-Why: no", "Content-Length: 3"), "no\n"),
  "upgrade-required": answer(
    lines("HTTP/1.1 426 Upgrade Required", "Upgrade: websocket", "Connection: Upgrade", "Content-Length: 2"),
    "up",
  ),
  "upgrade-ignored": answer(plainAnswer("just a page\n")),
};
