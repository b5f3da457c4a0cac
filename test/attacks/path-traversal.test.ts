/** Paths that climb out of what a location shows. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { attack, attackTarget, head } from "./target.ts";

const base = makeTempDir();
for (const folder of ["site", "site/pub", "files", "files-secret"]) mkdirSync(join(base, folder));
writeFileSync(join(base, "secret.txt"), "SECRET");
writeFileSync(join(base, "site/index.html"), "index");
writeFileSync(join(base, "site/pub/a.txt"), "public");
writeFileSync(join(base, "files/f.txt"), "file");
writeFileSync(join(base, "files-secret/s.txt"), "SECRET");
symlinkSync("a.txt", join(base, "site/pub/link.txt"));

afterAll(() => removeTempDir(base));

const target = attackTarget(
  `
    root {root}/site;
    location / { try_files $uri $uri/ =404; }
    location /files/ { alias {root}/files/; }
    location ^~ /private/ { deny all; }
    location ~ ^/re/(.*)$ { alias {root}/files/$1; }
    location /up/ { proxy_pass http://{backend}/app/; }
`,
  {},
  "",
  base,
);

describe("files", () => {
  test.each([
    [200, "/pub/a.txt", "a file"],
    [200, "/pub/../pub/a.txt", "down and up inside"],
    [200, "/pub/%2e%2e/pub/a.txt", "the same, escaped"],
    [200, "/files/f.txt", "a file of the alias"],
    [200, "/pub/link.txt", "a symbolic link"],
    [400, "/../secret.txt", "above the root"],
    [400, "/%2e%2e/secret.txt", "above the root, dots escaped"],
    [400, "/%2e%2e%2fsecret.txt", "above the root, all escaped"],
    [400, "/..%2fsecret.txt", "above the root, slash escaped"],
    [400, "/pub/../../secret.txt", "down once, up twice"],
    [400, "/pub/..%2f..%2fsecret.txt", "the same, escaped"],
    [400, "//../secret.txt", "behind a double slash"],
    [404, "/%252e%252e/secret.txt", "escaped twice is a name"],
    [404, "/..%5csecret.txt", "a backslash is a letter"],
    [404, "/...../secret.txt", "more dots are a name"],
    [404, "/pub/a.txt/../../secret.txt", "through a file: the text counts, not the disk"],
    [400, "/files/../../secret.txt", "out of the alias and above the root"],
    [404, "/files/../secret.txt", "out of the alias: the root's"],
    [404, "/files/..%2fsecret.txt", "the same, escaped"],
    [404, "/files-secret/s.txt", "beside the alias: not its prefix"],
    [404, "/files..%2ffiles-secret/s.txt", "the alias with a slash at its end holds"],
    [404, "/files../files-secret/s.txt", "the same, plain"],
    [400, "/re/../../secret.txt", "an alias made of a capture sees the normalised path"],
    [404, "/re/..%2fsecret.txt", "the same, escaped"],
    [400, "/pub/a.txt%00.html", "NUL"],
    [403, "/pub/../private/x", "a denied place by a detour"],
    [403, "/%70rivate/x", "a denied place, escaped"],
    [403, "//private//x", "a denied place with double slashes"],
    [403, "/./private/./x", "a denied place with dots"],
  ])("%d for %s: %s", async (status, path) => {
    const { statuses, received } = await attack(target, head(`GET ${path} HTTP/1.1`, "Host: x"));
    expect(statuses).toEqual([status]);
    expect(received).not.toContain("SECRET");
  });
});

describe("the backend's path", () => {
  test.each([
    ["/up/x", "/app/x"],
    ["/up/a/../b", "/app/b"],
    ["/up/%2e%2e/up/x", "/app/x"],
    ["/up/a%2fb", "/app/a/b"],
    ["/up/%3fx=1", "/app/%3Fx=1"],
    ["/up/%23x", "/app/%23x"],
    ["/up//x", "/app/x"],
  ])("%s is %s", async (path, asked) => {
    expect((await attack(target, head(`GET ${path} HTTP/1.1`, "Host: x"))).asked).toEqual([`GET ${asked} HTTP/1.1`]);
  });

  test.each(["/up/../../x", "/up/%2e%2e/%2e%2e/x"])("%s does not reach it", async (path) => {
    const { statuses, asked } = await attack(target, head(`GET ${path} HTTP/1.1`, "Host: x"));
    expect([statuses, asked]).toEqual([[400], []]);
  });

  test("/up/../x is another location's", async () => {
    const { statuses, asked } = await attack(target, head("GET /up/../x HTTP/1.1", "Host: x"));
    expect([statuses, asked]).toEqual([[404], []]);
  });
});
