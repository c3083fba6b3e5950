import { existsSync } from "node:fs";
import type { Browser } from "playwright-core";
import { agree } from "./agree.ts";
import { SmallBrowser } from "./small-browser.ts";

export interface Agreed {
  /** Where the user came back to the app. */
  url: URL;
  /** What they used. */
  browser: string;
}

const STEP_TIMEOUT_MS = 15_000;

/**
 * Opens a consent link as a user who agrees to everything under that name, in Chromium without a window where there is
 * one (`CHROMIUM_PATH`, or /usr/bin/chromium), else in the small browser. Throws unless that ends at `returnUrl`.
 */
export async function userAgrees(link: string, account: string, returnUrl: string): Promise<Agreed> {
  const chromium = await launchChromium();
  const agreed =
    chromium === null ? await inSmallBrowser(link, account) : await inChromium(chromium, link, account, returnUrl);
  if (!agreed.url.href.startsWith(returnUrl))
    throw new Error(`The user ended at ${agreed.url.origin}${agreed.url.pathname}.`);
  return agreed;
}

async function inSmallBrowser(link: string, account: string): Promise<Agreed> {
  const { url } = await agree(new SmallBrowser(), link, account);
  return { url, browser: "a small one of the demo's own, as there is no Chromium" };
}

async function inChromium(chromium: Browser, link: string, account: string, returnUrl: string): Promise<Agreed> {
  try {
    const page = await chromium.newPage();
    page.setDefaultTimeout(STEP_TIMEOUT_MS);
    await page.goto(link);
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByLabel("Your name").fill(account);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "Allow" }).click();
    await page.waitForURL((url) => url.href.startsWith(returnUrl));
    return { url: new URL(page.url()), browser: `Chromium ${chromium.version()}, without a window` };
  } finally {
    await chromium.close();
  }
}

/** Null where there is no Chromium, or none that starts. */
async function launchChromium(): Promise<Browser | null> {
  const executablePath = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
  if (!existsSync(executablePath)) return null;
  const { chromium } = await import("playwright-core");
  // Chromium refuses to sandbox what runs as root, as in a container.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath, args, timeout: STEP_TIMEOUT_MS }).catch(() => null);
}
