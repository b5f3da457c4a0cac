/** Subjects made to keep a regular expression busy for hours: each pattern stands in many configurations. */
import { describe, expect, test } from "bun:test";
import { attack, attackTarget, head } from "./target.ts";

const target = attackTarget(
  `
    location ~ ^/php/(.*)/(.*)/(.*)\\.php$ { return 200 "php"; }
    location ~ ^/words/([a-z]+)+$ { return 200 "words"; }
    location /agent { return 200 "$browser"; }
    location /rewritten { rewrite ^/rewritten/(.*)/(.*)/(.*)/(.*)\\.html$ /$1 break; return 200 "as it was"; }
    location / { return 200 "other"; }
`,
  {},
  "  map $http_user_agent $browser { default other; ~^(\\w+\\s?)*$ words; }",
);

const words = "a".repeat(200);

describe("given up after a moment, as by nginx", () => {
  for (const [name, path, agent] of [
    ["a location", `/words/${words}!`, "x"],
    ["three parts of a path", `/php${"/a.php".repeat(1000)}/`, "x"],
    ["rewrite", `/rewritten${"/a.html".repeat(900)}/`, "x"],
    ["map", "/agent", `${words}!`],
  ] as const) {
    test(name, async () => {
      const outcome = await attack(target, head(`GET ${path} HTTP/1.1`, "Host: x", `User-Agent: ${agent}`));
      expect(outcome.statuses).toEqual([500]);
      await target.gateway.quiet();
      expect(target.gateway.errorLog()).toInclude("pcre2_match() failed: -47 on ");
    });
  }
});

test("subjects that lack what a pattern must have are refused at once, however long", async () => {
  const outcome = await attack(target, head(`GET /php${"/a".repeat(3000)} HTTP/1.1`, "Host: x"));
  expect([outcome.statuses, outcome.received.includes("other")]).toEqual([[200], true]);
});
