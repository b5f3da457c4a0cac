/** The page of `hopway_dashboard` in a real browser: numbers move, peers are drained, and what clients send stays text. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { type EchoBackend, startEchoBackend } from "../drills/echo-backend.ts";
import { RawClient } from "../drills/raw-client.ts";
import { type Gateway, startHopway } from "../harness/gateway.ts";
import { mainDirectives, workerPids } from "../harness/many-workers.ts";
import { freePort } from "../harness/ports.ts";
import { hasChromium, launchChromium } from "./system-chromium.ts";

const PAGE_LIMIT_MS = 20_000;
const HANDSHAKE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n";
/** Would run if any of it were taken for HTML. */
const EVIL = `"><img/src=x/onerror=window.hacked=1><script>window.hacked=2</script>`;

describe.skipIf(!hasChromium)("the page of hopway_dashboard", () => {
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const faults: string[] = [];
  const clients: RawClient[] = [];
  let red: EchoBackend;
  let blue: EchoBackend;
  let gateway: Gateway;
  let browser: Browser;

  beforeAll(async () => {
    red = startEchoBackend("red");
    blue = startEchoBackend("blue");
    gateway = await startHopway(`${mainDirectives(2)}
error_log {prefix}/error.log;
events {}
http {
  {temp_paths}
  access_log off;
  upstream app { server 127.0.0.1:${red.port}; server 127.0.0.1:${blue.port}; }
  server {
    listen 127.0.0.1:${port};
    location /page { hopway_dashboard; }
    location /api { hopway_api write; }
    location /ws { websocket auto; websocket_ping_interval 100ms; proxy_pass http://app; }
  }
  server {
    listen 127.0.0.1:${port};
    server_name guarded.example;
    location /page { hopway_dashboard; }
    location /api { hopway_api write; deny all; }
  }
}
`);
    browser = await launchChromium("--host-resolver-rules=MAP guarded.example 127.0.0.1");
  });

  afterAll(async () => {
    await browser?.close();
    for (const client of clients) client.close();
    expect(await gateway.stop()).toBe(0);
    gateway.remove();
    await red.stop();
    await blue.stop();
    expect(faults).toEqual([]);
  });

  /** A tab in which the page shows numbers; what goes wrong in it is collected. */
  async function openTab(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(PAGE_LIMIT_MS);
    const page = await context.newPage();
    page.on("pageerror", ({ message }) => faults.push(message));
    page.on("dialog", (dialog) => faults.push(`dialog ${dialog.message()}`));
    page.on("console", (message) => faults.push(`${message.type()} ${message.text()}`));
    page.on("request", (request) => {
      const to = request.url();
      if (!to.startsWith(`${url}/`) && !to.startsWith("data:")) faults.push(`request to ${to}`);
    });
    await page.goto(`${url}/page`);
    await page.locator('#state[data-state="live"]').waitFor();
    return page;
  }

  const tile = (page: Page, name: string, text: RegExp): Promise<void> =>
    page.locator(`.tile[data-tile="${name}"]`).filter({ hasText: text }).waitFor();
  const row = (page: Page, table: string, text: string) => page.locator(`#${table} tbody tr`).filter({ hasText: text });

  async function openTunnels(count: number, path: string): Promise<void> {
    for (let i = 0; i < count; i++) {
      const client = await RawClient.connect(port);
      await client.upgrade(path);
      await client.echo("hello");
      clients.push(client);
    }
  }

  test("numbers move", async () => {
    const page = await openTab();
    await tile(page, "Open tunnels", /^Open tunnels\s*0/);
    await openTunnels(6, "/ws/room");
    await tile(page, "Open tunnels", /^Open tunnels\s*6.*6 opened in all/);
    await tile(page, "Messages", /[1-9].*\/s/);
    await tile(page, "Ping round trip", /ms.*p50/);
    await row(page, "peers", `127.0.0.1:${red.port}`).filter({ hasText: "up" }).waitFor();
    await row(page, "largest", "/ws/room").first().waitFor();
    await row(page, "slowest", "/ws/room").first().waitFor();
    const drawn = await page.locator(".chart path.line").first().getAttribute("d");
    expect(drawn).toMatch(/^M[\d.]+ [\d.]+(L[\d.]+ [\d.]+)*$/);
    for (const client of clients.splice(0, 2)) client.close();
    await tile(page, "Open tunnels", /^Open tunnels\s*4/);
    await row(page, "ended", "1006 by client").first().waitFor();
    await row(page, "locations", "/ws").filter({ hasText: "4" }).waitFor();
    expect(await page.locator("#workers tbody tr").count()).toBe(2);
    await page.context().close();
  });

  test("a peer is drained and comes back", async () => {
    const page = await openTab();
    const peer = row(page, "peers", `127.0.0.1:${red.port}`);
    await peer.getByRole("button", { name: "Drain", exact: true }).click();
    await peer.filter({ hasText: "drained" }).waitFor();
    expect(await page.textContent("#peers-note")).toContain(`127.0.0.1:${red.port} of app is drained`);
    await peer.getByRole("button", { name: "Undrain" }).click();
    await peer.filter({ hasText: "up" }).waitFor();
    await page.context().close();
  });

  test("who may not drain is not offered to", async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    // A server whose API denies everybody.
    await page.goto(`http://guarded.example:${port}/page`);
    await row(page, "peers", `127.0.0.1:${red.port}`).waitFor();
    expect(await page.locator("#peers button").count()).toBe(0);
    await context.close();
  });

  test("what clients send is text", async () => {
    const page = await openTab();
    await openTunnels(1, `/ws/${EVIL}`);
    const refused = await RawClient.connect(port);
    await refused.ask(`/none/${EVIL}`, `${HANDSHAKE}User-Agent: ${EVIL}\r\nOrigin: ${EVIL}\r\n`);
    clients.push(refused);
    await row(page, "refused", `/none/${EVIL}`).filter({ hasText: "not proxied" }).waitFor();
    expect(await row(page, "refused", "/none/").locator("td").last().textContent()).toBe(EVIL);
    await row(page, "largest", EVIL).first().waitFor();
    expect(await page.evaluate("window.hacked")).toBeUndefined();
    expect(await page.locator("main img, main script").count()).toBe(0);
    await page.context().close();
  });

  test("it finds its way back when its worker is gone", async () => {
    const page = await openTab();
    for (const pid of workerPids(gateway)) process.kill(pid, "SIGKILL");
    await page.locator('#state[data-state="lost"]').waitFor();
    await page.locator('#state[data-state="live"]').waitFor();
    await tile(page, "Open tunnels", /^Open tunnels\s*0/);
    // The browser itself tells of connections that it could not make.
    for (let i = faults.length - 1; i >= 0; i--) if (faults[i]?.includes("WebSocket connection")) faults.splice(i, 1);
    await page.context().close();
  });

  const screens: readonly BrowserContextOptions[] = [
    { viewport: { width: 1280, height: 800 }, colorScheme: "light" },
    { viewport: { width: 1280, height: 800 }, colorScheme: "dark" },
    { viewport: { width: 390, height: 844 }, colorScheme: "dark" },
    { viewport: { width: 320, height: 480 }, colorScheme: "light" },
  ];
  for (const options of screens) {
    const { width, height } = options.viewport ?? { width: 0, height: 0 };
    test(`nothing is cut off on ${width} by ${height}, ${options.colorScheme}`, async () => {
      await openTunnels(1, `/ws/${"long".repeat(40)}`);
      const page = await openTab(options);
      await row(page, "largest", "longlong").first().waitFor();
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
      const back = await page.evaluate("getComputedStyle(document.body).backgroundColor");
      expect(back).toBe(options.colorScheme === "dark" ? "rgb(14, 17, 22)" : "rgb(244, 245, 248)");
      await page.context().close();
    });
  }
});
