/** The certificates that TLS cases name, made once for a run of the tests. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeCertificate, makeRevocationList, openssl } from "../harness/certificates.ts";
import { makeTempDir } from "../harness/temp-dir.ts";

let folder: string | undefined;

/** `{certs}`: authorities, servers, clients, each as NAME.crt and NAME.key; lists of revoked ones as NAME.crl. */
export function certificatesFolder(): string {
  folder ??= make();
  return folder;
}

function make(): string {
  const path = makeTempDir();
  const authority = makeCertificate(path, "authority", { authority: true, subject: "/C=DE/O=Test, Inc./CN=Authority" });
  const other = makeCertificate(path, "other", { authority: true });
  const middle = makeCertificate(path, "middle", { authority: true, issuer: authority });
  const lower = makeCertificate(path, "lower", { authority: true, issuer: middle });
  const names = ["test", "*.wild.test", "127.0.0.1"];
  makeCertificate(path, "server", { issuer: authority, names });
  makeCertificate(path, "server-rsa", { issuer: authority, names, rsa: true });
  makeCertificate(path, "client", {
    issuer: authority,
    subject:
      '/C=DE/ST=Some \\+ where/O=A\\, B <C>; "D"/OU=x/OU=y/emailAddress=a@b.test/serialNumber=12/CN=#Jos\xc3\xa9 ',
  });
  const revoked = makeCertificate(path, "revoked", { issuer: authority });
  makeCertificate(path, "stranger", { issuer: other });
  makeCertificate(path, "alone");
  const deep = makeCertificate(path, "deep", { issuer: lower });
  const deeper = [deep, lower, middle].map(({ certificate }) => openssl("x509", "-in", certificate)).join("");
  writeFileSync(deep.certificate, deeper);
  makeRevocationList(path, "authority", authority, [revoked]);
  writeFileSync(join(path, "not-a-certificate.crt"), "hello\n");
  return path;
}
