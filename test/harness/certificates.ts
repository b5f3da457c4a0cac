/** Certificates made with openssl when a test runs. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** PEM files of a certificate and its key. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** How a certificate is to be. */
export interface CertificateWishes {
  /** As `/C=DE/CN=name`; default `/CN=<name>`. */
  readonly subject?: string;
  readonly rsa?: boolean;
  /** DNS names, and IP literals. */
  readonly names?: readonly string[];
  /** Who signs; itself where left out. */
  readonly issuer?: CertificateFiles;
  readonly authority?: boolean;
  readonly days?: number;
}

/** Tests that need certificates are skipped where there is no openssl: `scripts/test.mjs` leaves out such files of `test/`. */
export const hasOpenssl = Bun.which("openssl") !== null;

/** Runs openssl and returns what it wrote; throws with what it complained about. */
export function openssl(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("openssl", args, { encoding: "latin1" });
  if (status !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Makes `<name>.crt` and `<name>.key` in a folder. */
export function makeCertificate(folder: string, name: string, wishes: CertificateWishes = {}): CertificateFiles {
  const certificate = join(folder, `${name}.crt`);
  const key = join(folder, `${name}.key`);
  const { subject = `/CN=${name}`, rsa = false, names = [], issuer, authority = false, days = 30 } = wishes;
  const alternatives = names.map((text) => (/^[0-9.]+$|:/.test(text) ? `IP:${text}` : `DNS:${text}`));
  openssl(
    ...["req", "-x509", "-nodes", "-days", String(days), "-subj", subject, "-keyout", key, "-out", certificate],
    ...(rsa ? ["-newkey", "rsa:2048"] : ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]),
    ...(issuer === undefined ? [] : ["-CA", issuer.certificate, "-CAkey", issuer.key]),
    ...["-addext", `basicConstraints=critical,CA:${authority ? "TRUE" : "FALSE"}`],
    ...(authority ? ["-addext", "keyUsage=critical,keyCertSign,cRLSign"] : []),
    ...(alternatives.length > 0 ? ["-addext", `subjectAltName=${alternatives.join(",")}`] : []),
  );
  // Workers of a gateway started by root may run as another user; these secrets are worth nothing.
  chmodSync(key, 0o644);
  return { certificate, key };
}

/** Makes `<name>.crl`, an authority's list of certificates that it has revoked. */
export function makeRevocationList(
  folder: string,
  name: string,
  authority: CertificateFiles,
  revoked: readonly CertificateFiles[],
): string {
  const path = join(folder, `${name}.crl`);
  const books = join(folder, `${name}-books`);
  mkdirSync(books);
  writeFileSync(join(books, "index.txt"), "");
  writeFileSync(join(books, "number"), "01\n");
  const config = join(books, "ca.conf");
  writeFileSync(
    config,
    `[ca]\ndefault_ca = this\n[this]\ndatabase = ${books}/index.txt\ncrlnumber = ${books}/number\n` +
      `default_md = sha256\ndefault_crl_days = 30\n`,
  );
  const common = ["-config", config, "-cert", authority.certificate, "-keyfile", authority.key];
  for (const { certificate } of revoked) openssl("ca", ...common, "-revoke", certificate);
  openssl("ca", ...common, "-gencrl", "-out", path);
  return path;
}
