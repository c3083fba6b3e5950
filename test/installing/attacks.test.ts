import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { recordNews } from "../../src/installations/record-news.ts";
import type { Services } from "../../src/services.ts";
import { APP, formTokenOf, nextOf, ORIGIN } from "../authorize/support.ts";
import type { RemoteApp } from "../providers/github-client.ts";
import { clock } from "../support/clock.ts";
import {
  decide,
  getFrom,
  installAt,
  installationsOf,
  installed,
  installScene,
  installSetting,
  newBrowser,
  proven,
  resultOf,
  start,
  started,
  upToCallback,
} from "./support.ts";

const { world, scene } = await installSetting("attacked-install");
const acme = await world.github.call<number>("addOrganization", "attacked-acme");

const status = async (verifier: string) => {
  const { status: got, error } = await resultOf(world, verifier, scene.runtime);
  return error === undefined ? got : `${got} ${error.code}`;
};
const installations = () => installationsOf(world, scene.connectorId);
const withQuery = (path: string, change: (query: URLSearchParams) => void): string => {
  const url = new URL(path, ORIGIN);
  change(url.searchParams);
  return url.pathname + url.search;
};

describe("A-16 an installation that the browser only names", () => {
  test("A-16 of another account, whom the user does not show to be, is forbidden and recorded nowhere", async () => {
    await world.github.call("addUser", "owner-of-it");
    const theirs = await world.github.call<number>("install", scene.app.id, "owner-of-it", { by: "owner-of-it" });
    const before = await installations();
    const { verifier, user, callback } = await upToCallback(world, scene, { returnUrl: `${APP}/done` }, acme);
    const forged = withQuery(callback, (query) => query.set("installation_id", String(theirs)));
    const done = await user.get(await proven(user, forged));
    expect(done.status).toBe(403);
    expect(done.text).toContain("This installation is not confirmed");
    expect(await status(verifier)).toBe("error installation_not_verified");
    expect(await installations()).toEqual(before);
  });

  test("A-16 of another app is forbidden before anybody is sent anywhere", async () => {
    const other = await world.github.call<RemoteApp>("registerApp", { name: "Another app", public: true });
    const foreign = await world.github.call<number>("install", other.id, "attacked-acme");
    for (const id of [String(foreign), "999999999"]) {
      const { verifier, user, callback } = await upToCallback(world, scene, {}, acme);
      const answer = await user.get(withQuery(callback, (query) => query.set("installation_id", id)));
      expect([answer.status, answer.headers.get("location")]).toEqual([403, null]);
      expect(await status(verifier)).toBe("error installation_not_verified");
    }
  });

  test("A-16 proven by a user without it is not taken, whoever installed it", async () => {
    const { request, verifier } = await started(world.api, scene);
    const user = newBrowser(world);
    const done = await user.get(await proven(user, await installed(user, request, acme), "hubot"));
    expect(done.status).toBe(403);
    expect(await status(verifier)).toBe("error installation_not_verified");
  });

  test("A-16 the code that comes with an install callback proves nothing", async () => {
    const { verifier, user, callback } = await upToCallback(world, scene, {}, acme);
    const answer = await user.get(withQuery(callback, (query) => query.set("code", "of-another-session")));
    expect(new URL(answer.headers.get("location") ?? "").pathname).toBe("/login/oauth/authorize");
    expect(await status(verifier)).toBe("pending");
  });
});

describe("a callback that does not fit", () => {
  test("A-02 of another browser is refused, and spends nothing", async () => {
    const { verifier, user, callback } = await upToCallback(world, scene, {}, acme);
    const stranger = await newBrowser(world).get(callback);
    expect([stranger.status, stranger.text.includes("in the browser that you started with")]).toEqual([400, true]);
    const proof = await proven(user, callback);
    expect((await newBrowser(world).get(proof)).status).toBe(400);
    expect((await user.get(proof)).status).toBe(303);
    expect(await status(verifier)).toBe("success");
  });

  test("A-04 of another connector is refused, and spends nothing", async () => {
    const { verifier, user, callback } = await upToCallback(world, scene, {}, acme);
    const elsewhere = callback.replace(scene.connectorId, "scl_00000000000000000000");
    expect((await user.get(elsewhere)).status).toBe(400);
    expect(await status(verifier)).toBe("pending");
    expect((await user.get(callback)).status).toBe(303);
  });

  test("A-08 twice at once is taken once, and again later not at all", async () => {
    const { verifier, user, callback } = await upToCallback(world, scene, {}, acme);
    const two = await Promise.all([user.get(callback), user.get(callback)]);
    expect(two.map((answer) => answer.status).toSorted()).toEqual([303, 400]);
    const going = two.find((answer) => answer.status === 303)?.headers.get("location") ?? "";
    const proof = new URL((await fetch(going, { redirect: "manual" })).headers.get("location") ?? "");
    const path = proof.pathname + proof.search;
    const proofs = await Promise.all([user.get(path), user.get(path)]);
    expect(proofs.map((answer) => answer.status).toSorted()).toEqual([303, 400]);
    expect(await status(verifier)).toBe("success");
    for (const old of [callback, path]) expect((await user.get(old)).status).toBe(400);
  });

  test("A-09 with a repeated parameter, or a malformed id, is refused and spends nothing", async () => {
    const { verifier, user, callback } = await upToCallback(world, scene, {}, acme);
    for (const change of [
      (query: URLSearchParams) => query.append("installation_id", "1"),
      (query: URLSearchParams) => query.append("x", "1"),
      (query: URLSearchParams) => query.set("installation_id", "../../app"),
      (query: URLSearchParams) => query.delete("installation_id"),
    ]) {
      const twice = withQuery(callback, (query) => {
        query.append("x", "0");
        change(query);
      });
      expect((await user.get(twice)).status).toBe(400);
    }
    const head = await world.api.send(callback, { method: "HEAD" });
    expect(head.status).toBe(405);
    expect(await status(verifier)).toBe("pending");
  });

  test("without state shows a page, and does nothing", async () => {
    const stray = `/callback/${scene.connectorId}?installation_id=1&setup_action=update`;
    const answer = await newBrowser(world).get(stray);
    expect(answer.status).toBe(200);
    expect(answer.text).toContain("Back from the service");
    expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
  });

  test("after its time is refused", async () => {
    const { verifier, user, callback } = await upToCallback(world, scene, { expiresInMs: 60_000 }, acme);
    clock.advance(60_001);
    expect((await user.get(callback)).status).toBe(410);
    expect(await status(verifier)).toBe("expired flow_expired");
  });

  test("A-07 the first browser that agrees has the request, another is refused", async () => {
    const { request } = await started(world.api, scene);
    const [first, second] = [newBrowser(world), newBrowser(world)];
    const answers = await Promise.all([decide(first, request), decide(second, request)]);
    expect(answers.map((answer) => answer.status).toSorted()).toEqual([200, 409]);
  });

  test("a form of another origin decides nothing", async () => {
    const { request, verifier } = await started(world.api, scene);
    const user = newBrowser(world);
    const form = formTokenOf((await user.get(`/install/${request}`)).text);
    const fields = { form, decision: "continue" };
    const forged = await user.post(`/install/${request}`, fields, { origin: "https://evil.example" });
    expect(forged.status).toBe(403);
    expect((await user.post(`/install/${request}`, { decision: "continue" })).status).toBe(403);
    expect(await status(verifier)).toBe("pending");
  });
});

describe("what the provider says", () => {
  test("that an owner has to approve ends the request with that", async () => {
    const { request, verifier } = await started(world.api, scene, { returnUrl: `${APP}/done` });
    const user = newBrowser(world);
    const org = await world.github.call<number>("addOrganization", "strict-org", { admins: ["hubot"] });
    const callback = await installed(user, request, org);
    expect(callback).toContain("setup_action=request");
    const answer = await user.get(callback);
    expect(answer.status).toBe(403);
    expect(answer.text).toContain("An owner has to agree first");
    expect(answer.text).toContain(`${APP}/done?connect_request=${request}`);
    expect(await status(verifier)).toBe("error installation_not_approved");
  });

  test("that it is suspended ends the request with that", async () => {
    const id = await world.github.call<number>("install", scene.app.id, "hubot", { by: "hubot" });
    await world.github.call("suspend", id, { by: "hubot" });
    const { verifier, user, callback } = await upToCallback(world, scene, {}, acme);
    const answer = await user.get(withQuery(callback, (query) => query.set("installation_id", String(id))));
    expect([answer.status, answer.text.includes("is suspended")]).toEqual([422, true]);
    expect(await status(verifier)).toBe("error installation_suspended");
  });

  test("nothing, at first: the same address goes on later", async () => {
    const { verifier, user, callback } = await upToCallback(world, scene, {}, acme);
    await world.github.call("faults.next", "installation", { kind: "answer", status: 502 });
    const answer = await user.get(callback);
    expect(answer.status).toBe(502);
    expect(answer.text).toContain("Load this page again");
    expect(await status(verifier)).toBe("pending");
    await user.get(await proven(user, callback));
    expect(await status(verifier)).toBe("success");
  });

  test("of its end while the user signed in, by an event, counts more than what was found before", async () => {
    const own = await installScene(world, "ended-meanwhile");
    await installAt(world, own, {}, acme);
    const [{ tenantId, externalId, name, changedAt }] = await installationsOf(world, own.connectorId);
    const { verifier, user, callback } = await upToCallback(world, own, {}, acme);
    const proof = await proven(user, callback);
    const ended = {
      tenantId,
      externalId,
      name,
      details: {},
      state: "removed",
      changedAtMs: changedAt + 60_000,
    } as const;
    await recordNews(world.services, { connectorId: own.connectorId, region: null }, ended, { isOwn: false });
    expect((await user.get(proof)).status).toBe(403);
    expect(await resultOf(world, verifier, own.runtime)).toMatchObject({
      error: { code: "installation_not_verified" },
    });
  });

  test("so late that the request is over, is no success of nothing", async () => {
    const { verifier, user, callback } = await upToCallback(world, scene, {}, acme);
    const proof = await proven(user, callback);
    const { db } = world.services;
    const slow: Services["db"] = {
      ...db,
      batch: (statements) => {
        if (statements.some(({ sql }) => sql.includes("INTO installations "))) clock.advance(2 * 3_600_000);
        return db.batch(statements);
      },
    };
    expect((await getFrom(world, slow, user, proof)).status).toBe(400);
    expect(await status(verifier)).toBe("expired flow_expired");
    clock.reset();
  });

  test("nothing, because its key cannot be read, is not told as a change of settings", async () => {
    const own = await installScene(world, "unreadable-key");
    const { verifier, user, callback } = await upToCallback(world, own, {}, acme);
    const unreadable = "UPDATE connectors SET secrets_sealed = 'x' WHERE id = ?";
    await env.DB.prepare(unreadable).bind(own.connectorId).run();
    const answer = await user.get(callback);
    expect([answer.status, answer.text.includes("Something went wrong here")]).toEqual([500, true]);
    expect(await resultOf(world, verifier, own.runtime)).toEqual({ status: "pending" });
  });

  test("that the user refused to say who they are goes back to the app as that", async () => {
    const { request, verifier } = await started(world.api, scene, { returnUrl: `${APP}/done` });
    const user = newBrowser(world);
    const back = await user.get(await installed(user, request, acme));
    const state = new URL(back.headers.get("location") ?? "").searchParams.get("state") ?? "";
    const query = new URLSearchParams({ state, error: "access_denied" });
    const answer = await user.get(`/callback/${scene.connectorId}?${query}`);
    expect(answer.headers.get("location")).toBe(`${APP}/done?connect_request=${request}`);
    expect(await status(verifier)).toBe("canceled access_denied");
  });
});

describe("what an installation rests on", () => {
  test.each([
    ["the link's environments", { environments: ["preview"] }],
    ["the link's origins", { environments: ["production"], returnOrigins: ["https://else.example.com"] }],
  ])("A-03 %s, which changed, ends it", async (_, change) => {
    const own = await installScene(world, `changed-${Object.keys(change).length}`);
    const { verifier, user, callback } = await upToCallback(world, own, { returnUrl: `${APP}/done` }, acme);
    expect((await own.link(change)).status).toBe(200);
    const answer = await user.get(callback);
    expect([answer.status, answer.headers.get("location")]).toEqual([409, null]);
    expect(await resultOf(world, verifier, world.owner)).toMatchObject({ error: { code: "connector_changed" } });
  });

  test("A-03 a revocation of the connector's tokens ends it", async () => {
    const own = await installScene(world, "changed-revoked");
    const { verifier, user, callback } = await upToCallback(world, own, {}, acme);
    await world.api.delete(`/v1/connect/connectors/${own.connectorId}/tokens`, world.owner, {});
    expect((await user.get(callback)).status).toBe(409);
    expect(await resultOf(world, verifier, own.runtime)).toMatchObject({ error: { code: "connector_changed" } });
  });

  test("a deleted connector takes its requests along", async () => {
    const own = await installScene(world, "changed-deleted");
    const { request, verifier } = await started(world.api, own);
    await world.api.delete(`/v1/connect/connectors/${own.connectorId}`, world.owner);
    expect((await newBrowser(world).get(`/install/${request}`)).status).toBe(404);
    expect((await world.api.post("/v1/connect/result", { verifier }, world.owner)).status).toBe(404);
  });
});

describe("what may be asked", () => {
  test("A-11 a URL of an origin that is not the link's is refused", async () => {
    const hostile = await start(world.api, scene, { returnUrl: "https://evil.example/" });
    expect([hostile.status, hostile.body.error.code]).toEqual([400, "invalid_return_url"]);
    const webhook = await start(world.api, scene, { webhook: "https://evil.example/" });
    expect([webhook.status, webhook.body.error.code]).toEqual([400, "invalid_webhook_url"]);
  });

  test("by a link that is narrowed to installations nothing, nor of connectors that are installed nowhere", async () => {
    const own = await installScene(world, "narrowed");
    const { verifier } = await installAt(world, own);
    const { data } = await resultOf(world, verifier, own.runtime);
    const link = await own.link({ environments: ["production"], installations: [data.installationId] });
    expect(link.status).toBe(200);
    const refused = await start(world.api, own);
    expect([refused.status, refused.body.error.code]).toEqual([403, "forbidden"]);

    const body = { type: "oauth", uid: "oauth/nowhere", draft: true, projectId: own.projectId };
    expect((await world.api.post("/v1/connect/connectors", body, world.owner)).status).toBe(201);
    const nowhere = await start(world.api, { ...own, uid: "oauth/nowhere" });
    expect([nowhere.status, nowhere.body.error.code]).toEqual([400, "installation_unsupported"]);
  });

  test("of a connector that is not linked, or by a token without an environment, nothing", async () => {
    const own = await installScene(world, "unlinked");
    expect((await start(world.api, { uid: own.uid, runtime: scene.runtime })).status).toBe(404);
    const team = await start(world.api, { uid: own.uid, runtime: world.owner });
    expect([team.status, team.body.error.code]).toEqual([403, "environment_required"]);
    const later = await own.link({ environments: ["preview"] });
    expect(later.status).toBe(200);
    expect((await start(world.api, own)).status).toBe(403);
  });

  test("A-17 a hundred times at once, and no more", async () => {
    const own = await installScene(world, "many-installs");
    const { request } = await started(world.api, own);
    await env.DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99)
       INSERT INTO installation_requests (id, verifier_hash, connector_id, project_id, link_id, environment, request,
         config_revision, revoked_before_ms, status, created_at_ms, expires_at_ms)
       SELECT 'sci_' || n.i, 'hash' || n.i, r.connector_id, r.project_id, r.link_id, r.environment, r.request,
         r.config_revision, r.revoked_before_ms, r.status, r.created_at_ms, r.expires_at_ms
       FROM installation_requests AS r, n WHERE r.id = ?`,
    )
      .bind(request)
      .run();
    const refused = await start(world.api, own);
    expect([refused.status, refused.body.error.code]).toEqual([429, "too_many_pending_requests"]);
    expect((await start(world.api, scene)).status).toBe(200);
  });

  test("nothing of a state, a code or a verifier is stored in the clear", async () => {
    const { request, verifier } = await started(world.api, scene);
    const user = newBrowser(world);
    const url = nextOf((await decide(user, request)).text);
    const dump = JSON.stringify((await env.DB.prepare("SELECT * FROM installation_requests").all()).results);
    for (const secret of [verifier, url.searchParams.get("state") ?? "", [...user.cookies.values()][0] ?? ""]) {
      expect(secret.length).toBeGreaterThan(40);
      expect(dump).not.toContain(secret);
    }
  });
});
