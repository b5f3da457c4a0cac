/** `npm start` as a person meets it: the page opened in a real browser, through the gateway, in two tabs. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join, resolve } from "node:path";
import type { Subprocess } from "bun";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { nodePath } from "../harness/node-process.ts";
import { freePort } from "../harness/ports.ts";
import { hasChromium, launchChromium } from "./system-chromium.ts";

const REPOSITORY = resolve(import.meta.dir, "../..");
const START_LIMIT_MS = 50_000;
/** How long the page may take to show what is expected of it. */
const PAGE_LIMIT_MS = 20_000;

/** `npm start` takes two ports, one after the other. */
function twoPorts(): number {
  for (let port = freePort(); ; port++) if (freePort() === port + 1) return port;
}

describe.skipIf(!hasChromium)("the page of npm start", () => {
  const port = twoPorts();
  const url = `http://127.0.0.1:${port}/`;
  let started: Subprocess<"ignore", "pipe", "pipe">;
  let browser: Browser;
  const faults: string[] = [];

  beforeAll(async () => {
    started = Bun.spawn({
      cmd: [nodePath(), join(REPOSITORY, "scripts/start.mjs")],
      env: { ...process.env, PORT: `${port}` },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    await said(started, url);
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
    started.kill("SIGTERM");
    expect(await started.exited).toBe(0);
    expect(faults).toEqual([]);
  });

  /** A tab that has connected; what goes wrong in it is collected. */
  async function openTab(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(PAGE_LIMIT_MS);
    const page = await context.newPage();
    page.on("pageerror", ({ message }) => faults.push(message));
    page.on("console", (message) => {
      if (message.type() === "error") faults.push(message.text());
    });
    await page.goto(url);
    await page.locator("#text:enabled").waitFor();
    return page;
  }

  const say = async (page: Page, text: string): Promise<void> => {
    await page.fill("#text", text);
    await page.press("#text", "Enter");
  };
  const shown = (page: Page, kind: string, text: string): Promise<void> =>
    page.locator(`#log p.${kind}`).filter({ hasText: text }).waitFor();

  test("two tabs chat with one another", async () => {
    const [one, two] = [await openTab(), await openTab()];
    const name = await two.textContent("#name");
    await shown(one, "note", `${name} came in`);
    await say(one, "hello <b>you</b> \u{1f44b}");
    await shown(one, "own", "hello <b>you</b> \u{1f44b}");
    await shown(two, "other", "hello <b>you</b> \u{1f44b}");
    await say(two, "hello yourself");
    await shown(two, "own", "hello yourself");
    await shown(one, "other", "hello yourself");
    expect(await one.textContent("#count")).toBe("2");
    expect(await one.textContent("#rtt")).toMatch(/^\d+\.\d ms$/);
    await two.context().close();
    await shown(one, "note", `${name} left`);
    await one.context().close();
  });

  test("the handshake went through the gateway", async () => {
    const page = await openTab();
    await page.click("summary");
    const rows = await page.locator("#seen tr").allInnerTexts();
    expect(rows.map((row) => row.split(/\s+/).join(" "))).toEqual([
      "host 127.0.0.1",
      "x-forwarded-for 127.0.0.1",
      expect.stringMatching(/^x-gateway hopway, connection \d+$/),
      "upgrade websocket",
      "connection upgrade",
    ]);
    expect(await page.textContent("#gateway")).toBe(`127.0.0.1:${port}`);
    expect(await page.textContent("#backend")).toBe(`127.0.0.1:${port + 1}`);
    await page.context().close();
  });

  const screens: readonly BrowserContextOptions[] = [
    { viewport: { width: 1280, height: 800 }, colorScheme: "light" },
    { viewport: { width: 390, height: 844 }, colorScheme: "dark" },
    { viewport: { width: 320, height: 480 }, colorScheme: "light" },
  ];
  for (const options of screens) {
    const { width, height } = options.viewport ?? { width: 0, height: 0 };
    test(`everything fits on ${width} by ${height}`, async () => {
      const page = await openTab(options);
      await say(page, "a long message ".repeat(30));
      await shown(page, "own", "a long message");
      // A text, because the types of a page are not those of the tests.
      const size = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]");
      expect(size).toEqual([width, height]);
      await page.context().close();
    });
  }
});

/** Resolves when the process has written the text to stdout; rejects with all it said when it ends or takes too long. */
async function said(child: Subprocess<"ignore", "pipe", "pipe">, text: string): Promise<void> {
  const timer = setTimeout(() => child.kill("SIGTERM"), START_LIMIT_MS);
  const errors = new Response(child.stderr).text();
  const decoder = new TextDecoder();
  let output = "";
  for await (const chunk of child.stdout) {
    output += decoder.decode(chunk, { stream: true });
    if (!output.includes(text)) continue;
    clearTimeout(timer);
    return;
  }
  clearTimeout(timer);
  throw new Error(`npm start ended: ${output}${await errors}`);
}
