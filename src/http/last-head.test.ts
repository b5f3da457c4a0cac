import { expect, test } from "bun:test";
import { fuzzSeed, seededRandom } from "./fuzz-input.ts";
import { LastHead } from "./last-head.ts";
import type { Request } from "./request.ts";
import { ResponseHead } from "./response.ts";

test("a head is found where all that it is made of is the same, and only there", () => {
  const random = seededRandom(fuzzSeed());
  const pick = <T>(...from: readonly T[]): T => from[random(from.length)]!;
  const last = new LastHead();
  let known = "";
  let hits = 0;
  for (let i = 0; i < 20_000; i++) {
    const out = new ResponseHead();
    const rarely = random(8) === 0;
    out.madeAtMs = rarely ? 5000 : 1000 + random(999);
    if (rarely) {
      out.contentType = pick("a/b", "c/d", undefined);
      out.charset = pick("utf-8", undefined);
      out.contentLength = pick(-1, 0, 7);
      out.lastModifiedSeconds = pick(-1, 7);
      out.lastModifiedText = pick("then", undefined);
      out.varyEncoding = pick(true, false);
      out.server = pick("own", "", undefined);
      out.date = pick("", undefined);
    }
    for (let n = random(3); n > 0; n--) out.list.add(pick("A", "a", "B"), pick("1", "2"));
    const { names, values, count } = out.list;
    const r = { out, keepAlive: pick(true, false), chunkedOut: rarely };
    const status = pick("200 OK", "200 Fine");
    const key = JSON.stringify([
      status,
      Math.floor(out.madeAtMs / 1000),
      [out.contentTypeText, out.contentLength, out.lastModifiedSeconds, out.lastModifiedText === undefined],
      [out.varyEncoding, out.server === undefined, out.date === undefined, r.keepAlive, r.chunkedOut],
      names.slice(0, count),
      values.slice(0, count),
    ]);
    const found = last.find(r as unknown as Request, status);
    expect(found).toBe(key === known ? key : undefined);
    if (found !== undefined) hits++;
    else last.keep(key, count);
    known = key;
    out.release();
  }
  expect(hits).toBeGreaterThan(10);
});

test("a long head is not kept", () => {
  const last = new LastHead();
  const r = { out: new ResponseHead(), keepAlive: true, chunkedOut: false } as unknown as Request;
  for (let i = 0; i < 2; i++) {
    expect(last.find(r, "200 OK")).toBeUndefined();
    last.keep("x".repeat(5000), 0);
  }
});
