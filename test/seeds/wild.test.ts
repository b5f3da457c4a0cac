/** Configurations as people have them, in test/seeds/wild: they load, or fail naming exactly what is not there. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";

const HOPWAY = resolve(import.meta.dir, "../../bin/hopway");
const WILD = join(import.meta.dir, "wild");
const DEBIAN = "/etc/nginx/nginx.conf";

/** What is refused, by file; the others load. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  "cached-team-chat": [
    '[emerg] directive "proxy_cache_path" of nginx\'s ngx_http_proxy_module is not supported by hopway in {conf}:4',
    '[emerg] "proxy_cache" other than "off" is not supported by hopway in {conf}:25',
  ],
  "tls-front": ['[emerg] the "http2" parameter of "listen" cannot be used: HTTP/2 is not supported yet in {conf}:10'],
};

let folder = "";
beforeAll(() => {
  folder = makeTempDir();
  mkdirSync(join(folder, "logs"));
  copyFileSync(join(import.meta.dir, "mime.types"), join(folder, "mime.types"));
});
afterAll(() => removeTempDir(folder));

/** Where a test may not be root, nor find nginx's folders: logs and types in the test's folder, ports that need no rights. */
function movable(text: string): string {
  return text
    .replaceAll("/var/log/nginx/", `${folder}/logs/`)
    .replaceAll("/etc/nginx/", `${folder}/`)
    .replace(/^(pid\s+)\/run/m, `$1${folder}`)
    .replace(/^user .*$/m, "")
    .replace(/(\blisten\s+(?:\[::\]:)?)(80|443)\b/g, (_, before: string, port: string) => `${before}18${port}`);
}

/** The errors of -t, and its exit code. */
function errorsOf(conf: string): { readonly code: number | null; readonly errors: readonly string[] } {
  const args = ["-t", "-p", `${folder}/`, "-c", conf, "-e", "logs/error.log"];
  const { stderr, status } = spawnSync(HOPWAY, args, { encoding: "latin1" });
  const lines = stderr.split("\n").map((line) => line.replace("hopway: ", "").replaceAll(conf, "{conf}"));
  return { code: status, errors: lines.filter((line) => /^\[(?:emerg|alert|crit)\]/.test(line)) };
}

describe("configurations in the wild", () => {
  for (const file of readdirSync(WILD).sort()) {
    const name = file.replace(/\.conf$/, "");
    const refused = REFUSED[name] ?? [];
    test(`${name} ${refused.length === 0 ? "loads" : "names what is not there"}`, () => {
      const conf = join(folder, file);
      writeFileSync(conf, movable(readFileSync(join(WILD, file), "latin1")), "latin1");
      expect(errorsOf(conf)).toEqual({ code: refused.length === 0 ? 0 : 1, errors: refused });
    });
  }

  test.skipIf(!existsSync(DEBIAN) || process.getuid?.() !== 0)("the one that Debian installs loads", () => {
    expect(errorsOf(DEBIAN)).toEqual({ code: 0, errors: [] });
  });
});
