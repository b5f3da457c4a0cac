import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { findNginx, type Gateway, startNginx } from "../../test/harness/gateway.ts";
import { freePort } from "../../test/harness/ports.ts";
import { builtinErrorPage } from "./error-page.ts";
import { statusLine } from "./status.ts";

test("a page, its padding, and none", () => {
  expect(builtinErrorPage(404, "hopway/0.1.0", false)).toBe(
    "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n" +
      "<hr><center>hopway/0.1.0</center>\r\n</body>\r\n</html>\r\n",
  );
  expect(builtinErrorPage(404, "nginx/1.22.1", true)?.length).toBe(555);
  expect(builtinErrorPage(301, "nginx/1.22.1", true)?.length).toBe(169);
  expect(builtinErrorPage(200, "hopway", false)).toBeUndefined();
  expect(builtinErrorPage(499, "hopway", false)).toBeUndefined();
});

test("status lines without a text", () => {
  expect([205, 498, 599, 7].map(statusLine)).toEqual(["205 ", "498 ", "599 ", "007 "]);
});

/** Statuses for which nginx closes the connection without an answer. */
const SILENT = [408, 444, 499];

describe.skipIf(findNginx() === undefined)("as real nginx sends them", () => {
  const port = freePort();
  const origin = `http://127.0.0.1:${port}`;
  let nginx: Gateway;

  beforeAll(async () => {
    const locations = Array.from({ length: 400 }, (_, i) => `location = /${i + 200} { return ${i + 200}; }`);
    nginx = await startNginx(
      `{main} events {}
       http { {temp_paths} access_log off; server { listen 127.0.0.1:${port}; ${locations.join("\n")} } }`,
    );
  });

  afterAll(async () => {
    await nginx.stop();
    nginx.remove();
  });

  test("every status from 200 to 599", async () => {
    for (let status = 200; status < 600; status++) {
      if (SILENT.includes(status)) continue;
      const response = await fetch(`${origin}/${status}`, { redirect: "manual" });
      const footer = response.headers.get("server") ?? "";
      const sent = status >= 494 && status <= 497 ? 400 : status;
      expect(`${response.status} ${response.statusText}`).toBe(statusLine(sent));
      expect(await response.text()).toBe(builtinErrorPage(status, footer, false) ?? "");
    }
  });
});
