/** `proxy_bind` and its like: where connections to the upstream come from (ngx_http_upstream_get_local). */
import type { Request } from "../http/request.ts";
import { inetAddress, normalIP, systemAddress } from "../net/address.ts";
import type { UpstreamSettings } from "./upstream-settings.ts";

/** The address as the configuration and the request's variables give it; "" for none. */
export function localAddressText(r: Request, settings: UpstreamSettings): string {
  const { localAddress } = settings;
  return localAddress === undefined || localAddress === "off" ? "" : localAddress.evaluate(r);
}

/** The same in the system's form; undefined where the system chooses, as it does (logged) instead of what is no address. */
export function localAddress(r: Request, settings: UpstreamSettings): Uint8Array | undefined {
  const text = localAddressText(r, settings);
  if (text === "") return undefined;
  const ip = normalIP(text);
  if (ip !== undefined) return systemAddress(inetAddress(ip, 0));
  r.logError(`invalid local address "${text}"`);
  return undefined;
}
