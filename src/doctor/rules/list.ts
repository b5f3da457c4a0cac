/** All rules, the most frequent and most certain causes first: of findings of one severity, the first is shown first. */
import type { Rule } from "../finding.ts";
import { answerFieldsHidden, refererRequired } from "./answer-fields.ts";
import { ipHashBehindProxy, limitByBalancer } from "./behind-proxy.ts";
import { connectionHardCoded, mapWithoutEmpty, upgradeHardCoded } from "./connection-value.ts";
import { handshakeAnswered } from "./handshake-answered.ts";
import { accessLogOff, refusalHidden } from "./hidden.ts";
import { forwardedMissing, hostNotPassed } from "./host.ts";
import { httpVersion } from "./http-version.ts";
import { http2Only } from "./http2-only.ts";
import { httpsLacks } from "./https-lacks.ts";
import { ifWithProxy } from "./if-with-proxy.ts";
import { addHeaderLost, headersLost } from "./inheritance.ts";
import { keepaliveUnused } from "./keepalive.ts";
import { limitTooLow } from "./limits.ts";
import { lineRefused } from "./line-refused.ts";
import { resolverMissing, syntaxError } from "./loading.ts";
import { localhostUpstream } from "./localhost.ts";
import { foreignHost, schemePort, upstreamSni } from "./other-site.ts";
import { colonInField, pastedCharacters } from "./pasted.ts";
import { pathEaten, slashDoubled, slashRedirect } from "./path.ts";
import { pollingBody, pollingCached, pollingRefused } from "./polling.ts";
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
  pastedCharacters,
  colonInField,
  lineRefused,
  unknownDirective,
  unknownVariable,
  pathNotProxied,
  http2Only,
  proxyLoop,
  locationUnreachable,
  tryFilesSwallows,
  httpsLacks,
  headersLost,
  upgradeNotPassed,
  connectionNotPassed,
  upgradeNotSet,
  handshakeFieldsDropped,
  answerFieldsHidden,
  refererRequired,
  upgradeHardCoded,
  httpVersion,
  foreignHost,
  upstreamSni,
  pathEaten,
  slashDoubled,
  timeoutZero,
  schemePort,
  noStickiness,
  timeoutBelowPing,
  resolverMissing,
  sslOn,
  weakTls,
  refusalHidden,
  clientLibrary,
  ipHashBehindProxy,
  limitByBalancer,
  limitTooLow,
  pollingRefused,
  pollingCached,
  pollingBody,
  mapWithoutEmpty,
  ifWithProxy,
  handshakeAnswered,
  readTimeoutShort,
  connectionHardCoded,
  hostNotPassed,
  localhostUpstream,
  slashRedirect,
  connectTimeoutLong,
  accessLogOff,
  keepaliveUnused,
  withoutEffect,
  forwardedMissing,
  addHeaderLost,
  noLimit,
  noOriginCheck,
];
