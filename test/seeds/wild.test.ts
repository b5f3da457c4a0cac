/** Configurations as people have them, in test/seeds/wild: they load, or fail naming exactly what is not there. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { makeCertificate } from "../harness/certificates.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";

const NO_HTTP2 = "HTTP/2 is not supported yet, clients get HTTP/1.1";
const HOPWAY = resolve(import.meta.dir, "../../bin/hopway");
const WILD = join(import.meta.dir, "wild");
const DEBIAN = "/etc/nginx/nginx.conf";

/** What is refused, by file; the others load. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  "cached-team-chat": [
    '[emerg] directive "proxy_cache_path" of nginx\'s ngx_http_proxy_module is not supported by hopway in {conf}:4',
    '[emerg] "proxy_cache" other than "off" is not supported by hopway in {conf}:25',
  ],
};

let folder = "";
beforeAll(() => {
  folder = makeTempDir();
  mkdirSync(join(folder, "logs"));
  copyFileSync(join(import.meta.dir, "mime.types"), join(folder, "mime.types"));
  const { certificate, key } = makeCertificate(folder, "secure.example.com");
  renameSync(certificate, join(folder, "fullchain.pem"));
  renameSync(key, join(folder, "privkey.pem"));
});
afterAll(() => removeTempDir(folder));

/** Where a test may not be root, nor find nginx's folders: logs and types in the test's folder, ports that need no rights. */
function movable(text: string): string {
  return text
    .replaceAll("/var/log/nginx/", `${folder}/logs/`)
    .replaceAll("/etc/nginx/", `${folder}/`)
    .replaceAll("/etc/letsencrypt/live/secure.example.com/", `${folder}/`)
    .replace(/^(pid\s+)\/run/m, `$1${folder}`)
    .replace(/^user .*$/m, "")
    .replace(/(\blisten\s+(?:\[::\]:)?)(80|443)\b/g, (_, before: string, port: string) => `${before}18${port}`);
}

/** What -t says on these levels, and its exit code. */
function saidOf(conf: string, levels: RegExp): { readonly code: number | null; readonly said: readonly string[] } {
  const args = ["-t", "-p", `${folder}/`, "-c", conf, "-e", "logs/error.log"];
  const { stderr, status } = spawnSync(HOPWAY, args, { encoding: "latin1" });
  const lines = stderr.split("\n").map((line) => line.replace("hopway: ", "").replaceAll(conf, "{conf}"));
  return { code: status, said: lines.filter((line) => levels.test(line)) };
}

const ERRORS = /^\[(?:emerg|alert|crit)\]/;
const WARNINGS = /^\[warn\]/;

/** Puts a configuration where it can be tried. */
function place(file: string): string {
  const conf = join(folder, file);
  writeFileSync(conf, movable(readFileSync(join(WILD, file), "latin1")), "latin1");
  return conf;
}

describe("configurations in the wild", () => {
  for (const file of readdirSync(WILD).sort()) {
    const name = file.replace(/\.conf$/, "");
    const refused = REFUSED[name] ?? [];
    test(`${name} ${refused.length === 0 ? "loads" : "names what is not there"}`, () => {
      expect(saidOf(place(file), ERRORS)).toEqual({ code: refused.length === 0 ? 0 : 1, said: refused });
    });
  }

  test.skipIf(!existsSync(DEBIAN) || process.getuid?.() !== 0)("the one that Debian installs loads", () => {
    expect(saidOf(DEBIAN, ERRORS)).toEqual({ code: 0, said: [] });
  });

  test("what HTTP/2 comes to is said", () => {
    expect(saidOf(place("tls-front.conf"), WARNINGS).said).toEqual([
      `[warn] "http2 on" ignored: ${NO_HTTP2} in {conf}:10`,
      `[warn] the "http2" parameter of "listen" ignored: ${NO_HTTP2} in {conf}:12`,
    ]);
  });
});
