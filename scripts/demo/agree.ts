import type { Page, SmallBrowser } from "./small-browser.ts";

/**
 * What a user does who opens a consent link: agrees there, signs in at the demo provider, and agrees there too; what the
 * provider remembers, it does not ask again. Returns the page on which that ends.
 */
export async function agree(browser: SmallBrowser, url: string, account: string): Promise<Page> {
  let page = await browser.submit(await browser.open(url), { decision: "continue" });
  if (page.html.includes('name="login"')) page = await browser.submit(page, { login: account, decision: "allow" });
  if (page.html.includes('value="allow"')) page = await browser.submit(page, { decision: "allow" });
  return page;
}
