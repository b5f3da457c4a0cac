/** Passwords in every stored form; those of crypt(3) were made by this system's own. */
import { describe, expect, test } from "bun:test";
import { apacheMd5 } from "./md5-crypt.ts";
import { verifyPassword } from "./password.ts";

const STORED: readonly (readonly [password: string, stored: string])[] = [
  ["secret", "{PLAIN}secret"],
  ["secret", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="],
  ["secret", "{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0"],
  ["secret", "{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ="],
  ["secret", "$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/"],
  ["secret", "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1"],
  ["secret", "$5$abc$qsg6EHbUzHQzF1POlD7zUwBINSELQxypPaeDcZe6vH0"],
  ["secret", "$6$abc$IdWKNKTJEb8LxY7CGg8YBXlvtfZzFw7Mp/r6niK9YB2mdvgY..TKjv1T..8RadRt2qvUHYRLr/TsVArtr91iR1"],
  ["secret", "$2a$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"],
  ["secret", "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"],
  ["secret", "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"],
  ["secret", "abNANd1rDfiNc"],
];

describe("verifyPassword", () => {
  for (const [password, stored] of STORED) {
    test(stored, async () => {
      expect(await verifyPassword(password, stored)).toBe(true);
      // What follows a NUL is not seen, as by nginx.
      expect(await verifyPassword(`${password}\0more`, stored)).toBe(true);
      for (const wrong of ["", "Secret", "secre", "secret "]) expect(await verifyPassword(wrong, stored)).toBe(false);
    });
  }

  test("what is no stored form is no password", async () => {
    for (const stored of ["", "secret", "*0", "$2y$05$short", "$9$abc$def", "{SSHA}", "{SHA}"]) {
      for (const password of ["", "secret"]) expect(await verifyPassword(password, stored)).toBe(false);
    }
  });

  test("many at once get their own answers", async () => {
    const [, stored] = STORED[4]!;
    const answers = Array.from({ length: 20 }, (_, i) => verifyPassword(i % 3 === 0 ? "secret" : `wrong ${i}`, stored));
    expect(await Promise.all(answers)).toEqual(answers.map((_, i) => i % 3 === 0));
  });
});

const APACHE: readonly (readonly [password: string, stored: string])[] = [
  ["", "$apr1$abcdefgh$L.PT565ESX4Tp2bqNs7Ie."],
  ["a".repeat(17), "$apr1$abcdefgh$EPr4LBSJUu2tztitBVktz1"],
  ["longer than sixteen bytes, and than thirty-two also", "$apr1$abcdefgh$xxvfiQDMl1rGAkw0cmEFN0"],
];

describe("apacheMd5, as openssl passwd -apr1", () => {
  for (const [password, stored] of APACHE)
    test(`"${password}"`, () => expect(apacheMd5(password, stored)).toBe(stored));
});
