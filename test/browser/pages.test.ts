import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults, RunOptions } from "axe-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OUTCOMES } from "../../src/pages/outcomes.ts";
import type { Outcome, PageView } from "../../src/pages/views.ts";
import { HOSTILE_CASES, pagesWith } from "../pages/hostile-texts.ts";
import {
  BRAND,
  consentView,
  continueView,
  handoverView,
  installView,
  keyView,
  outcomeView,
  registerView,
} from "../pages/views.ts";
import { launchChromium } from "./chromium.ts";
import { NOWHERE, type PageServer, startPageServer } from "./page-server.ts";
import { listenTo, type Noise, overflowOf } from "./support.ts";

const axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const SCHEMES = ["light", "dark"] as const;
const WIDTHS = [390, 1440];
const INSTRUCTIONS =
  "# Make a key\n\n1. Open [settings](https://tracker.example/keys).\n2. Copy it.\n\n> Once.\n\n```\ntrk_…\n```";
const LONG = "Without-Any-Space-That-Goes-On-And-On-".repeat(4);

const brandOf = (backgroundColor: string | null, accentColor: string | null, iconPath: string | null = null) => ({
  ...BRAND,
  backgroundColor,
  accentColor,
  iconPath,
});

const consents: Record<string, PageView> = {
  "a plain request": consentView(),
  "a warning": consentView({ binding: "confirm", environment: "preview", scopes: [], returnHost: null }),
  "a sign-in": consentView({ binding: "login", subjectIssuer: "https://login.acme.example" }),
  "an icon": consentView({ brand: brandOf("#ffffff", "#ffe01b", "/icons/0123456789") }),
  "no colours": consentView({ brand: brandOf(null, null), resources: ["https://api.example"] }),
  "colours like the page": consentView({ brand: brandOf("#ffffff", "#17191c"), authorizationDetailTypes: ["x"] }),
  "a key": keyView(INSTRUCTIONS),
  "a wrong key": { ...keyView(null, "Tracker did not accept this key."), binding: "confirm" },
  "a hundred scopes": consentView({ scopes: Array.from({ length: 100 }, (_, index) => `${LONG}.${index}`) }),
  "long and foreign names": consentView({
    brand: { ...BRAND, name: "👩‍👩‍👧‍👦 עברית שירות" },
    projectName: `مشروع ${LONG}`,
    environment: LONG,
    subjectId: LONG,
    providerHost: `${"label.".repeat(30)}example`,
    binding: "confirm",
  }),
  "an installation": installView(),
  "an installation, again": installView({ isAgain: true, returnHost: null }),
  "an installation, mistyped": installView({ isAgain: true, mistyped: LONG }),
  "an installation of long names": installView({
    brand: { ...BRAND, name: "👩‍👩‍👧‍👦 עברית שירות" },
    asker: { projectName: `مشروع ${LONG}`, environments: [LONG, "preview"] },
    providerHost: `${"label.".repeat(30)}example`,
  }),
  "a registration": registerView({
    asker: { projectName: "Acme Support", environments: ["production", "preview", "development"] },
  }),
};
const outcomes = (Object.keys(OUTCOMES) as Outcome[]).map((outcome): [string, PageView] => [
  outcome,
  outcomeView(outcome, {
    requestId: "areq_0123456789",
    providerError: "server_error",
    returnUrl: "https://a.example/",
  }),
]);

let browser: Browser;
let server: PageServer;

beforeAll(async () => {
  [browser, server] = await Promise.all([launchChromium(), startPageServer()]);
});
afterAll(async () => {
  await Promise.all([browser.close(), server.close()]);
});

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const results = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(options: RunOptions): Promise<AxeResults> } };
    return await axe.run({ resultTypes: ["violations"] });
  });
  return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
}

describe.each(SCHEMES)("in %s colours", (colorScheme) => {
  let context: BrowserContext;
  let page: Page;
  let noise: Noise;
  beforeAll(async () => {
    context = await browser.newContext({ colorScheme });
    noise = listenTo(context, server.origin);
    page = await context.newPage();
  });
  afterAll(() => context.close());

  const views = Object.entries({
    ...consents,
    "going on": continueView("https://to-be-replaced.example/"),
    "going on by a form": handoverView("https://to-be-replaced.example/"),
    ...Object.fromEntries(outcomes),
    "an end of which the connector stays": outcomeView("canceled", { about: "connector", isMade: true }),
    "an outcome of nobody": outcomeView("not_found", { brand: null }),
  });
  test.each(views)("%s: accessible, quiet, and no wider than its window", async (_, view) => {
    const here = view.kind === "continue" ? { ...view, url: `${server.origin}${NOWHERE}` } : view;
    const url = server.show("/page", here);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 844 });
      await page.goto(url);
      expect(await violations(page), `${width} px`).toEqual([]);
      expect(await overflowOf(page), `${width} px`).toBe(0);
    }
    expect(noise).toEqual({ errors: [], elsewhere: [] });
    expect(server.reports).toEqual([]);
  });

  test("on the narrowest screens, too", async () => {
    await page.setViewportSize({ width: 320, height: 640 });
    for (const view of Object.values(consents)) {
      await page.goto(server.show("/page", view));
      expect(await overflowOf(page)).toBe(0);
    }
  });

  test("what goes wrong would be noticed", async () => {
    const url = server.showForeign(
      "/wrong",
      "<!doctype html><img src=/icons/x><p style='color:#999;width:9999px'>Pale text.",
    );
    const other = await context.newPage();
    await other.goto(url);
    expect((await violations(other)).join()).toMatch(/color-contrast.*image-alt/);
    expect(await overflowOf(other)).toBeGreaterThan(0);
    expect(noise.elsewhere.splice(0)).not.toEqual([]);
    await other.close();
  });
});

describe("hostile texts in a browser", () => {
  test.each(HOSTILE_CASES)("U-01 %s runs, loads, reports and moves nothing", async (_, text) => {
    const context = await browser.newContext();
    const noise = listenTo(context, server.origin);
    const page = await context.newPage();
    for (const view of pagesWith(text, `${server.origin}${NOWHERE}`)) {
      const url = server.show("/hostile", view);
      await page.goto(url);
      expect(page.url()).toBe(url);
      const forms = "action" in view ? [view.action] : "fields" in view && view.fields ? [view.url] : [];
      const actions = await page.locator("form").evaluateAll((all) => all.map((form) => form.getAttribute("action")));
      expect(actions).toEqual(forms);
      expect(await overflowOf(page)).toBe(0);
    }
    expect(noise).toEqual({ errors: [], elsewhere: [] });
    expect(server.reports).toEqual([]);
    await context.close();
  });

  test("U-01 a script that did get into a page would not run, and be reported", async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const url = server.show("/injected", consentView(), {
      tamper: (html) => html.replace("</main>", "<script>document.title='run'</script></main>"),
    });
    await page.goto(url);
    expect(await page.title()).not.toBe("run");
    await expect.poll(() => server.reports.splice(0).join()).toContain("script-src-elem");
    await context.close();
  });
});
