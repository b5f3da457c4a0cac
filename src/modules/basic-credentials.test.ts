import { describe, expect, test } from "bun:test";
import { basicCredentials } from "./basic-credentials.ts";

const joe = { user: "joe", password: "secret" };

const FIELDS: readonly (readonly [field: string, credentials: ReturnType<typeof basicCredentials>])[] = [
  ["Basic am9lOnNlY3JldA==", joe],
  ["basic  am9lOnNlY3JldA", joe],
  ["Basic am9lOg==", { user: "joe", password: "" }],
  ["Basic am9lOmE6Yg==", { user: "joe", password: "a:b" }],
  ["Basic am9l", undefined],
  ["Basic OnNlY3JldA==", undefined],
  ["Basic am9lOnNlY3JldA==junk", joe],
  ["Basic am9l!", undefined],
  ["Basic ", undefined],
  ["Basic", undefined],
  ["Bearer am9lOnNlY3JldA==", undefined],
];

describe("basicCredentials", () => {
  for (const [field, credentials] of FIELDS) test(field, () => expect(basicCredentials(field)).toEqual(credentials));
});
