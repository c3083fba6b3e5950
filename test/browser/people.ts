import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";

/** Somebody with a browser of their own: own cookies, one page, and a record of what it asked for and complained about. */
export interface Person {
  context: BrowserContext;
  page: Page;
  /** URLs of everything that the browser asked for. */
  requested: URL[];
  /** Console errors, which include violations of a page's policy. */
  complaints: string[];
}

export async function person(chromium: Browser, options: BrowserContextOptions = {}): Promise<Person> {
  const context = await chromium.newContext(options);
  const requested: URL[] = [];
  const complaints: string[] = [];
  context.on("request", (request) => requested.push(new URL(request.url())));
  context.on("console", (message) => {
    // A browser looks for an icon where a page names none, once for each host.
    if (message.type() !== "error" || message.location().url.endsWith("/favicon.ico")) return;
    complaints.push(`${message.text()} (${message.location().url})`);
  });
  context.on("weberror", (event) => complaints.push(String(event.error())));
  return { context, page: await context.newPage(), requested, complaints };
}

/** Opens a consent link and agrees to what our own page says. */
export async function goOn({ page }: Person, url: string): Promise<void> {
  await page.goto(url);
  await page.getByRole("button", { name: "Continue" }).click();
}

/** Signs in at the demo provider and agrees there. */
export async function agreeAtProvider(somebody: Person, account: string): Promise<void> {
  await signIn(somebody, account);
  await somebody.page.getByRole("button", { name: "Allow" }).click();
}

export async function signIn({ page }: Person, account: string): Promise<void> {
  await page.getByLabel("Your name").fill(account);
  await page.getByRole("button", { name: "Sign in" }).click();
}
