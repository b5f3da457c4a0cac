/** Header fields of one message: parallel arrays in the order in which they came. Hot: no closures, reusable. */

/** Names longer than this are not worth sharing. */
const MAX_INTERNED_LENGTH = 64;
/** Distinct spellings kept; an attacker who sends more only makes the table start afresh. */
const MAX_INTERNED_NAMES = 1024;

/** A field name as sent, with its lower-case form. */
export interface InternedName {
  readonly name: string;
  readonly key: string;
  /** The last value met: most fields come with the same value again. */
  lastValue: string;
}

/** A remembered value keeps its head alive: those of longer heads are not remembered. */
const MAX_KEPT_HEAD_LENGTH = 4096;

/** Spelling as sent -> shared strings. */
const interned = new Map<string, InternedName>();
/** Lower-case form -> the one string that all spellings share. */
const keys = new Map<string, string>();

/** Lower-cases A-Z only: bytes above 0x7f are left alone, as by ngx_strlow. */
export function asciiLowerCase(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) < 0x80) continue;
    let lower = "";
    for (let j = 0; j < text.length; j++) {
      const c = text.charCodeAt(j);
      lower += c >= 0x41 && c <= 0x5a ? String.fromCharCode(c | 0x20) : text.charAt(j);
    }
    return lower;
  }
  return text.toLowerCase();
}

/** A copy that does not keep the text alive from which `part` was cut. */
export function detached(part: string): string {
  return Buffer.from(part, "latin1").latin1Slice();
}

function learn(name: string): InternedName {
  if (name.length > MAX_INTERNED_LENGTH) return { name, key: asciiLowerCase(name), lastValue: "" };
  if (interned.size >= MAX_INTERNED_NAMES) {
    interned.clear();
    keys.clear();
  }
  const own = detached(name);
  const lower = asciiLowerCase(own);
  const known = keys.get(lower);
  if (known === undefined) keys.set(lower, lower);
  const entry = { name: own, key: known ?? lower, lastValue: "" };
  interned.set(own, entry);
  return entry;
}

/** The shared strings for a field name; equal names get the same ones as long as the bounded table holds them. */
export function internHeaderName(name: string): InternedName {
  return interned.get(name) ?? learn(name);
}

/** Direct-mapped: the names met last, found by length and three chars without cutting the name out of its head. */
const SLOTS = 512;
const slots = new Array<InternedName | undefined>(SLOTS).fill(undefined);

/**
 * The shared strings for the name text[start..end). Hot: of four ways measured, `startsWith` against a remembered name
 * was the cheapest (10 ns; a substring looked up in a Map takes 50).
 */
export function internHeaderNameAt(text: string, start: number, end: number): InternedName {
  const length = end - start;
  const middle = text.charCodeAt(start + (length >> 1));
  const mixed = (length * 31 + text.charCodeAt(start)) * 31 + text.charCodeAt(end - 1) * 7 + middle;
  const slot = mixed & (SLOTS - 1);
  const known = slots[slot];
  if (known !== undefined && known.name.length === length && text.startsWith(known.name, start)) return known;
  const entry = internHeaderName(text.substring(start, end));
  if (length <= MAX_INTERNED_LENGTH) slots[slot] = entry;
  return entry;
}

/**
 * The value text[start..end) of a field. Hot: comparing it with the last one is cheaper than cutting a string and having
 * it collected.
 */
export function fieldValueAt(field: InternedName, text: string, start: number, end: number): string {
  const { lastValue } = field;
  const length = end - start;
  if (lastValue.length === length && text.startsWith(lastValue, start)) return lastValue;
  const value = text.substring(start, end);
  if (text.length <= MAX_KEPT_HEAD_LENGTH) field.lastValue = value;
  return value;
}

/** Lists kept for reuse: three new arrays per list cost more than parsing a usual head. */
const MAX_SPARE_LISTS = 1024;
/** A list that has held more fields is not kept. */
const MAX_SPARE_FIELDS = 64;
const spareLists: HeaderList[] = [];

/** Names and keys of a list of fields. */
interface Shape {
  readonly names: string[];
  readonly keys: string[];
}

/** Shapes of packed lists: clients of one kind send the same fields in the same order. */
const shapes = new Map<string, Shape>();
/** More only make the table start afresh. */
const MAX_SHAPES = 256;
/** The shapes met last, by number of fields. */
const lastShapes: (Shape | undefined)[] = [];

function shapeOf(list: HeaderList): Shape {
  const { count } = list;
  const last = lastShapes[count];
  if (last !== undefined && startsWith(list.names, last.names)) return last;
  const shape = findShape(list);
  if (count <= MAX_SPARE_FIELDS) lastShapes[count] = shape;
  return shape;
}

function startsWith(names: readonly string[], shape: readonly string[]): boolean {
  for (let i = 0; i < shape.length; i++) if (names[i] !== shape[i]) return false;
  return true;
}

function findShape({ names, keys, count }: HeaderList): Shape {
  const own = names.slice(0, count);
  const line = own.join("\n");
  const known = shapes.get(line);
  if (known !== undefined) return known;
  if (shapes.size === MAX_SHAPES) shapes.clear();
  const shape = { names: own, keys: keys.slice(0, count) };
  shapes.set(line, shape);
  return shape;
}

/** The fields of a request or response. `names[i]`, `keys[i]` and `values[i]` belong together for i < `count`. */
export class HeaderList {
  count: number;
  /** As sent. */
  names: string[];
  /** Lower case, interned. */
  keys: string[];
  values: string[];
  /** Shares names and keys with others: is never changed or reused. */
  private readonly packed: boolean;

  constructor(names: string[] = [], keys: string[] = [], values: string[] = [], packed = false) {
    this.names = names;
    this.keys = keys;
    this.values = values;
    this.count = values.length;
    this.packed = packed;
  }

  /** An empty list; give it back with `release`. */
  static take(): HeaderList {
    return spareLists.pop() ?? new HeaderList();
  }

  /** The list is not used any more, by anybody. */
  release(): void {
    if (this.packed || spareLists.length === MAX_SPARE_LISTS || this.names.length > MAX_SPARE_FIELDS) return;
    this.clear();
    spareLists.push(this);
  }

  /** The same fields in little memory, not to be changed any more, for a request that lasts; this list is released. */
  pack(): HeaderList {
    if (this.packed) return this;
    const { names, keys } = shapeOf(this);
    const list = new HeaderList(names, keys, this.values.slice(0, this.count), true);
    this.release();
    return list;
  }

  clear(): void {
    // What is left behind `count` must not keep old heads alive.
    for (let i = 0; i < this.count; i++) this.values[i] = "";
    this.count = 0;
  }

  add(name: string, value: string): void {
    const entry = internHeaderName(name);
    this.addInterned(entry.name, entry.key, value);
  }

  /** For callers that know the lower-case form already. */
  addInterned(name: string, key: string, value: string): void {
    const i = this.count++;
    this.names[i] = name;
    this.keys[i] = key;
    this.values[i] = value;
  }

  /** The first value. */
  get(key: string): string | undefined {
    const keys = this.keys;
    for (let i = 0; i < this.count; i++) {
      if (keys[i] === key) return this.values[i];
    }
    return undefined;
  }

  /** All values of a name, joined. */
  getJoined(key: string, separator: string): string | undefined {
    const keys = this.keys;
    let joined: string | undefined;
    for (let i = 0; i < this.count; i++) {
      if (keys[i] !== key) continue;
      const value = this.values[i]!;
      joined = joined === undefined ? value : joined + separator + value;
    }
    return joined;
  }

  /** All values of a name, in the order in which they came. */
  getAll(key: string): string[] {
    const found: string[] = [];
    for (let i = 0; i < this.count; i++) {
      if (this.keys[i] === key) found.push(this.values[i]!);
    }
    return found;
  }

  has(key: string): boolean {
    const keys = this.keys;
    for (let i = 0; i < this.count; i++) {
      if (keys[i] === key) return true;
    }
    return false;
  }

  /** A list of the first `count` fields. */
  first(count: number): HeaderList {
    const end = Math.min(count, this.count);
    return new HeaderList(this.names.slice(0, end), this.keys.slice(0, end), this.values.slice(0, end));
  }

  /** Keeps the first `count` fields. */
  truncate(count: number): void {
    for (let i = count; i < this.count; i++) this.values[i] = "";
    this.count = count;
  }

  /** Removes every field of that name. */
  remove(key: string): void {
    this.removeFrom(key, 0);
  }

  /** Makes `value` the only one of that name, in the place of the first; adds it where there was none. */
  set(name: string, value: string): void {
    const entry = internHeaderName(name);
    for (let i = 0; i < this.count; i++) {
      if (this.keys[i] !== entry.key) continue;
      this.names[i] = entry.name;
      this.values[i] = value;
      this.removeFrom(entry.key, i + 1);
      return;
    }
    this.addInterned(entry.name, entry.key, value);
  }

  private removeFrom(key: string, first: number): void {
    let kept = first;
    for (let i = first; i < this.count; i++) {
      if (this.keys[i] === key) continue;
      if (kept !== i) {
        this.names[kept] = this.names[i]!;
        this.keys[kept] = this.keys[i]!;
        this.values[kept] = this.values[i]!;
      }
      kept++;
    }
    this.truncate(kept);
  }
}

/** Stands where a list has been released: a late reader finds nothing. */
export const GONE_HEADERS = new HeaderList();
Object.freeze(GONE_HEADERS);
