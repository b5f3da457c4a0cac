import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

const NGINX = "/usr/sbin/nginx";

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(address !== null && typeof address === "object" ? address.port : 0));
    });
  });
}

async function untilListening(url: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    try {
      await fetch(url);
      return;
    } catch {
      await Bun.sleep(20);
    }
  }
}

/** Statuses for which nginx closes the connection without an answer. */
const SILENT = [408, 444, 499];

describe.skipIf(!existsSync(NGINX))("as real nginx sends them", () => {
  const prefix = mkdtempSync(join(tmpdir(), "error-page-"));
  let nginx: Bun.Subprocess | undefined;
  let origin = "";

  beforeAll(async () => {
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((n) => `${n}_temp_path ${prefix}/${n};`);
    const locations = Array.from({ length: 400 }, (_, i) => `location = /${i + 200} { return ${i + 200}; }`);
    writeFileSync(
      join(prefix, "nginx.conf"),
      `daemon off; master_process off; pid ${prefix}/pid; error_log stderr emerg; events {}
       http { access_log off; ${temporary.join(" ")} server { listen 127.0.0.1:${port}; ${locations.join("\n")} } }`,
    );
    const stdio = ["ignore", "ignore", "ignore"] as const;
    nginx = Bun.spawn([NGINX, "-e", "stderr", "-c", join(prefix, "nginx.conf")], { stdio: [...stdio] });
    await untilListening(`${origin}/200`);
  });

  afterAll(async () => {
    nginx?.kill();
    await nginx?.exited;
    rmSync(prefix, { recursive: true });
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
