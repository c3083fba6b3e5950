import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { seedTeam } from "../connectors/rows.ts";
import { userWorld } from "./user-world.ts";
import { granted, LIFETIME_MS, rows, START_MS, said } from "./world.ts";

beforeAll(() => seedTeam());

describe("a user who authorizes", () => {
  test("gets the exchange's token first, and a refreshed one after it", async () => {
    const world = await userWorld();
    await world.inside(async (grant, storage) => {
      expect(said(await grant.token(world.request()))).toBe("user_authorization_required");
      const { authorizationId, scopes } = await world.authorized(grant);
      expect([authorizationId, scopes]).toEqual([expect.stringMatching(/^aut_/), ["read"]]);
      const first = granted(await grant.token(world.request({ narrow: false })));
      expect(first).toMatchObject({
        token: "at-1",
        authorizationId,
        groupId: "group",
        expiresAtMs: START_MS + LIFETIME_MS,
      });
      world.nowMs += LIFETIME_MS;
      const second = await grant.token(world.request({ narrow: false }));
      expect(second).toMatchObject({ ok: true, minted: true, value: { token: "at-2", authorizationId } });
      expect(rows(storage, "attempts")).toEqual([]);
      expect(JSON.stringify(rows(storage, "authorization_secrets"))).not.toContain("rt-");
    });
    expect(world.asked).toEqual(["exchange code-1", "refresh rt-1"]);
    const row = await env.DB.prepare("SELECT authorization_state, external_subject FROM grants WHERE name = ?")
      .bind(world.name)
      .first();
    expect(row).toEqual({ authorization_state: "active", external_subject: null });
  });
});
