/** The `set` directive (ngx_http_rewrite_set). */
import { ConfigFault, type DirectiveSite } from "../config/directive.ts";
import type { Location } from "../http/location.ts";
import { WARN } from "../net/error-log.ts";
import { variables } from "../template/variables.ts";
import { compileValue, NEXT, type Step } from "./rewrite-program.ts";

/** Compiles `set $name value`. `warns` tells whether uninitialized_variable_warn holds at a level. */
export function compileSet(site: DirectiveSite, warns: (level: Location) => boolean): Step | ConfigFault {
  const [target = "", text = ""] = site.statement.args;
  if (!target.startsWith("$") || target.length === 1) return new ConfigFault(`invalid variable name "${target}"`);
  const name = target.slice(1).toLowerCase();
  const registry = variables(site.load);
  const known = registry.find(name);
  const slot = known?.set === undefined ? registry.namedSlot(name) : -1;
  if (known === undefined) {
    registry.define({
      name,
      get(r) {
        const value = r.slot(slot);
        if (value !== undefined) return value;
        if (warns(r.location)) r.log(WARN, `using uninitialized "${name}" variable`);
        r.setSlot(slot, "");
        return "";
      },
    });
  } else if (!known.changeable) {
    return new ConfigFault(`the duplicate "${name}" variable`);
  }
  const value = compileValue(text, site);
  if (value instanceof ConfigFault) return value;
  const assign = known?.set;
  if (assign !== undefined) {
    return (r) => {
      assign(r, value(r));
      return NEXT;
    };
  }
  return (r) => {
    r.setSlot(slot, value(r));
    return NEXT;
  };
}
