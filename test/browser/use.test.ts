import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { consentView, continueView, keyView, outcomeView } from "../pages/views.ts";
import { launchChromium } from "./chromium.ts";
import { NOWHERE, type PageServer, startPageServer } from "./page-server.ts";
import { listenTo, type Noise } from "./support.ts";

const ACTION = consentView().action;

let browser: Browser;
let server: PageServer;

beforeAll(async () => {
  [browser, server] = await Promise.all([launchChromium(), startPageServer()]);
});
afterAll(async () => {
  await Promise.all([browser.close(), server.close()]);
});

/** What was sent to `path` since the last time, once something was. */
async function sentTo(path: string) {
  await expect.poll(() => server.requests.some((request) => request.path === path)).toBe(true);
  return server.requests.splice(0).filter((request) => request.path === path);
}

describe.each([true, false])("with JavaScript: %s", (javaScriptEnabled) => {
  let context: BrowserContext;
  let page: Page;
  let noise: Noise;
  beforeEach(async () => {
    context = await browser.newContext({ javaScriptEnabled });
    noise = listenTo(context, server.origin);
    page = await context.newPage();
  });
  afterEach(async () => {
    expect(noise).toEqual({ errors: [], elsewhere: [] });
    expect(server.reports).toEqual([]);
    await context.close();
  });

  test("the keyboard alone reaches both buttons in the order in which they are read, and presses them", async () => {
    await page.goto(server.show("/consent", consentView()));
    for (const [decision, tabs] of [
      ["continue", 1],
      ["cancel", 2],
    ] as const) {
      await page.goto(`${server.origin}/consent`);
      for (let tab = 0; tab < tabs; tab += 1) await page.keyboard.press("Tab");
      const focused = page.locator(":focus-visible");
      expect(await focused.getAttribute("value")).toBe(decision);
      expect(await focused.evaluate((element) => getComputedStyle(element).outlineStyle)).toBe("solid");
      await page.keyboard.press("Enter");
      const [sent] = await sentTo(ACTION);
      expect(Object.fromEntries(new URLSearchParams(sent?.body))).toEqual({ form: "token-of-the-form", decision });
    }
  });

  test("a form says where it comes from", async () => {
    await page.goto(server.show("/consent", consentView()));
    await page.getByRole("button", { name: "Continue" }).click();
    const [sent] = await sentTo(ACTION);
    expect(sent?.method).toBe("POST");
    expect(sent?.headers).toMatchObject({
      origin: server.origin,
      "sec-fetch-site": "same-origin",
      "content-type": "application/x-www-form-urlencoded",
    });
  });

  test("a key is asked for, typed unseen, and sent by Enter; Cancel needs none", async () => {
    const url = server.show("/key", keyView("Open [settings](https://tracker.example/)."));
    await page.goto(url);
    await page.getByRole("button", { name: "Continue" }).click();
    const field = page.getByLabel("Key for Tracker");
    expect(await field.evaluate((input) => input === document.activeElement)).toBe(true);
    expect(server.requests).toEqual([]);
    await page.goto(url);
    await page.keyboard.press("Tab");
    expect(await page.locator(":focus").textContent()).toBe("settings");
    await page.keyboard.press("Tab");
    await page.keyboard.type("trk_secret");
    expect(await field.getAttribute("type")).toBe("password");
    await page.keyboard.press("Enter");
    const [sent] = await sentTo(ACTION);
    const expected = { form: "token-of-the-form", key: "trk_secret", decision: "continue" };
    expect(Object.fromEntries(new URLSearchParams(sent?.body))).toEqual(expected);
    await page.goto(url);
    await page.getByRole("button", { name: "Cancel" }).click();
    const [canceled] = await sentTo(ACTION);
    expect(new URLSearchParams(canceled?.body).get("decision")).toBe("cancel");
  });

  test("A-10 after the form it goes on to another origin, which does not learn from where", async () => {
    const elsewhere = `http://localhost:${new URL(server.origin).port}`;
    await page.goto(server.show("/consent", consentView()));
    server.show(ACTION, continueView(`${elsewhere}${NOWHERE}?state=x`), { method: "POST" });
    await page.getByRole("button", { name: "Continue" }).click();
    const [arrived] = await sentTo(NOWHERE);
    expect(arrived?.headers).not.toHaveProperty("referer");
    // As it stays here, there is the link for those whom nothing carried on.
    await page.getByRole("link", { name: "Continue to localhost" }).click();
    expect(await sentTo(NOWHERE)).toHaveLength(1);
    expect(new Set(noise.elsewhere.splice(0))).toEqual(new Set([`${elsewhere}${NOWHERE}?state=x`]));
    server.forget(ACTION, "POST");
  });

  test("an outcome leads back", async () => {
    await page.goto(server.show("/done", outcomeView("success", { returnUrl: `${server.origin}${NOWHERE}` })));
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await sentTo(NOWHERE)).toHaveLength(1);
  });
});

describe("what a page is put into", () => {
  test.each(["iframe", "object", "embed"])("U-04 an %s of somebody else stays blank", async (tag) => {
    const page = await browser.newPage();
    const content = server.show("/consent", consentView());
    const source = tag === "object" ? "data" : "src";
    const free = server.showForeign("/free", "<p>Continue</p>");
    const [framed, control] = [content, free].map((url, index) =>
      server.showForeign(
        `/framing-${index}`,
        `<!doctype html><${tag} ${source}="${url}" width=600 height=600></${tag}>`,
      ),
    );
    await page.goto(control ?? "");
    await expect.poll(() => textIn(page)).toContain("Continue");
    await page.goto(framed ?? "");
    await expect.poll(() => page.frames().length).toBeGreaterThan(0);
    expect(await textIn(page)).not.toMatch(/Continue|Acme/);
    await page.close();
  });

  test("U-04 a button takes no click of the pointer until there was time to see it", async () => {
    const page = await browser.newPage();
    await page.goto(server.show("/consent", consentView()));
    const pointerEvents = (state: "start" | "end") =>
      page.getByRole("button").evaluateAll((buttons, at) => {
        return buttons.map((button) => {
          for (const animation of button.getAnimations()) {
            if (at === "end") animation.finish();
            else animation.currentTime = 0;
          }
          return getComputedStyle(button).pointerEvents;
        });
      }, state);
    await page.reload({ waitUntil: "commit" });
    await page.getByRole("button", { name: "Cancel" }).waitFor();
    expect(await pointerEvents("start")).toEqual(["none", "none"]);
    expect(await pointerEvents("end")).toEqual(["auto", "auto"]);
    await page.close();
  });

  test("less motion is none", async () => {
    for (const reducedMotion of ["reduce", "no-preference"] as const) {
      const context = await browser.newContext({ reducedMotion });
      const page = await context.newPage();
      await page.goto(server.show("/consent", consentView()));
      const duration = await page
        .getByRole("button")
        .first()
        .evaluate((button) => getComputedStyle(button).transitionDuration);
      expect(duration === "0s").toBe(reducedMotion === "reduce");
      await context.close();
    }
  });
});

async function textIn(page: Page): Promise<string> {
  const texts = page.frames().map((frame) => frame.evaluate(() => document.body.textContent).catch(() => ""));
  return (await Promise.all(texts)).join("\n");
}
