import type { Page, SmallBrowser } from "./small-browser.ts";

/**
 * What an operator does who opens a page of ours on which an app is registered or installed: goes on to the provider,
 * which agrees to everything by itself, and comes back. Returns the page on which that ends.
 */
export async function operatorGoes(browser: SmallBrowser, url: string): Promise<Page> {
  const page = await browser.submit(await browser.open(url), { decision: "continue" });
  // A registration is posted to the provider, by the form of the page after that.
  return page.html.includes('name="manifest"') ? browser.submit(page, {}) : page;
}
