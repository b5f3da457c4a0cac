/** Certificates whose names hold variables: loaded in the handshake (ngx_http_ssl_certificate). */
import type { Connection } from "../http/connection.ts";
import { HeaderList } from "../http/header-list.ts";
import type { Server } from "../http/location.ts";
import { Request } from "../http/request.ts";
import type { TlsIdentity } from "../http/server-tls.ts";
import type { TlsContext } from "../net/tls-context.ts";
import type { LoadedContexts } from "../net/tls-loaded-contexts.ts";
import type { Template } from "../template/template.ts";

/** A certificate and its key, as named in the configuration. */
export interface CertificateTemplates {
  readonly certificate: Template;
  readonly key: Template;
}

export class VariableIdentity implements TlsIdentity {
  private readonly templates: readonly CertificateTemplates[];
  private readonly contexts: LoadedContexts;

  constructor(templates: readonly CertificateTemplates[], contexts: LoadedContexts) {
    this.templates = templates;
    this.contexts = contexts;
  }

  /** There is no request yet: variables see one that nobody has made. */
  context(connection: Connection, server: Server): TlsContext | string {
    const headers = HeaderList.take();
    const r = new Request(connection, server, headers);
    const names = this.templates.map(({ certificate, key }) => ({
      certificate: certificate.evaluate(r),
      key: key.evaluate(r),
    }));
    headers.release();
    return this.contexts.context(names);
  }
}
