/** Users in files that are read in pieces, cut at every byte. */
import { expect, test } from "bun:test";
import { findPassword, PasswordSearch } from "./password-file.ts";

const FILE = Buffer.from("# joe:comment\n\njoe2:other\njo:prefix\njoe:{PLAIN}a:more\r\nwin:x\r\nlast:y", "latin1");

const USERS: readonly (readonly [user: string, password: string | undefined])[] = [
  ["joe", "{PLAIN}a"],
  ["joe2", "other"],
  ["jo", "prefix"],
  ["win", "x"],
  ["last", "y"],
  ["las", undefined],
  ["# joe", undefined],
  ["more", undefined],
  ["", undefined],
];

for (const [user, password] of USERS) {
  test(`"${user}", wherever the file is cut`, () => {
    for (let cut = 0; cut <= FILE.length; cut++) {
      const search = new PasswordSearch(user);
      if (!search.feed(FILE, cut)) search.feed(FILE.subarray(cut), FILE.length - cut);
      expect(search.password).toBe(password);
    }
  });
}

test("a file that cannot be read", () => {
  expect(findPassword("/nowhere/users", "joe")).toEqual({ call: "open", errno: 2 });
  expect(findPassword("/", "joe")).toEqual({ call: "pread", errno: 21 });
});
