/** The modules that hopway is made of: the only place that names them all. Handlers and filters run in this order. */
import type { AnyModule } from "../config/any-module.ts";
import { coreModule } from "../process/core-module.ts";
import { proxyModule } from "../proxy/module.ts";
import { upstreamModule } from "../upstream/module.ts";
import { resolverModule } from "../upstream/resolver-module.ts";
import { httpCore } from "./http-core.ts";
import { notModifiedModule } from "./not-modified.ts";
import { rangeModule } from "./range.ts";
import { rewrite } from "./rewrite.ts";
import { staticModule } from "./static.ts";

/** `httpCore` stands last: it compiles what all the others have set up. */
export const modules: readonly AnyModule[] = [
  coreModule,
  rewrite,
  upstreamModule,
  resolverModule,
  proxyModule,
  staticModule,
  notModifiedModule,
  rangeModule,
  httpCore,
];
