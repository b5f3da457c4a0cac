import { describe, expect, test } from "bun:test";
import { hidesShortPages, isOldExplorer, isSafari } from "./browser.ts";

describe("browsers by their User-Agent", () => {
  const cases: readonly (readonly [agent: string, old: boolean, safari: boolean, hides: boolean])[] = [
    ["", false, false, false],
    ["Mozilla/4.0 (compatible; MSIE 4.01; Windows 98)", true, false, true],
    ["Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)", true, false, true],
    ["Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)", false, false, true],
    ["Mozilla/4.0 (compatible; MSIE 5.0; SV1)", true, false, true],
    ["Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.0)", false, false, true],
    ["Mozilla/4.0 (compatible; MSIE 10.0)", false, false, true],
    ["Mozilla/4.0 (compatible; MSIE 6.0) Opera 8.5", false, false, false],
    ["MSIE 6.", false, false, false],
    ["MSIE 6.0", true, false, true],
    ["Mac OS X Safari/419.3", false, true, false],
    ["Safari/419.3 Mac OS X", false, true, false],
    ["Windows Safari/419.3", false, false, false],
    ["Mac OS X Chrome/120.0 Safari/537.36", false, false, true],
    ["Mac OS X Gecko/20100101 Safari/1", false, false, false],
    ["Chrome/120.0 Gecko/20100101", false, false, false],
    ["Chrome/120.0 Opera", false, false, false],
  ];
  for (const [agent, old, safari, hides] of cases) {
    test(`"${agent}"`, () =>
      expect([isOldExplorer(agent), isSafari(agent), hidesShortPages(agent)]).toEqual([old, safari, hides]));
  }
});
