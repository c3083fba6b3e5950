import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

/** Where Debian puts it. */
const EXECUTABLE = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";

/** Fails with one sentence where there is no Chromium. Tests in a browser are of the project `browser`. */
export function setup(): void {
  if (existsSync(EXECUTABLE)) return;
  throw new Error(`There is no Chromium at ${EXECUTABLE}: install the package chromium, or set CHROMIUM_PATH.`);
}

/** The system's Chromium, which asks nobody for updates. To be closed by the caller. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: EXECUTABLE,
    args: ["--headless", "--no-sandbox", "--disable-background-networking", "--disable-gpu"],
  });
}
