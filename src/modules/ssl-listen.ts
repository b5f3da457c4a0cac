/** `listen ... ssl` and the certificates of the servers behind it (ngx_http_ssl_init). */
import type { Scope } from "../config/directive.ts";
import { sslModule } from "./ssl.ts";

/** What is wrong where TLS is listened for: the default server, or with ssl_reject_handshake all others, need one. */
export function missingCertificate(defaultServer: Scope, servers: readonly Scope[]): string | undefined {
  const own = sslModule.of(defaultServer);
  if (own.certificates !== undefined) return undefined;
  if (!own.rejectHandshake) return notDefined(defaultServer);
  const without = servers.find((scope) => {
    const { certificates, rejectHandshake } = sslModule.of(scope);
    return certificates === undefined && !rejectHandshake;
  });
  return without === undefined ? undefined : notDefined(without);
}

function notDefined({ statement }: Scope): string {
  const where = `${statement?.file}:${statement?.line}`;
  return `no "ssl_certificate" is defined for the "listen ... ssl" directive in ${where}`;
}
