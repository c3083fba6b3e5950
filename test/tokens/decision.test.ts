import { expect, test } from "vitest";
import { decide } from "../../src/tokens/decision.ts";
import { tokenMemoryKey } from "../../src/tokens/lease-keys.ts";
import { createTokenCaches } from "../../src/tokens/token-caches.ts";
import { request, snapshot } from "./samples.ts";

const scope = { projectId: "prj_1", environment: "production" };
const asked = { ...request, subject: { type: "app" as const } };
const key = tokenMemoryKey("oauth/one", scope, request);

test("a decision holds for the very snapshot it was made from, and for no later one of the same version", () => {
  const { decisions } = createTokenCaches();
  const first = snapshot();
  first.connector.draft = true;
  const decision = decide(decisions, key, first, { scope, request: asked });
  expect(decision.authorized).toMatchObject({ ok: false, failure: { code: "no_token" } });
  expect(decide(decisions, key, first, { scope, request: asked })).toBe(decision);
  // Two changes of a link in one millisecond have one version.
  const second = snapshot({ environments: [] });
  const anew = decide(decisions, key, second, { scope, request: asked });
  expect(anew).not.toBe(decision);
  expect(anew.authorized).toMatchObject({ ok: false, failure: { code: "forbidden" } });
  // And nothing of the later one reaches a request that still holds the first.
  expect(decide(decisions, key, first, { scope, request: asked }).authorized).toEqual(decision.authorized);
});

test("another environment or subject is another question", () => {
  const { decisions } = createTokenCaches();
  const at = snapshot();
  at.connector.draft = true;
  const elsewhere = { ...scope, environment: "preview" };
  decide(decisions, key, at, { scope, request: asked });
  const other = decide(decisions, tokenMemoryKey("oauth/one", elsewhere, request), at, {
    scope: elsewhere,
    request: asked,
  });
  expect(other.authorized).toMatchObject({ ok: false, failure: { code: "forbidden" } });
});
