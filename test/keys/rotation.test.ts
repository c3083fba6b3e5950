import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { startRun } from "../../src/keys/reseal-run.ts";
import { connectorPath, grantAlarms, threeGrants } from "../housekeeping/support.ts";
import { accessToken } from "../support/api.ts";
import { clock } from "../support/clock.ts";
import { ask, isolate, scene } from "../support/connect.ts";
import { deploy, dropped, initial, prepared, referencesOf, reset, rotated, untilResealed } from "./support.ts";

beforeEach(reset);

describe("D-05 the whole rotation", () => {
  test("D-05 from adding a key to dropping the old one, under load, without a failed request", {
    timeout: 30_000,
  }, async () => {
    const old = await deploy(initial());
    const at = await scene(old.api, "whole");
    await threeGrants(old, at);
    await old.api.post(`/v1/projects/${at.projectId}/token`, undefined, at.owner);
    const silent = await accessToken(old.api, at.owner, { role: "viewer" });

    const statuses: number[] = [];
    const load = (api: typeof old.api) =>
      Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const answer = await ask(api, at, index % 3 === 0 ? { validityBufferMs: 1000 + index } : {});
          statuses.push(answer.status);
        }),
      );
    await load((await deploy(prepared())).api);
    const now = await deploy(rotated());
    await load(now.api);
    const earlier = await now.api.get("/v1/keys", at.owner);
    expect(earlier.body.primary).toBe("k2");
    expect(referencesOf(earlier.body, "k1")).toMatchObject({ connectors: 1, issuerKeys: 1, grants: 3 });
    expect(earlier.body.keys.find(({ kid }: { kid: string }) => kid === "k1").mayBeDropped).toBe(false);

    expect((await now.api.post("/v1/keys/reseal", { primary: "k2" }, at.owner)).body.reseal.state).toBe("running");
    await untilResealed(() => load(now.api));
    await load((await deploy(rotated())).api);
    const later = await (await deploy(rotated())).api.get("/v1/keys", at.owner);
    expect(later.body.reseal).toMatchObject({ state: "done", missed: 0, nextStepAt: null });
    // The tokens of `at` were presented since; one was not, and only its holder can move it.
    expect(referencesOf(later.body, "k1")).toMatchObject({ connectors: 0, issuerKeys: 0, grants: 0 });
    expect(referencesOf(later.body, "k1")?.accessTokens).toBeGreaterThanOrEqual(1);
    expect(later.body.keys[1].mayBeDropped).toBe(false);

    const fresh = await deploy(rotated());
    await fresh.api.get("/v1/team", silent);
    for (const listed of (await fresh.api.get("/v1/access-tokens?limit=100", at.owner)).body.accessTokens) {
      const row = await env.DB.prepare("SELECT secret_mac_kid AS kid FROM access_tokens WHERE id = ?").bind(listed.id);
      if ((await row.first<{ kid: string }>())?.kid === "k1") {
        await fresh.api.delete(`/v1/access-tokens/${listed.id}`, at.owner);
      }
    }
    const last = await fresh.api.get("/v1/keys", at.owner);
    expect(last.body.keys[1]).toMatchObject({ kid: "k1", mayBeDropped: true });

    const end = await deploy(dropped());
    expect((await end.api.get("/health")).status).toBe(200);
    await load(end.api);
    expect((await end.api.get("/v1/team", silent)).status).toBe(200);
    expect((await end.api.post(`/v1/projects/${at.projectId}/token`, undefined, at.owner)).status).toBe(200);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(statuses.length).toBeGreaterThan(80);
  });

  test("D-05 what a Grant still owes the provider is told with the new key alone", async () => {
    const old = await deploy(prepared());
    const at = await scene(old.api, "owing");
    await threeGrants(old, at);
    await at.upstream.control({ mode: "status/500" });
    await old.api.delete(`${connectorPath(at)}/tokens`, at.owner, {});
    const now = await deploy(rotated());
    await now.services.db.batch(startRun("k2", clock.now()));
    await now.services.nudgeHousekeeper();
    await untilResealed();
    await at.upstream.control({ mode: "" });
    await deploy(dropped());
    clock.advance(61_000);
    await grantAlarms(at.connectorId);
    expect((await at.upstream.state()).revoked).toHaveLength(3);
  });

  test("D-05 a caller whose MAC moved is known at once to a ring without the old key, whatever is leased", async () => {
    const old = await deploy(prepared());
    const at = await scene(old.api, "leased");
    const now = await deploy(rotated());
    await now.services.db.batch(startRun("k2", clock.now()));
    // It leases the row as it was to KV, and then moves it.
    const lagging = await isolate({ keys: await rotated() });
    expect((await ask(lagging.api, at)).status).toBe(200);
    const end = await deploy(dropped());
    const id = at.runtime.slice(3, 23);
    const row = env.DB.prepare("SELECT secret_mac_kid AS kid FROM access_tokens WHERE id = ?").bind(id);
    expect(await row.first()).toEqual({ kid: "k2" });
    expect((await ask(end.api, at)).status).toBe(200);
  });

  test("D-05 an isolate with the ring of before moves nothing back", async () => {
    const now = await deploy(rotated());
    const at = await scene(now.api, "forth");
    await now.services.db.batch(startRun("k2", clock.now()));
    expect((await ask((await isolate({ keys: await prepared() })).api, at)).status).toBe(200);
    const row = env.DB.prepare("SELECT secret_mac_kid AS kid FROM access_tokens WHERE id = ?");
    expect(await row.bind(at.runtime.slice(3, 23)).first()).toEqual({ kid: "k2" });
  });

  test("D-05 a token that is presented a thousand times is moved with one write", async () => {
    const old = await deploy(prepared());
    const at = await scene(old.api, "crowd");
    const now = await deploy(rotated());
    await now.services.db.batch(startRun("k2", clock.now()));
    await ask(now.api, at);
    now.reset();
    for (let request = 0; request < 10; request++) expect((await ask(now.api, at)).status).toBe(200);
    expect(now.calls.d1).toBe(0);
  });
});
