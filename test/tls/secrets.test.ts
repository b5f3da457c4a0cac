/** Private keys and their passwords are seen nowhere: not in logs, however wrong they are, not in dumps, not in files. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeCertificate, openssl } from "../harness/certificates.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { mainDirectives } from "../harness/many-workers.ts";
import { freePort } from "../harness/ports.ts";
import { LAST_REQUEST, sClient } from "../harness/s-client.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { eventually, HOPWAY, run } from "../process/command.ts";

const folder = makeTempDir();
const port = freePort();
const own = makeCertificate(folder, "own");
const other = makeCertificate(folder, "other");
const live = join(folder, "live.key");
const locked = join(folder, "locked.key");
const PASSWORD = "the password of the key";
openssl("pkey", "-in", own.key, "-out", locked, "-aes128", "-passout", `pass:${PASSWORD}`);
copyFileSync(own.key, live);
writeFileSync(join(folder, "passwords"), `${PASSWORD}\n`);
writeFileSync(join(folder, "wrong-passwords"), "another password\n");
let gateway: Gateway;

beforeAll(async () => {
  gateway = await startHopway(`${mainDirectives(2)}
error_log {prefix}/error.log debug;
events { }
http {
  {temp_paths}
  access_log {prefix}/access.log;
  ${servers(live)}
}
`);
});

afterAll(async () => {
  await gateway.stop();
  gateway.remove();
  removeTempDir(folder);
});

function servers(key: string): string {
  return `
  map $ssl_server_name $key {
    mismatch.test "data:${readFileSync(other.key, "latin1")}";
    broken.test "data:-----BEGIN PRIVATE KEY-----\nU0VDUkVUU0VDUkVUU0VDUkVU\n-----END PRIVATE KEY-----\n";
    default "data:${readFileSync(own.key, "latin1")}";
  }
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${own.certificate};
    ssl_certificate_key ${key};
    location / { return 200; }
  }
  server {
    listen 127.0.0.1:${port} ssl;
    server_name locked.test;
    ssl_certificate ${own.certificate};
    ssl_certificate_key ${locked};
    ssl_password_file ${folder}/passwords;
  }
  server {
    listen 127.0.0.1:${port} ssl;
    server_name *.test;
    ssl_certificate ${own.certificate};
    ssl_certificate_key $key;
  }`;
}

/** Lines of keys, and passwords. */
const secrets = [
  PASSWORD,
  "another password",
  "U0VDUkVU",
  ...[own.key, other.key, locked].flatMap((path) =>
    readFileSync(path, "latin1")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("-----")),
  ),
];

function secretsIn(text: string): string[] {
  return secrets.filter((secret) => text.includes(secret));
}

/** -t or -T of a configuration with these servers: what it said, on both streams. */
async function check(flag: string, text: string): Promise<string> {
  const conf = join(folder, "checked.conf");
  writeFileSync(conf, `pid ${folder}/pid;\nevents { }\nhttp {\naccess_log off;\n${text}\n}\n`);
  const { stdout, stderr } = await run(HOPWAY, [flag, "-p", folder, "-c", conf, "-e", "stderr"], folder);
  return stdout + stderr;
}

const secureServer = (key: string, more = ""): string =>
  `server { listen 127.0.0.1:${port} ssl; ssl_certificate ${own.certificate}; ssl_certificate_key ${key}; ${more} }`;

test("what is wrong with a key is said without it", async () => {
  const broken = join(folder, "broken.key");
  writeFileSync(broken, readFileSync(own.key, "latin1").replace(/\n.{8}/, "\n!!!!!!!!"));
  for (const [text, says] of [
    [secureServer(other.key), `SSL_CTX_use_PrivateKey("${other.key}") failed`],
    [secureServer(`"data:${readFileSync(other.key, "latin1")}"`), 'SSL_CTX_use_PrivateKey("data:...") failed'],
    [secureServer(`"data:${readFileSync(broken, "latin1")}"`), 'cannot load certificate key "data:..."'],
    [secureServer(broken), `cannot load certificate key "${broken}"`],
    [secureServer(locked), `cannot load certificate key "${locked}"`],
    [secureServer(locked, `ssl_password_file ${folder}/wrong-passwords;`), `cannot load certificate key "${locked}"`],
  ] as const) {
    const said = await check("-t", text);
    expect(said).toContain(says);
    expect(secretsIn(said)).toEqual([]);
  }
});

test("a dump has the configuration, and not the files that it names", async () => {
  const dump = await check("-T", secureServer(locked, `ssl_password_file ${folder}/passwords;`));
  expect(dump).toContain(`ssl_certificate_key ${locked};`);
  expect(dump).toContain("test is successful");
  expect(secretsIn(dump)).toEqual([]);
});

test("nothing that a running gateway writes", async () => {
  for (const name of ["x", "locked.test", "good.test"]) {
    expect((await sClient(port, ["-servername", name], LAST_REQUEST)).text).toContain("HTTP/1.1 ");
  }
  for (const name of ["mismatch.test", "broken.test"]) {
    expect((await sClient(port, ["-servername", name])).text).toContain("alert internal error");
  }
  writeFileSync(`${live}.new`, readFileSync(other.key));
  renameSync(`${live}.new`, live);
  process.kill(gateway.pid, "SIGHUP");
  await eventually("the refusal of a reload", () => gateway.errorLog().includes(`SSL_CTX_use_PrivateKey("${live}")`));
  expect(gateway.errorLog()).toContain('SSL_CTX_use_PrivateKey("data:...")');
  const files = readdirSync(gateway.prefix, { recursive: true, encoding: "utf8" }).map((name) =>
    join(gateway.prefix, name),
  );
  // The configuration itself has them: the test has put them there.
  const written = files.filter((path) => statSync(path).isFile() && !path.endsWith("nginx.conf"));
  expect(written.length).toBeGreaterThan(1);
  for (const path of written) expect([path, secretsIn(readFileSync(path, "latin1"))]).toEqual([path, []]);
  expect(secretsIn(gateway.stderr())).toEqual([]);
});
