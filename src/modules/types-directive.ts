/** The `types` block (ngx_http_core_types). */
import type { ConfigFault, DirectiveSite } from "../config/directive.ts";
import { asciiLowerCase } from "../http/header-list.ts";
import type { CoreSettings } from "../http/settings.ts";

/** Each entry is a content type and the extensions it stands for. */
export function applyTypes(own: CoreSettings, site: DirectiveSite): ConfigFault | undefined {
  const types = new Map(own.types ?? []);
  for (const entry of site.statement.block ?? []) {
    for (const extension of entry.args) {
      const key = asciiLowerCase(extension);
      const before = types.get(key);
      if (before !== undefined) {
        site.load.warn(
          entry,
          `duplicate extension "${key}", content type: "${entry.name}", previous content type: "${before}"`,
        );
      }
      types.set(key, entry.name);
    }
  }
  own.types = types;
  return undefined;
}
