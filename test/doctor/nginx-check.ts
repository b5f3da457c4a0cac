/** Whether real nginx takes a configuration, with what this machine lacks replaced: names, certificates, ports, folders. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeCertificate } from "../harness/certificates.ts";
import { findNginx } from "../harness/gateway.ts";
import { freePort } from "../harness/ports.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";

export interface NginxCheck {
  /** What `nginx -t` says, "" if it is content. */
  says(text: string): string;
  remove(): void;
}

/** Undefined where there is no nginx. */
export function nginxCheck(): NginxCheck | undefined {
  const nginx = findNginx();
  if (nginx === undefined) return undefined;
  const folder = makeTempDir();
  mkdirSync(join(folder, "logs"));
  const { certificate, key } = makeCertificate(folder, "example.com");

  /** Hosts that are no block of the configuration are this machine. */
  const here = (text: string): string => {
    const blocks = new Set([...text.matchAll(/\bupstream\s+(\S+)/g)].map(([, name]) => name));
    return text.replace(
      /(\bserver\s+|\bproxy_pass\s+https?:\/\/)(?!unix:)([\w.-]*[a-z][\w.-]*)(?=[:/;\s])/gi,
      (all, before, host) => (blocks.has(host) ? all : `${before}127.0.0.1`),
    );
  };
  return {
    says(text) {
      const ports = new Map<string, number>();
      const movable = here(text)
        .replace(/(\blisten\s+)(\d+)/g, (_, before: string, port: string) => {
          if (!ports.has(port)) ports.set(port, freePort());
          return `${before}127.0.0.1:${ports.get(port)}`;
        })
        .replace(/(\bssl_certificate\s+)[^;]+/g, `$1${certificate}`)
        .replace(/(\bssl_certificate_key\s+)[^;]+/g, `$1${key}`)
        .replace(/(\bproxy_cache_path\s+)\S+/g, `$1${folder}/cache`);
      const conf = join(folder, "nginx.conf");
      writeFileSync(conf, `pid ${folder}/nginx.pid;\nerror_log ${folder}/logs/error.log;\n${movable}`, "latin1");
      const { status, stderr } = spawnSync(nginx, ["-t", "-q", "-p", folder, "-c", conf], { encoding: "latin1" });
      return status === 0 ? "" : stderr;
    },
    remove: () => removeTempDir(folder),
  };
}
