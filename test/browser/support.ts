import type { BrowserContext, Page } from "playwright-core";

/** What must stay empty while pages are looked at. */
export interface Noise {
  errors: string[];
  /** Requests to anywhere but the given origin. */
  elsewhere: string[];
}

/** Listens to all pages of `context`, those that it opens later too. */
export function listenTo(context: BrowserContext, origin: string): Noise {
  const noise: Noise = { errors: [], elsewhere: [] };
  context.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") noise.errors.push(message.text());
  });
  context.on("weberror", (error) => noise.errors.push(String(error.error())));
  context.on("dialog", (dialog) => {
    noise.errors.push(`dialog: ${dialog.message()}`);
    dialog.dismiss().catch(() => undefined);
  });
  context.on("request", (request) => {
    if (!request.url().startsWith(`${origin}/`)) noise.elsewhere.push(request.url());
  });
  return noise;
}

/** Pixels that the page is wider than its window. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
