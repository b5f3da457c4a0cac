import { describe, expect, test } from "bun:test";
import { basicUser } from "./variables-request.ts";
import { secondsText } from "./variables-time.ts";

const credentials: readonly (readonly [field: string, user: string | undefined])[] = [
  ["Basic am9lOnNlY3JldA==", "joe"],
  ["basic  am9lOnNlY3JldA", "joe"],
  ["Basic am9lOg==", "joe"],
  ["Basic am9l", undefined],
  ["Basic OnNlY3JldA==", undefined],
  ["Basic am9lOnNlY3JldA==junk", "joe"],
  ["Basic am9l!", undefined],
  ["Basic ", undefined],
  ["Basic", undefined],
  ["Bearer am9lOnNlY3JldA==", undefined],
];

describe("basicUser", () => {
  for (const [field, user] of credentials) test(field, () => expect(basicUser(field)).toBe(user));
});

const times: readonly (readonly [ms: number, text: string])[] = [
  [0, "0.000"],
  [-5, "0.000"],
  [7.9, "0.007"],
  [42, "0.042"],
  [999.99, "0.999"],
  [1000, "1.000"],
  [1_795_000_000_123, "1795000000.123"],
];

describe("secondsText", () => {
  for (const [ms, text] of times) test(text, () => expect(secondsText(ms)).toBe(text));
});
