/** The modules that hopway is made of: the only place that names them all. Handlers and filters run in this order. */
import type { AnyModule } from "../config/any-module.ts";
import { levelCounters } from "../metrics/level-counters.ts";
import { proxyModule } from "../proxy/module.ts";
import { scgiModule } from "../proxy/scgi.ts";
import { uwsgiModule } from "../proxy/uwsgi.ts";
import { upstreamModule } from "../upstream/module.ts";
import { resolverModule } from "../upstream/resolver-module.ts";
import { webSocketModule } from "../websocket/module.ts";
import { absentModules } from "./absent-modules.ts";
import { accessModule } from "./access.ts";
import { apiModule } from "./api.ts";
import { authBasic } from "./auth-basic.ts";
import { authRequest } from "./auth-request.ts";
import { charsetModule } from "./charset.ts";
import { dashboardModule } from "./dashboard.ts";
import { geo } from "./geo.ts";
import { gzipModule } from "./gzip.ts";
import { gzipStaticModule } from "./gzip-static.ts";
import { headersModule } from "./headers.ts";
import { httpCore } from "./http-core.ts";
import { http2Module } from "./http2.ts";
import { indexModule } from "./index.ts";
import { limitConn } from "./limit-conn.ts";
import { limitReq } from "./limit-req.ts";
import { logModule } from "./log.ts";
import { map } from "./map.ts";
import { metricsModule } from "./metrics.ts";
import { metricsRows } from "./metrics-rows.ts";
import { notModifiedModule } from "./not-modified.ts";
import { otel } from "./otel.ts";
import { coreModule } from "./process-core.ts";
import { rangeModule } from "./range.ts";
import { realip } from "./realip.ts";
import { rewrite } from "./rewrite.ts";
import { splitClients } from "./split-clients.ts";
import { sslModule } from "./ssl.ts";
import { staticModule } from "./static.ts";
import { stubStatus } from "./stub-status.ts";
import { tryFilesModule } from "./try-files.ts";
import { coreVariables } from "./variables-core.ts";

/** `httpCore` stands last: it compiles what all the others have set up. */
export const modules: readonly AnyModule[] = [
  coreModule,
  coreVariables,
  levelCounters,
  map,
  geo,
  splitClients,
  rewrite,
  realip,
  webSocketModule,
  limitReq,
  limitConn,
  accessModule,
  authBasic,
  authRequest,
  tryFilesModule,
  upstreamModule,
  resolverModule,
  proxyModule,
  uwsgiModule,
  scgiModule,
  metricsRows,
  indexModule,
  gzipStaticModule,
  staticModule,
  notModifiedModule,
  headersModule,
  charsetModule,
  gzipModule,
  rangeModule,
  stubStatus,
  metricsModule,
  apiModule,
  dashboardModule,
  logModule,
  otel,
  absentModules,
  sslModule,
  http2Module,
  httpCore,
];
