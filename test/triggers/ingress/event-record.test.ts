import { describe, expect, test } from "vitest";
import { sha256 } from "../../../src/crypto/digest.ts";
import { eventRecord } from "../../../src/triggers/ingress/event-record.ts";
import type { ProviderEvent } from "../../../src/triggers/recipes/recipe.ts";

async function recordOf(event: Partial<ProviderEvent>) {
  const whole = { type: null, tenants: [], id: null, idIsSigned: false, sentAtMs: null, ...event };
  return eventRecord(whole, {
    id: "evt_1",
    connectorId: "scl_1",
    recipe: { forwardedHeaders: [], strippedHeaders: [] },
    headers: new Headers(),
    receivedAtMs: 1,
    size: 2,
    digest: await sha256("{}"),
  });
}

describe("what repeats are known by", () => {
  test("fault 27 is bounded, and different for different ids however long they are", async () => {
    const ids = ["a", "a.b", "g".repeat(200), "g".repeat(201), "g".repeat(10_000), `${"g".repeat(10_000)}h`];
    const keys = await Promise.all(ids.map(async (id) => (await recordOf({ id })).dedupKey));
    expect(new Set(keys).size).toBe(ids.length);
    for (const key of keys) expect(key.length).toBeLessThanOrEqual(203);
  });

  test("no id can pass for the hash of a payload or of a longer id", async () => {
    const { dedupKey: ofPayload } = await recordOf({});
    const { dedupKey: ofLong } = await recordOf({ id: "g".repeat(500) });
    expect(ofPayload).toMatch(/^sha256:/);
    for (const id of [ofPayload, ofLong]) expect((await recordOf({ id })).dedupKey).toBe(`id:${id}`);
  });

  test("an empty id is none: all events of a provider would be one", async () => {
    const { dedupKey, dedupSigned } = await recordOf({ id: "" });
    expect([dedupKey.startsWith("sha256:"), dedupSigned]).toEqual([true, false]);
  });
});

describe("an event's tenants", () => {
  test("are never a part of them only: who may see some must not get what is about more", async () => {
    const many = Array.from({ length: 201 }, (_, index) => `t${index}`);
    expect((await recordOf({ tenants: many })).tenants).toEqual(["(too many)"]);
    expect((await recordOf({ tenants: many.slice(1) })).tenants).toEqual(many.slice(1));
    expect((await recordOf({ tenants: ["t".repeat(12_001)] })).tenants).toEqual(["(too many)"]);
  });
});

test("a type is cut to what a message has room for", async () => {
  expect((await recordOf({ type: "t".repeat(1_000) })).type).toBe("t".repeat(256));
});
