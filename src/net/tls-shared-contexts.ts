/** Contexts made once for all who say the same, in one configuration and the next: sessions outlive a reload so. */
import { createHash } from "node:crypto";
import { ConfigFault } from "../config/directive.ts";
import { type LoadContext, perLoad } from "../config/load-context.ts";
import { makeTlsContext, type TlsContext, TlsContextFault, type TlsContextOptions } from "./tls-context.ts";

/** Contexts of the running configuration by what they were made of. */
let lasting: ReadonlyMap<string, TlsContext> = new Map();
const made = perLoad<Map<string, TlsContext>>(() => new Map());

/** Names options without keeping the keys that they hold. */
export function contextKey(options: TlsContextOptions): string {
  return createHash("sha256").update(JSON.stringify(options)).digest("base64");
}

/** The context for these options, one for all that have the same. */
export function sharedContext(options: TlsContextOptions, load: LoadContext): TlsContext | ConfigFault {
  const contexts = made(load);
  const key = contextKey(options);
  const known = contexts.get(key) ?? lasting.get(key);
  if (known !== undefined) {
    contexts.set(key, known);
    return known;
  }
  const context = makeTlsContext(options);
  if (context instanceof TlsContextFault) return new ConfigFault(`SSL_CTX_new() failed (SSL: ${context.message})`);
  contexts.set(key, context);
  return context;
}

/** A configuration is good: the contexts of the one before, which it does not have, may go. */
export function keepContexts(load: LoadContext): void {
  lasting = made(load);
}
