import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Secret } from "../../../src/crypto/secret.ts";
import { unwrap } from "../../../src/errors.ts";
import { rotatedSecrets } from "../../../src/triggers/settings/signing-secrets.ts";
import { keepLearnedSecret, openTriggerSecrets } from "../../../src/triggers/settings/trigger-secrets.ts";
import { findTrigger, markVerified } from "../../../src/triggers/settings/trigger-store.ts";
import { apiKeyBody, created, newWorld, type World } from "../../connectors/world.ts";
import { accessToken } from "../../support/api.ts";
import { hmacHex } from "../ingress/hooks.ts";

const DAY_MS = 86_400_000;
let nowMs = 1_700_000_000_000;
let world: World;
let connector: string;
beforeAll(async () => {
  world = await newWorld({ now: () => nowMs });
});
beforeEach(async () => {
  connector = await created(world, apiKeyBody());
});

const put = (body: unknown, token = world.owner) =>
  world.api.put(`/v1/connect/connectors/${connector}/triggers`, body, token);
const get = (token = world.owner) => world.api.get(`/v1/connect/connectors/${connector}/triggers`, token);
const read = () => world.api.get(`/v1/connect/connectors/${connector}`, world.owner);
const triggerOf = async (id: string) => {
  const trigger = await findTrigger(world.services.db, id);
  if (trigger === null) throw new Error("the connector has no trigger settings");
  return trigger;
};
const verified = async (id = connector) => markVerified(world.services.db, await triggerOf(id));
const secretsNow = async () => {
  const trigger = await triggerOf(connector);
  const secrets = unwrap(await openTriggerSecrets(world.services.keys, world.teamId, trigger));
  return secrets.map(({ value }) => value.expose());
};

describe("trigger settings", () => {
  test("every connector has an ingress from its creation on, a draft, too, and it is switched off", async () => {
    const draft = await world.api.post(
      "/v1/connect/connectors",
      { type: "oauth", draft: true, name: "D" },
      world.owner,
    );
    expect(draft.body.ingressUrl).toMatch(/\/hooks\/[0-9a-f]{32}$/);
    const { status, body, headers } = await get();
    expect(status).toBe(200);
    expect(headers.get("etag")).toBe('"1"');
    expect(body).toEqual({
      enabled: false,
      ingressUrl: (await read()).body.ingressUrl,
      secrets: [],
      pendingVerification: true,
      events: null,
      maxBodyBytes: 1_048_576,
      journal: false,
      payloadDays: 7,
      createdAt: nowMs,
      updatedAt: nowMs,
      revision: 1,
    });
    expect(draft.body.ingressUrl).not.toBe(body.ingressUrl);
  });

  test("a connector of an older version gets its ingress when it is asked for, once", async () => {
    await env.DB.prepare("DELETE FROM triggers WHERE connector_id = ?").bind(connector).run();
    const urls = (await Promise.all([get(), get(), get()])).map(({ body }) => body.ingressUrl);
    expect(new Set(urls).size).toBe(1);
  });

  test("a provider and its secret are set, and switching off keeps both", async () => {
    const on = await put({
      enabled: true,
      provider: "github",
      secrets: ["s3cret"],
      events: ["push", "pull_request.*"],
    });
    expect([on.status, on.text]).toEqual([200, on.text]);
    expect(on.body).toMatchObject({
      enabled: true,
      provider: "github",
      events: ["push", "pull_request.*"],
      revision: 2,
    });
    expect(on.text).not.toContain("s3cret");
    expect(on.body.secrets).toEqual([{ id: expect.stringMatching(/^sec_/), addedAt: nowMs }]);
    const off = await put({ enabled: false });
    expect(off.body).toMatchObject({ enabled: false, provider: "github", secrets: on.body.secrets });
    expect((await put({ enabled: true })).body).toMatchObject({ enabled: true, provider: "github" });
    expect((await read()).body).toMatchObject({ triggers: { enabled: true }, events: ["push", "pull_request.*"] });
  });

  test("the provider of the service goes without saying, and an unknown one is asked for", async () => {
    const known = await created(world, apiKeyBody({ service: "github" }));
    const answer = await world.api.put(`/v1/connect/connectors/${known}/triggers`, { enabled: true }, world.owner);
    expect(answer.body).toMatchObject({ enabled: true, provider: "github" });
    const unknown = await put({ enabled: true });
    expect([unknown.status, unknown.body.error.code]).toEqual([422, "recipe_required"]);
    expect(unknown.body.error.message).toContain("PUT");
    expect((await get()).body).toMatchObject({ enabled: false, revision: 1 });
  });

  test("a connector of any type carries a recipe of its own", async () => {
    const recipe = { signature: { header: "x-acme-signature", algorithm: "hmac-sha256", encoding: "hex" } };
    const { status, body } = await put({ enabled: true, recipe, secrets: ["a secret of acme"] });
    expect([status, body.recipe.signature.header]).toEqual([200, "x-acme-signature"]);
    expect(body.provider).toBeUndefined();
    const changed = await put({ provider: "github" });
    expect([changed.body.provider, changed.body.recipe]).toEqual(["github", undefined]);
  });

  test.for([
    [{ provider: "nobody" }, "provider"],
    [{ provider: "github", recipe: {} }, "provider"],
    [{ recipe: { signature: { header: "x", algorithm: "hmac-sha1" } } }, ""],
    [{ provider: "github", settings: { unknown: "x" } }, "settings"],
    [{ secrets: ["a", "b", "c", "d"] }, "secrets"],
    [{ maxBodyBytes: 26_214_401 }, "maxBodyBytes"],
    [{ payloadDays: 31 }, "payloadDays"],
    [{ events: [] }, "events"],
    [{ events: ["a b"] }, "events"],
    [{ ingressUrl: "https://x" }, "ingressUrl"],
  ] as const)("%j is refused and changes nothing", async ([body, named]) => {
    const answer = await put(body);
    expect(answer.status).toBe(400);
    expect(answer.body.error.message).toContain(named);
    expect((await get()).body).toMatchObject({ revision: 1, secrets: [] });
  });

  test.for(["", " padded", "padded\n", "whsec_"])(
    "fault 13 W-02 the secret %j is refused when it is saved",
    async (secret) => {
      const answer = await put({ provider: "github", secrets: [secret] });
      expect([answer.status, answer.body.error.code]).toEqual([400, "bad_request"]);
      expect((await get()).body.secrets).toEqual([]);
    },
  );

  test("If-Match of another revision is refused", async () => {
    const path = `/v1/connect/connectors/${connector}/triggers`;
    const send = (tag: string) =>
      world.api.send(path, {
        method: "PUT",
        headers: { authorization: `Bearer ${world.owner}`, "content-type": "application/json", "if-match": tag },
        body: JSON.stringify({ payloadDays: 1 }),
      });
    expect((await send('"7"')).status).toBe(412);
    expect((await send('"1"')).status).toBe(200);
  });

  test("only admins write, every member reads, and tokens of a project do neither", async () => {
    expect((await put({ payloadDays: 1 }, world.developer)).status).toBe(403);
    expect((await get(world.viewer)).status).toBe(200);
    expect((await get(world.managerOfA)).status).toBe(403);
    expect((await get(world.workloadOfA)).status).toBe(403);
  });

  test("a workload that may read the connector does not learn where its provider calls", async () => {
    const linked = await created(world, apiKeyBody({ projectId: world.projectA }));
    const shown = await world.api.get(`/v1/connect/connectors/${linked}`, world.workloadOfA);
    expect([shown.status, shown.body.ingressUrl, shown.body.triggers]).toEqual([200, undefined, { enabled: false }]);
  });
});

describe("W-07 rotation of a provider's secret", () => {
  test("W-07 fault 14 the secret of before stays valid for a day, or as long as is said, and then goes", async () => {
    await put({ enabled: true, provider: "github", secrets: ["first-secret"] });
    const rotated = await put({ secrets: ["second-secret"] });
    expect(rotated.body.secrets).toEqual([
      { id: expect.any(String), addedAt: nowMs },
      { id: expect.any(String), addedAt: nowMs, expiresAt: nowMs + DAY_MS },
    ]);
    expect(await secretsNow()).toEqual(["second-secret", "first-secret"]);
    await put({ secrets: ["third-secret"], previousSecretSeconds: 0 });
    expect(await secretsNow()).toEqual(["third-secret"]);
    await put({ secrets: ["fourth-secret"], previousSecretSeconds: 60 });
    nowMs += 60_000;
    expect((await get()).body.secrets).toHaveLength(1);
  });

  test("W-07 a secret that is sent again keeps its id and date, and one that ends is not prolonged", async () => {
    const { body } = await put({ provider: "github", secrets: ["a-secret"] });
    await put({ secrets: ["b-secret"], previousSecretSeconds: 60 });
    nowMs += 1000;
    const again = await put({ secrets: ["b-secret"] });
    expect(again.body.secrets[1].expiresAt).toBe(nowMs + 59_000);
    const back = await put({ secrets: ["a-secret"] });
    expect(back.body.secrets[0]).toEqual(body.secrets[0]);
    expect(back.body.secrets).toHaveLength(2);
  });

  test("W-07 never more than three secrets are kept", () => {
    const secret = (text: string) => ({ id: text, value: Secret.of(text), addedAtMs: 0, expiresAtMs: null });
    const before = [secret("a"), secret("b"), secret("c")];
    const after = rotatedSecrets(before, [secret("d")], { graceMs: 10, nowMs: 0 });
    expect(after.map(({ id, expiresAtMs }) => [id, expiresAtMs])).toEqual([
      ["d", null],
      ["a", 10],
      ["b", 10],
    ]);
  });

  test("W-13 the secret is sealed, for its row and generation only", async () => {
    await put({ provider: "github", secrets: ["very-visible-secret"] });
    const row = await env.DB.prepare("SELECT * FROM triggers WHERE connector_id = ?").bind(connector).first();
    expect(JSON.stringify(row)).not.toContain("very-visible-secret");
    await env.DB.prepare("UPDATE triggers SET secrets_generation = 9 WHERE connector_id = ?").bind(connector).run();
    const broken = await get();
    expect([broken.status, broken.body.error.code]).toEqual([500, "decryption_failed"]);
  });
});

describe("a secret that the provider sets by a handshake", () => {
  const learn = (text: string) => keepLearnedSecret(world.services, world.teamId, connector, Secret.of(text));

  test("fault 35 is kept once: not over another, and not once anything was verified", async () => {
    await put({ enabled: true, provider: "github" });
    expect(await learn("first")).toEqual({ ok: true, value: true });
    expect(await learn("second")).toEqual({ ok: true, value: false });
    expect(await secretsNow()).toEqual(["first"]);
    const other = await created(world, apiKeyBody());
    await verified(other);
    expect((await keepLearnedSecret(world.services, world.teamId, other, Secret.of("x"))).ok).toBe(true);
    expect((await findTrigger(world.services.db, other))?.secretsSealed).toBeNull();
  });

  test("fault 35 of many at the same moment, one is kept", async () => {
    const kept = await Promise.all(["a", "b", "c", "d"].map(learn));
    expect(kept.filter((result) => result.ok && result.value)).toHaveLength(1);
    expect(await secretsNow()).toHaveLength(1);
  });

  test("fault 33 W-13 Notion's is shown to admins, who have to paste it, until something was verified with it", async () => {
    const admin = await accessToken(world.api, world.owner, { role: "admin" });
    const { pathname } = new URL((await put({ enabled: true, provider: "notion" })).body.ingressUrl);
    const send = (body: string, headers: Record<string, string> = {}) =>
      world.api.send(pathname, { method: "POST", body, headers });
    const token = "secret_b537207f20cbfa02357cf448134da559";
    expect((await get()).body.verificationToken).toBeUndefined();
    expect((await send(JSON.stringify({ verification_token: token }))).status).toBe(200);
    for (const reader of [world.owner, admin]) expect((await get(reader)).body.verificationToken).toBe(token);
    for (const reader of [world.viewer, world.developer]) expect((await get(reader)).text).not.toContain(token);
    expect((await read()).text).not.toContain(token);

    const event = '{"id":"e1","type":"page.created"}';
    expect((await send(event, { "x-notion-signature": `sha256=${await hmacHex(token, event)}` })).status).toBe(200);
    expect((await get()).text).not.toContain(token);
  });

  test("fault 33 W-13 no secret is shown that an operator sent, or that the provider had echoed", async () => {
    const given = "secret_that_an_operator_sent";
    expect((await put({ enabled: true, provider: "notion", secrets: [given] })).text).not.toContain(given);
    expect((await get()).text).not.toContain(given);
    connector = await created(world, apiKeyBody());
    await put({ enabled: true, provider: "asana" });
    expect(await learn("secret-of-asana-itself")).toEqual({ ok: true, value: true });
    expect((await get()).text).not.toContain("secret-of-asana-itself");
  });

  test("another provider, or secrets taken back, await their first verification again", async () => {
    await put({ enabled: true, provider: "github", secrets: ["a-secret"] });
    await verified();
    expect((await put({ payloadDays: 1 })).body.pendingVerification).toBe(false);
    expect((await put({ provider: "linear" })).body.pendingVerification).toBe(true);
    await verified();
    expect((await put({ secrets: [], previousSecretSeconds: 0 })).body).toMatchObject({
      pendingVerification: true,
      secrets: [],
    });
  });

  test("fault 35 what the provider of before verified does not count for the one that was just chosen", async () => {
    await put({ enabled: true, provider: "github", secrets: ["a-secret"] });
    const before = await triggerOf(connector);
    await put({ provider: "asana", secrets: [], previousSecretSeconds: 0 });
    await markVerified(world.services.db, before);
    expect((await get()).body.pendingVerification).toBe(true);
    expect(await learn("secret-of-asana-itself")).toEqual({ ok: true, value: true });
  });
});

describe("triggers of a connector", () => {
  test.for([true, { enabled: true }])("create takes triggers %j, and answers the object", async (triggers) => {
    const body = { service: "github", triggers, events: ["push"] };
    const made = await world.api.post("/v1/connect/connectors", apiKeyBody(body), world.owner);
    expect([made.status, made.body.triggers, made.body.events]).toEqual([201, { enabled: true }, ["push"]]);
    const listed = await world.api.get("/v2/connect/connectors?limit=100", world.owner);
    expect(listed.body.connectors.find(({ id }: { id: string }) => id === made.body.id).triggers).toEqual({
      enabled: true,
    });
  });

  test("create with triggers of an unknown provider makes nothing", async () => {
    const refused = await world.api.post(
      "/v1/connect/connectors",
      apiKeyBody({ uid: "un/known", service: "nobody.example.com", triggers: true }),
      world.owner,
    );
    expect([refused.status, refused.body.error.code]).toEqual([422, "recipe_required"]);
    expect((await world.api.get("/v1/connect/connectors/un%2Fknown", world.owner)).status).toBe(404);
  });

  test("PATCH is the same state as PUT, in both directions", async () => {
    const patch = (body: unknown) => world.api.patch(`/v2/connect/connectors/${connector}`, body, world.owner);
    const refused = await patch({ triggers: true, name: "not this" });
    expect([refused.status, refused.body.error.code]).toEqual([422, "recipe_required"]);
    expect((await read()).body.name).not.toBe("not this");
    await put({ provider: "github" });
    const on = await patch({ triggers: true, events: ["push"] });
    expect([on.status, on.body.connector.triggers, on.body.connector.events]).toEqual([
      200,
      { enabled: true },
      ["push"],
    ]);
    expect((await get()).body).toMatchObject({ enabled: true, events: ["push"] });
    const off = await patch({ triggers: { enabled: false }, events: [] });
    expect([off.body.connector.triggers, off.body.connector.events]).toEqual([{ enabled: false }, undefined]);
    expect((await get()).body).toMatchObject({ enabled: false, events: null, provider: "github" });
  });

  test.for(["PUT", "PATCH"])("%s is heeded by this isolate's ingress at once", async (method) => {
    const { pathname } = new URL((await put({ provider: "github" })).body.ingressUrl);
    const status = async () => (await world.api.send(pathname, { method: "POST", body: "{}" })).status;
    const turn = (triggers: boolean) =>
      method === "PUT"
        ? put({ enabled: triggers })
        : world.api.patch(`/v2/connect/connectors/${connector}`, { triggers }, world.owner);
    expect(await status()).toBe(404);
    for (const [on, answer] of [
      [true, 503],
      [false, 404],
      [true, 503],
    ] as const) {
      await turn(on);
      expect(await status()).toBe(answer);
    }
  });

  test("deleting the connector takes its ingress along", async () => {
    const { pathname } = new URL((await put({ enabled: true, provider: "github" })).body.ingressUrl);
    const status = async () => (await world.api.send(pathname, { method: "POST", body: "{}" })).status;
    expect(await status()).toBe(503);
    await world.api.delete(`/v1/connect/connectors/${connector}`, world.owner);
    expect(await status()).toBe(404);
    expect(await findTrigger(world.services.db, connector)).toBeNull();
    expect((await put({ enabled: true })).status).toBe(410);
  });
});
