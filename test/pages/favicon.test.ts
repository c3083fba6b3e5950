import { beforeAll, expect, test } from "vitest";
import { FAVICON_PATH } from "../../src/pages/favicon.ts";
import { renderPage } from "../../src/pages/render.ts";
import { newWorld, type World } from "../connectors/world.ts";
import { BRAND, consentView, outcomeView } from "./views.ts";

let world: World;
beforeAll(async () => {
  world = await newWorld();
});

const served = () => world.api.send(FAVICON_PATH);

test("a page has the connector's icon, or else ours, so that no browser asks for one that is not there", async () => {
  const response = await served();
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "image/svg+xml"]);
  expect(response.text).toMatch(/^<svg [\s\S]*<\/svg>$/);
  const link = (path: string) => `<link rel="icon" href="${path}"/>`;
  expect(renderPage(outcomeView("not_found", { brand: null })).html).toContain(link(FAVICON_PATH));
  const brand = { ...BRAND, iconPath: "/icons/0123456789012345678901234567890123456789" };
  expect(renderPage(consentView({ brand })).html).toContain(link(brand.iconPath));
});

test("U-02 our own icon is no document with rights of its own", async () => {
  const { headers } = await served();
  expect(headers.get("content-security-policy")).toBe("sandbox; default-src 'none'");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
});
