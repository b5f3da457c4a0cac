/** The system's Chromium, or the one named by `HOPWAY_CHROMIUM`. */
import { type Browser, chromium } from "playwright-core";

const executablePath = ((): string | undefined => {
  const names = [process.env["HOPWAY_CHROMIUM"] ?? "chromium", "chromium-browser", "google-chrome"];
  return names.map((name) => Bun.which(name)).find((path) => path !== null) ?? undefined;
})();

/** Whether there is one; said where there is none, and an error where it is required. */
export const hasChromium: boolean = executablePath !== undefined;

if (executablePath === undefined) {
  if (process.env["HOPWAY_REQUIRE_CHROMIUM"])
    throw new Error("HOPWAY_REQUIRE_CHROMIUM is set, and there is no chromium");
  console.log("pages are not tried in a browser: chromium is not installed");
}

/** Starts it, without a window; `args` besides the usual ones. */
export function launchChromium(...args: readonly string[]): Promise<Browser> {
  return chromium.launch({ executablePath: executablePath ?? "", args: ["--no-sandbox", "--disable-gpu", ...args] });
}
