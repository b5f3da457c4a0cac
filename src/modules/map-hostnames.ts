/** The exact and wildcard keys of `map` (ngx_hash_add_key, ngx_hash_find_combined). */
import { asciiLowerCase } from "../http/header-list.ts";

interface SuffixEntry<V> {
  readonly value: V;
  /** `.example.com`: the name itself counts too. */
  readonly self: boolean;
}

/** Keys without regard to case, and where asked for `*.example.com`, `.example.com` and `www.example.*`. */
export class MapKeys<V> {
  private readonly exact = new Map<string, V>();
  private readonly suffixes = new Map<string, SuffixEntry<V>>();
  private readonly prefixes = new Map<string, V>();
  /** Exact keys, and names that `.name` keys claim too. */
  private readonly taken = new Set<string>();

  /** False where the key is there already. */
  add(key: string, value: V): boolean {
    const lower = asciiLowerCase(key);
    if (this.taken.has(lower)) return false;
    this.taken.add(lower);
    this.exact.set(lower, value);
    return true;
  }

  /** Adds a key that may be a wildcard: "invalid" for a malformed one, "conflict" where it is there already. */
  addHostname(key: string, value: V): "added" | "invalid" | "conflict" {
    const lower = asciiLowerCase(key);
    if (lower.includes("..") || lower.includes("\0")) return "invalid";
    const stars = lower.split("*").length - 1;
    if (stars > 1) return "invalid";
    if (lower.length > 1 && lower.startsWith(".")) return this.addSuffix(lower.slice(1), value, true);
    if (lower.length > 2 && lower.startsWith("*.")) return this.addSuffix(lower.slice(2), value, false);
    if (lower.length > 2 && lower.endsWith(".*")) {
      const prefix = lower.slice(0, -2);
      if (this.prefixes.has(prefix)) return "conflict";
      this.prefixes.set(prefix, value);
      return "added";
    }
    if (stars > 0) return "invalid";
    return this.add(lower, value) ? "added" : "conflict";
  }

  private addSuffix(suffix: string, value: V, self: boolean): "added" | "conflict" {
    if (this.suffixes.has(suffix) || (self && this.taken.has(suffix))) return "conflict";
    if (self) this.taken.add(suffix);
    this.suffixes.set(suffix, { value, self });
    return "added";
  }

  /** The exact key, else the longest wildcard at the front, else the longest one at the end. */
  find(name: string): V | undefined {
    const lower = asciiLowerCase(name);
    const exact = this.exact.get(lower);
    if (exact !== undefined) return exact;
    if (this.suffixes.size > 0) {
      const value = this.findSuffix(lower);
      if (value !== undefined) return value;
    }
    return this.prefixes.size > 0 ? this.findPrefix(lower) : undefined;
  }

  private findSuffix(name: string): V | undefined {
    const whole = this.suffixes.get(name);
    if (whole?.self) return whole.value;
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      const entry = this.suffixes.get(name.slice(dot + 1));
      if (entry !== undefined) return entry.value;
    }
    return undefined;
  }

  private findPrefix(name: string): V | undefined {
    for (let dot = name.lastIndexOf("."); dot > 0; dot = name.lastIndexOf(".", dot - 1)) {
      const value = this.prefixes.get(name.slice(0, dot));
      if (value !== undefined) return value;
    }
    return undefined;
  }
}
