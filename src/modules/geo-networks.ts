/** The networks of a `geo` block, looked up by the longest prefix (ngx_radix_tree.c). */
import { maskBytes, plainBytes } from "../net/cidr.ts";

/** An address as a map key: a number below 2^32 for 4 bytes, hexadecimal text for 16. */
type Key = number | string;

function keyOf(bytes: Uint8Array): Key {
  if (bytes.length === 4) return numberOf(bytes);
  let key = "";
  for (const byte of bytes) key += String.fromCharCode(byte);
  return key;
}

/** Four bytes as an unsigned number. */
export function numberOf(bytes: Uint8Array): number {
  return (((bytes[0] ?? 0) << 24) | ((bytes[1] ?? 0) << 16) | ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)) >>> 0;
}

/** The networks of one prefix length. */
interface Level<V> {
  readonly prefixBits: number;
  readonly values: Map<Key, V>;
}

/** Values by network, for both families. */
export class Networks<V> {
  /** Longest prefix first. */
  private readonly four: Level<V>[] = [];
  private readonly six: Level<V>[] = [];

  /** Sets a network's value and returns the one it had. `bytes` are masked already. */
  set(bytes: Uint8Array, prefixBits: number, value: V): V | undefined {
    const levels = bytes.length === 4 ? this.four : this.six;
    let level = levels.find((candidate) => candidate.prefixBits === prefixBits);
    if (level === undefined) {
      level = { prefixBits, values: new Map() };
      levels.push(level);
      levels.sort((a, b) => b.prefixBits - a.prefixBits);
    }
    const key = keyOf(bytes);
    const old = level.values.get(key);
    level.values.set(key, value);
    return old;
  }

  /** False where there is no such network. */
  delete(bytes: Uint8Array, prefixBits: number): boolean {
    const levels = bytes.length === 4 ? this.four : this.six;
    const level = levels.find((candidate) => candidate.prefixBits === prefixBits);
    return level?.values.delete(keyOf(bytes)) ?? false;
  }

  /** The value of the smallest network that holds the address; an IPv4-mapped one counts as IPv4. */
  find(address: Uint8Array): V | undefined {
    const bytes = plainBytes(address);
    if (bytes.length === 4) return this.findFour(numberOf(bytes));
    for (const { prefixBits, values } of this.six) {
      const value = values.get(keyOf(maskBytes(bytes, prefixBits)));
      if (value !== undefined) return value;
    }
    return undefined;
  }

  private findFour(address: number): V | undefined {
    for (const { prefixBits, values } of this.four) {
      const mask = prefixBits === 0 ? 0 : -1 << (32 - prefixBits);
      const value = values.get((address & mask) >>> 0);
      if (value !== undefined) return value;
    }
    return undefined;
  }
}
