/** All rules, the most frequent and most certain causes first: of findings of one severity, the first is shown first. */
import type { Rule } from "../finding.ts";
import { ipHashBehindProxy, limitByBalancer } from "./behind-proxy.ts";
import { connectionHardCoded, mapWithoutEmpty } from "./connection-value.ts";
import { accessLogOff, refusalHidden } from "./hidden.ts";
import { forwardedMissing, hostNotPassed } from "./host.ts";
import { httpVersion } from "./http-version.ts";
import { http2Only } from "./http2-only.ts";
import { ifWithProxy } from "./if-with-proxy.ts";
import { addHeaderLost, headersLost } from "./inheritance.ts";
import { lineRefused, resolverMissing, syntaxError } from "./loading.ts";
import { pathEaten, slashDoubled, slashRedirect } from "./path.ts";
import { noLimit, noOriginCheck } from "./protection.ts";
import { proxyLoop } from "./proxy-loop.ts";
import { unknownDirective, unknownVariable } from "./spelling.ts";
import { noStickiness } from "./stickiness.ts";
import { connectTimeoutLong, readTimeoutShort, timeoutBelowPing, timeoutZero } from "./timeouts.ts";
import { sslOn, weakTls } from "./tls.ts";
import { clientLibrary, locationUnreachable, pathNotProxied, tryFilesSwallows } from "./unreachable.ts";
import { connectionNotPassed, handshakeFieldsDropped, upgradeNotPassed, upgradeNotSet } from "./upgrade-headers.ts";
import { withoutEffect } from "./without-effect.ts";

export const rules: readonly Rule[] = [
  syntaxError,
  lineRefused,
  unknownDirective,
  unknownVariable,
  pathNotProxied,
  http2Only,
  proxyLoop,
  locationUnreachable,
  tryFilesSwallows,
  headersLost,
  upgradeNotPassed,
  connectionNotPassed,
  upgradeNotSet,
  handshakeFieldsDropped,
  httpVersion,
  pathEaten,
  slashDoubled,
  timeoutZero,
  noStickiness,
  timeoutBelowPing,
  resolverMissing,
  sslOn,
  weakTls,
  refusalHidden,
  clientLibrary,
  ipHashBehindProxy,
  limitByBalancer,
  mapWithoutEmpty,
  ifWithProxy,
  connectionHardCoded,
  hostNotPassed,
  readTimeoutShort,
  slashRedirect,
  connectTimeoutLong,
  accessLogOff,
  withoutEffect,
  forwardedMissing,
  addHeaderLost,
  noLimit,
  noOriginCheck,
];
