/**
 * Every directive of nginx's ssl module, and every proxy_ssl_*: it does what it says, as openssl sees it, or -t names it
 * with what happens instead.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nginxModuleOf } from "../../src/config/unsupported.ts";
import { modules } from "../../src/modules/list.ts";
import { makeCertificate, makeRevocationList, openssl } from "../harness/certificates.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { LAST_REQUEST, sClient } from "../harness/s-client.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { HOPWAY, type Outcome, run } from "../process/command.ts";

const folder = makeTempDir();
const authority = makeCertificate(folder, "authority", { authority: true });
const middle = makeCertificate(folder, "middle", { issuer: authority, authority: true });
const server = makeCertificate(folder, "server", { issuer: authority, names: ["test"] });
const other = makeCertificate(folder, "other", { names: ["test"] });
const client = makeCertificate(folder, "client", { issuer: middle });
openssl("pkey", "-in", server.key, "-out", join(folder, "locked.key"), "-aes128", "-passout", "pass:secret");
writeFileSync(join(folder, "passwords"), "wrong\nsecret\n");
writeFileSync(join(folder, "page"), "x".repeat(20_000));
copyFileSync(server.certificate, join(folder, "moving.crt"));
copyFileSync(server.key, join(folder, "moving.key"));
const bothText = [authority, middle].map(({ certificate }) => openssl("x509", "-in", certificate)).join("");
writeFileSync(join(folder, "both.crt"), bothText);
makeRevocationList(folder, "revoked", middle, [client]);
const PAIR = `ssl_certificate ${server.certificate}; ssl_certificate_key ${server.key};`;
const OLD = "ECDHE-ECDSA-AES128-GCM-SHA256";
const OLDER = "ECDHE-ECDSA-AES256-GCM-SHA384";

interface Effect {
  /** Directives that are shown to work by it. */
  readonly names: readonly string[];
  /** Of a server, beside the `listen` line. */
  readonly config: string;
  readonly listen?: string;
  readonly args?: readonly string[];
  readonly request?: string;
  readonly sees: RegExp;
  readonly not?: RegExp;
}

/** Sizes of the records with data that a page came in. */
const RECORDS_OF_1000 = /<<< TLS [^\n]*RecordHeader[^\n]*\n\s+17 03 03 03 f9\n/;

const EFFECTS: readonly Effect[] = [
  { names: ["ssl"], listen: "", config: `ssl on; ${PAIR}`, sees: /New, TLSv1\.3/ },
  { names: ["ssl_certificate", "ssl_certificate_key"], config: PAIR, sees: /subject=CN = server\n/ },
  {
    names: ["ssl_password_file"],
    config: `ssl_certificate ${server.certificate}; ssl_certificate_key ${folder}/locked.key; ssl_password_file ${folder}/passwords;`,
    sees: /subject=CN = server\n/,
  },
  { names: ["ssl_protocols"], config: `${PAIR} ssl_protocols TLSv1.2;`, sees: /New, TLSv1\.2/ },
  {
    names: ["ssl_protocols"],
    config: `${PAIR} ssl_protocols TLSv1.3;`,
    args: ["-tls1_2"],
    sees: /alert protocol version/,
  },
  {
    names: ["ssl_ciphers"],
    config: `${PAIR} ssl_ciphers ${OLD};`,
    args: ["-tls1_2"],
    sees: new RegExp(`Cipher is ${OLD}`),
  },
  {
    names: ["ssl_prefer_server_ciphers"],
    config: `${PAIR} ssl_ciphers ${OLD}:${OLDER}; ssl_prefer_server_ciphers on;`,
    args: ["-tls1_2", "-cipher", `${OLDER}:${OLD}`],
    sees: new RegExp(`Cipher is ${OLD}`),
  },
  {
    names: ["ssl_prefer_server_ciphers"],
    config: `${PAIR} ssl_ciphers ${OLD}:${OLDER};`,
    args: ["-tls1_2", "-cipher", `${OLDER}:${OLD}`],
    sees: new RegExp(`Cipher is ${OLDER}`),
  },
  {
    names: ["ssl_ecdh_curve"],
    config: `${PAIR} ssl_ecdh_curve secp384r1;`,
    sees: /Server Temp Key: ECDH, (?:P-384|secp384r1)/,
  },
  {
    names: ["ssl_buffer_size"],
    config: `${PAIR} ssl_buffer_size 1000; root ${folder}; location / { rewrite ^ /page break; }`,
    args: ["-msg"],
    request: LAST_REQUEST,
    sees: RECORDS_OF_1000,
  },
  {
    names: ["ssl_verify_client", "ssl_client_certificate"],
    config: `${PAIR} ssl_verify_client on; ssl_client_certificate ${authority.certificate};`,
    sees: /Acceptable client certificate CA names\nCN = authority\n/,
  },
  {
    names: ["ssl_verify_depth", "ssl_trusted_certificate"],
    config: `${PAIR} ssl_verify_client on; ssl_client_certificate ${other.certificate}; ssl_trusted_certificate ${folder}/both.crt; ssl_verify_depth 2;`,
    args: ["-cert", client.certificate, "-key", client.key],
    request: LAST_REQUEST,
    sees: /HTTP\/1\.1 200/,
  },
  {
    names: ["ssl_verify_depth"],
    config: `${PAIR} ssl_verify_client on; ssl_client_certificate ${folder}/both.crt; ssl_verify_depth 0;`,
    args: ["-cert", client.certificate, "-key", client.key],
    request: LAST_REQUEST,
    sees: /HTTP\/1\.1 400/,
  },
  {
    names: ["ssl_crl"],
    config: `${PAIR} ssl_verify_client on; ssl_client_certificate ${folder}/both.crt; ssl_crl ${folder}/revoked.crl;`,
    args: ["-cert", client.certificate, "-key", client.key],
    request: LAST_REQUEST,
    sees: /HTTP\/1\.1 400/,
  },
  {
    names: ["ssl_session_tickets"],
    config: `${PAIR} ssl_session_tickets off;`,
    args: ["-tls1_2"],
    request: LAST_REQUEST,
    sees: /HTTP\/1\.1 200/,
    not: /TLS session ticket:/,
  },
  {
    names: ["ssl_session_timeout"],
    config: `${PAIR} ssl_session_timeout 1h;`,
    request: LAST_REQUEST,
    sees: /TLS session ticket lifetime hint: 3600 /,
  },
  {
    names: ["ssl_session_timeout"],
    config: `${PAIR} ssl_session_timeout 0;`,
    request: LAST_REQUEST,
    sees: /TLS session ticket lifetime hint: 7200 /,
  },
  {
    names: ["ssl_reject_handshake"],
    config: "ssl_reject_handshake on;",
    sees: /alert unrecognized name|alert number 112/,
  },
];

interface Named {
  readonly names: readonly string[];
  /** Beside a server's certificate. */
  readonly config: string;
  readonly says: string;
}

const warn = (name: string, why: string): string => `[warn] "${name}" ignored: ${why}`;
const NO_STAPLING = "OCSP responses cannot be stapled: clients ask the responder themselves";
const NO_RESPONDER = "no OCSP responder is asked about clients";
const NO_SESSIONS = "Bun's TLS keeps no sessions";

const NAMED: readonly Named[] = [
  {
    names: ["ssl_session_cache"],
    config: "ssl_session_cache shared:S:1m;",
    says: warn("ssl_session_cache", `${NO_SESSIONS}, clients keep them, as tickets`),
  },
  {
    names: ["ssl_session_cache"],
    config: "ssl_session_cache builtin shared:S:1m; ssl_session_tickets off;",
    says: warn("ssl_session_cache", `${NO_SESSIONS}, and with "ssl_session_tickets off" none is resumed`),
  },
  {
    names: ["ssl_session_timeout"],
    config: "ssl_session_timeout 10d;",
    says: '[warn] "ssl_session_timeout" is no longer than two days: Bun\'s TLS changes the keys of tickets',
  },
  {
    names: ["ssl_buffer_size"],
    config: "ssl_buffer_size 100;",
    says: '[warn] "ssl_buffer_size" is at least 512: Bun\'s TLS makes no smaller records',
  },
  {
    names: ["ssl_trusted_certificate"],
    config: `ssl_verify_client on; ssl_client_certificate ${other.certificate}; ssl_trusted_certificate ${authority.certificate};`,
    says: '[warn] "ssl_trusted_certificate" is not kept to the server: clients are told of its authorities',
  },
  {
    names: ["ssl_protocols"],
    config: "ssl_protocols TLSv1 TLSv1.1 TLSv1.2;",
    says: warn("ssl_protocols", "").replace('"ssl_protocols"', 'TLSv1, TLSv1.1 in "ssl_protocols"').trimEnd(),
  },
  {
    names: ["ssl_ciphers"],
    config: "ssl_ciphers HIGH:DHE-RSA-AES128-SHA;",
    says: '[warn] DHE-RSA-AES128-SHA in "ssl_ciphers" ignored: BoringSSL, which Bun has inside, does not have it',
  },
  {
    names: ["ssl_ciphers"],
    config: "ssl_ciphers foo:DES-CBC3-SHA:HIGH;",
    says: '; DES-CBC3-SHA in "ssl_ciphers" ignored: triple DES is not offered (CVE-2016-2183)',
  },
  {
    names: ["ssl_ciphers"],
    config: "ssl_ciphers TLS_AES_128_GCM_SHA256;",
    says: '[emerg] SSL_CTX_set_cipher_list("TLS_AES_128_GCM_SHA256") failed (SSL: ',
  },
  {
    names: ["ssl_ecdh_curve"],
    config: "ssl_ecdh_curve X25519:X448;",
    says: '[warn] X448 in "ssl_ecdh_curve" ignored: BoringSSL, which Bun has inside, does not have it',
  },
  {
    names: ["ssl_dhparam"],
    config: `ssl_dhparam ${server.certificate};`,
    says: warn("ssl_dhparam", "key exchange is by elliptic curves only"),
  },
  {
    names: ["ssl_early_data"],
    config: "ssl_early_data on;",
    says: warn("ssl_early_data", "no early data is taken: clients send it after the handshake"),
  },
  { names: ["ssl_stapling"], config: "ssl_stapling on;", says: warn("ssl_stapling", NO_STAPLING) },
  {
    names: ["ssl_stapling_file"],
    config: `ssl_stapling_file ${server.certificate};`,
    says: warn("ssl_stapling_file", NO_STAPLING),
  },
  {
    names: ["ssl_stapling_responder"],
    config: "ssl_stapling_responder http://x/;",
    says: warn("ssl_stapling_responder", NO_STAPLING),
  },
  { names: ["ssl_stapling_verify"], config: "ssl_stapling_verify on;", says: warn("ssl_stapling_verify", NO_STAPLING) },
  {
    names: ["ssl_certificate_compression"],
    config: "ssl_certificate_compression on;",
    says: warn("ssl_certificate_compression", "certificates are sent as they are"),
  },
  {
    names: ["ssl_session_ticket_key"],
    config: `ssl_session_ticket_key ${folder}/passwords;`,
    says: warn("ssl_session_ticket_key", "keys of tickets cannot be given"),
  },
  {
    names: ["ssl_ocsp"],
    config: "ssl_ocsp on;",
    says: `[emerg] "ssl_ocsp" is not supported with Bun's TLS: ${NO_RESPONDER}`,
  },
  {
    names: ["ssl_ocsp_responder"],
    config: "ssl_ocsp_responder http://x/;",
    says: warn("ssl_ocsp_responder", NO_RESPONDER),
  },
  { names: ["ssl_ocsp_cache"], config: "ssl_ocsp_cache shared:o:1m;", says: warn("ssl_ocsp_cache", NO_RESPONDER) },
  {
    names: ["ssl_conf_command"],
    config: "ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;",
    says: '[emerg] "ssl_conf_command" is not supported with Bun\'s TLS: ',
  },
  {
    names: ["ssl_conf_command"],
    config: "ssl_conf_command Options KTLS; ssl_conf_command Options PrioritizeChaCha;",
    says: warn("ssl_conf_command", "configuration commands of OpenSSL mean nothing to BoringSSL"),
  },
  {
    names: ["ssl_ech_file"],
    config: "ssl_ech_file x;",
    says: '[emerg] "ssl_ech_file" is not supported with Bun\'s TLS',
  },
  {
    names: ["proxy_ssl_conf_command"],
    config: "proxy_ssl_conf_command MinProtocol TLSv1.2; location / { proxy_pass https://127.0.0.1; }",
    says: '[emerg] "proxy_ssl_conf_command" is not supported with Bun\'s TLS: commands of OpenSSL mean nothing to BoringSSL',
  },
  {
    names: ["proxy_ssl_key_log"],
    config: "proxy_ssl_key_log x; location / { proxy_pass https://127.0.0.1; }",
    says: '[emerg] "proxy_ssl_key_log" is not supported with Bun\'s TLS: it tells nobody its keys',
  },
];

afterAll(() => removeTempDir(folder));

test("no directive is silent", () => {
  const known = modules.flatMap(({ definition }) => definition.directives.map(({ name }) => name));
  const ours = known.filter((name) => nginxModuleOf(name) === "ngx_http_ssl_module" || name.startsWith("proxy_ssl_"));
  const shown = new Set([
    ...EFFECTS.flatMap(({ names }) => names),
    ...NAMED.flatMap(({ names }) => names),
    "ssl_certificate_cache",
    // Those of proxy_pass are at work in a file of their own.
    ...(readFileSync(join(import.meta.dir, "upstream.test.ts"), "latin1").match(/proxy_ssl_\w+/g) ?? []),
  ]);
  expect(ours.filter((name) => !shown.has(name))).toEqual([]);
  expect(ours.length).toBeGreaterThan(40);
});

describe("what it says, as openssl sees it", () => {
  const ports = EFFECTS.map(() => freePort());
  const loadedPort = freePort();
  const cachedPort = freePort();
  let gateway: Gateway;

  beforeAll(async () => {
    const servers = EFFECTS.map(({ config, listen = "ssl" }, i) => {
      const rest = config.includes("location") ? "" : "location / { return 200; }";
      return `server { listen 127.0.0.1:${ports[i]} ${listen}; ${config} ${rest} }`;
    });
    const moving = "ssl_certificate $folder/moving.crt; ssl_certificate_key $folder/moving.key;";
    gateway = await startHopway(`{main}
error_log {prefix}/error.log info;
events { }
http {
  {temp_paths}
  access_log off;
  map $server_port $folder { default ${folder}; }
  ${servers.join("\n  ")}
  server { listen 127.0.0.1:${loadedPort} ssl; ${moving} }
  server { listen 127.0.0.1:${cachedPort} ssl; ${moving} ssl_certificate_cache max=10 valid=1h inactive=1h; }
}
`);
  });

  afterAll(async () => {
    await gateway.stop();
    gateway.remove();
  });

  for (const [i, { names, config, args = [], request, sees, not }] of EFFECTS.entries()) {
    test(`${names.join(", ")}: ${config.replaceAll(folder, "")}`, async () => {
      const { text } = await sClient(ports[i]!, args, request);
      expect(text).toMatch(sees);
      if (not !== undefined) expect(text).not.toMatch(not);
    });
  }

  test("ssl_certificate_cache: files that are looked at again, and not", async () => {
    const subjects = async (): Promise<readonly (string | undefined)[]> => {
      const seen = [await sClient(loadedPort, []), await sClient(cachedPort, [])];
      return seen.map(({ text }) => /subject=CN = (\w+)/.exec(text)?.[1]);
    };
    expect(await subjects()).toEqual(["server", "server"]);
    copyFileSync(other.certificate, join(folder, "moving.crt"));
    copyFileSync(other.key, join(folder, "moving.key"));
    expect(await subjects()).toEqual(["other", "server"]);
  });
});

describe("what -t says", () => {
  const server = ({ config }: Named): string => `server {\nlisten 127.0.0.1:${freePort()} ssl; ${PAIR}\n${config}\n}\n`;
  const fails = ({ says }: Named): boolean => says.startsWith("[emerg]");

  async function check(
    name: string,
    servers: readonly Named[],
  ): Promise<Outcome & { readonly lines: readonly string[] }> {
    const conf = join(folder, `${name}.conf`);
    const text = `pid ${folder}/pid;\nevents { }\nhttp {\naccess_log off;\n${servers.map(server).join("")}}\n`;
    writeFileSync(conf, text);
    const outcome = await run(HOPWAY, ["-t", "-p", folder, "-c", conf, "-e", "error.log"], folder);
    return { ...outcome, lines: text.split("\n") };
  }

  test("warnings, each with its place", async () => {
    const warnings = NAMED.filter((named) => !fails(named));
    const { code, stderr, lines } = await check("warnings", warnings);
    expect(code).toBe(0);
    const said = stderr.split("\n");
    for (const { config, says } of warnings) {
      const place = `:${lines.indexOf(config) + 1}`;
      expect(said.filter((line) => line.includes(says) && line.endsWith(place))).toHaveLength(1);
    }
  });

  for (const [i, named] of NAMED.filter(fails).entries()) {
    test(`${named.names.join(", ")} is refused`, async () => {
      const { code, stderr } = await check(`refused-${i}`, [named]);
      expect(code).toBe(1);
      expect(stderr).toContain(named.says);
      // nginx names no place for what is wrong with a list of ciphers.
      if (!named.says.includes("SSL_CTX")) expect(stderr).toMatch(/\[emerg\] .* in \S+:7\n/);
    });
  }
});
