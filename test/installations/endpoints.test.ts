import { beforeAll, describe, expect, test } from "vitest";
import { ANSWERS } from "../../src/reference/answers.ts";
import { sql } from "../../src/store/database.ts";
import { type InstallScene, installScene, installSetting, start } from "../installing/support.ts";
import { INSTALLATION_ANSWERS } from "../reference/installation-answers.ts";
import { type ApiAnswer, accessToken } from "../support/api.ts";
import { clock } from "../support/clock.ts";
import { seedInstallation } from "../support/installations.ts";
import { trustedWorkload } from "../support/workload.ts";

const { world, scene } = await installSetting("installation-routes");
await world.github.call("addOrganization", "routes-acme");
await world.github.call("addOrganization", "routes-globex");
/** The provider's ids of the installations of two organizations. */
const acme = await world.github.call<number>("install", scene.app.id, "routes-acme");
const globex = await world.github.call<number>("install", scene.app.id, "routes-globex");

const pathOf = (rest = "", connector = scene.connectorId) => `/v1/connect/connectors/${connector}/installations${rest}`;
const get = (rest = "", connector?: string) => world.api.get(pathOf(rest, connector), world.owner);
const take = (externalId: unknown, connector?: string) =>
  world.api.post(pathOf("", connector), { externalId: String(externalId) }, world.owner);
const connectorNow = async ({ connectorId } = scene) =>
  (await world.api.get(`/v1/connect/connectors/${connectorId}`, world.owner)).body;
const patch = (body: object, connector = scene.connectorId) =>
  world.api.patch(`/v2/connect/connectors/${connector}`, body, world.owner);
const tokenOf = ({ uid, runtime }: InstallScene, body: object) =>
  world.api.post(`/v1/connect/token/${encodeURIComponent(uid)}`, body, runtime);
const errorOf = ({ status, body }: ApiAnswer) => [status, body.error.code];

function shaped(route: string, answer: ApiAnswer): ApiAnswer {
  expect(INSTALLATION_ANSWERS).toContain(route);
  const expected = ANSWERS[route];
  const parsed = expected?.body.safeParse(answer.body);
  expect([answer.status, parsed?.error?.issues ?? []]).toEqual([expected?.status, []]);
  return answer;
}

describe("an installation that exists at the provider", () => {
  test("is taken by an operator, is the default where there is none, and is read by any of its names", async () => {
    const { body } = shaped("POST /v1/connect/connectors/:c/installations", await take(acme));
    expect(body).toMatchObject({
      connectorId: scene.connectorId,
      externalId: String(acme),
      name: "routes-acme",
      state: "active",
      default: true,
      data: { permissions: { contents: "read" } },
    });
    expect(await connectorNow()).toMatchObject({ defaultInstallationId: body.id, creationMode: "manual" });
    for (const reference of [body.id, acme, body.tenantId, "Routes-Acme"]) {
      const read = shaped("GET /v1/connect/connectors/:c/installations/:id", await get(`/${reference}`));
      expect(read.body).toEqual(body);
    }
    expect((await take(globex)).body).toMatchObject({ name: "routes-globex", default: false });
    expect((await take(acme)).body).toMatchObject({ id: body.id, default: true });
  });

  test("is named by its number, too, as the provider shows it", async () => {
    const post = (externalId: unknown) => world.api.post(pathOf(), { externalId }, world.owner);
    const taken = await post(acme);
    expect([taken.status, taken.body]).toEqual([201, (await get(`/${acme}`)).body]);
    for (const odd of [0, -acme, acme + 0.5, 2 ** 53, true, null, [acme], ""]) {
      expect(errorOf(await post(odd))).toEqual([400, "bad_request"]);
    }
  });

  test("is there again when an operator takes it, though a mint had not found it", async () => {
    const { id } = (await take(acme)).body;
    await world.services.db.run(sql("UPDATE installations SET state = 'removed' WHERE id = ?", id));
    expect((await take(acme)).body).toMatchObject({ id, state: "active" });
  });

  test("of another app, or of none, is not taken", async () => {
    const other = await installScene(world, "installation-routes-other");
    expect(errorOf(await take(acme, other.connectorId))).toEqual([404, "not_found"]);
    for (const id of [4_000_000_000, "junk", "../app"]) expect(errorOf(await take(id))).toEqual([404, "not_found"]);
    expect((await get("", other.connectorId)).body).toEqual({ installations: [], pagination: { next: null } });
    expect(errorOf(await get(`/${acme}`, other.connectorId))).toEqual([404, "not_found"]);
  });

  test("that does not exist yet is asked for, in the shape that the reference gives", async () => {
    shaped("POST /v1/connect/install/:c", await start(world.api, scene));
  });

  test("is not lost when the provider does not answer", async () => {
    await world.github.call("faults.next", "installation", { kind: "answer", status: 503 });
    expect((await take(acme)).status).toBeGreaterThanOrEqual(500);
    expect((await get(`/${acme}`)).body.state).toBe("active");
  });
});

describe("connectors that are installed nowhere", () => {
  test("say so on every route, and take no default", async () => {
    const data = { values: [] };
    const made = await world.api.post(
      "/v1/connect/connectors",
      { type: "api-key", name: "nowhere", data },
      world.owner,
    );
    expect([made.status, made.body.redirectUri]).toEqual([201, undefined]);
    const { id } = made.body;
    for (const answer of [await get("", id), await take(acme, id), await get("/ins_x", id)]) {
      expect(errorOf(answer)).toEqual([400, "installation_unsupported"]);
    }
    expect(errorOf(await patch({ defaultInstallationId: String(acme) }, id))).toEqual([400, "bad_request"]);
  });
});

describe("the default installation", () => {
  test("is set by any name, kept by other changes, and cleared", async () => {
    const other = (await get(`/${globex}`)).body.id;
    expect((await patch({ defaultInstallationId: "routes-globex" })).body.connector.defaultInstallationId).toBe(other);
    expect((await patch({ name: "Renamed" })).body.connector.defaultInstallationId).toBe(other);
    expect((await get(`/${globex}`)).body.default).toBe(true);
    expect((await patch({ defaultInstallationId: null })).body.connector).not.toHaveProperty("defaultInstallationId");
  });

  test("must be there", async () => {
    const before = await connectorNow();
    for (const reference of ["ins_none", "routes-nobody"]) {
      expect(errorOf(await patch({ defaultInstallationId: reference }))).toEqual([400, "bad_request"]);
    }
    const removed = await seedInstallation(scene.connectorId, "ins_removed_default", { state: "removed" });
    expect(errorOf(await patch({ defaultInstallationId: removed }))).toEqual([400, "bad_request"]);
    expect(await connectorNow()).toEqual(before);
  });
});

describe("the list", () => {
  let listed: InstallScene;
  beforeAll(async () => {
    listed = await installScene(world, "installation-list");
    await world.services.db.run(
      sql(
        `INSERT INTO installations (id, connector_id, tenant_id, external_id, name, state, created_at_ms, updated_at_ms)
         SELECT 'ins_' || printf('%05d', key), ?, 't' || key, 'x' || key, 'Org ' || key, 'active', 5000 - key / 2, 1
         FROM json_each(?)`,
        listed.connectorId,
        JSON.stringify(Array.from({ length: 5000 }, () => 0)),
      ),
    );
  });

  test("goes from page to page in the order of creation, and shows each once", async () => {
    const seen: string[] = [];
    let rest = "?limit=100";
    world.reset();
    for (let pages = 0; pages < 50; pages++) {
      const { body } = shaped("GET /v1/connect/connectors/:c/installations", await get(rest, listed.connectorId));
      seen.push(...body.installations.map(({ id }: { id: string }) => id));
      rest = `?limit=100&cursor=${body.pagination.next}`;
      if (pages === 49) expect(body.pagination.next).toBeNull();
    }
    expect(seen).toHaveLength(5000);
    expect(seen.slice(0, 3)).toEqual(["ins_04998", "ins_04999", "ins_04996"]);
    expect(new Set(seen).size).toBe(5000);
    // The connector, and its page.
    expect(world.calls.d1).toBeLessThanOrEqual(100);
  });

  test("finds by part of a name and by the provider's ids, without wildcards", async () => {
    const found = async (search: string) => {
      const { body } = await get(`?search=${encodeURIComponent(search)}`, listed.connectorId);
      return body.installations.map(({ name }: { name: string }) => name);
    };
    expect(await found("oRG 4321")).toEqual(["Org 4321"]);
    expect(await found("x77")).toEqual(["Org 77"]);
    expect(await found("t77")).toEqual(["Org 77"]);
    expect(await found("Org_77")).toEqual([]);
    expect(await found("%")).toEqual([]);
  });

  test("is of this connector only, and refuses a cursor that is none", async () => {
    const { body } = await get();
    expect(body.installations.map(({ name }: { name: string }) => name)).toContain("routes-acme");
    const owners = body.installations.map(({ connectorId }: { connectorId: string }) => connectorId);
    expect([...new Set(owners)]).toEqual([scene.connectorId]);
    expect(errorOf(await get("?cursor=junk"))).toEqual([400, "bad_request"]);
  });
});

describe("forgetting an installation", () => {
  test("ends its tokens, clears the default, and leaves it at the provider", async () => {
    const { id } = (await take(acme)).body;
    expect((await patch({ defaultInstallationId: id })).status).toBe(200);
    clock.advance(2_000);
    const { status, body } = await tokenOf(scene, {});
    expect([status, body.installationId]).toEqual([200, id]);
    const gone = await world.api.delete(pathOf(`/${id}`), world.owner);
    expect(gone.status).toBe(204);
    expect(Number(gone.headers.get("valetkey-effective-by"))).toBeGreaterThan(0);
    await expect.poll(() => world.github.call("tokenState", body.token), { timeout: 5000 }).toBe("revoked");
    expect(errorOf(await get(`/${id}`))).toEqual([404, "not_found"]);
    expect(await connectorNow()).not.toHaveProperty("defaultInstallationId");
    clock.advance(62_000);
    expect(errorOf(await tokenOf(scene, { installationId: id }))).toEqual([422, "client_installation_required"]);
    expect(await world.github.call("installations", scene.app.slug)).toHaveLength(2);
    // Taken again it is another record: links that named the first do not reach it.
    expect((await take(acme)).body.id).not.toBe(id);
  });

  test("with uninstall it goes at the provider first, and not at all where that fails", async () => {
    const { id } = (await take(globex)).body;
    await world.github.call("faults.next", "uninstall", { kind: "answer", status: 502 });
    expect((await world.api.delete(pathOf(`/${id}?uninstall=true`), world.owner)).status).toBeGreaterThanOrEqual(500);
    expect((await get(`/${id}`)).body.state).toBe("active");
    expect((await world.api.delete(pathOf(`/${id}?uninstall=true`), world.owner)).status).toBe(204);
    expect(errorOf(await get(`/${id}`))).toEqual([404, "not_found"]);
    expect(await world.github.call("installations", scene.app.slug)).toHaveLength(1);
  });

  test("names a switch that is none", async () => {
    expect((await world.api.delete(pathOf(`/${acme}?uninstall=yes`), world.owner)).status).toBe(400);
  });
});

describe("links", () => {
  test("take installations by any name, keep our ids, and name the index of one that is unknown", async () => {
    const { id, tenantId } = (await take(acme)).body;
    const environments = ["production"];
    for (const reference of [id, String(acme), tenantId, "ROUTES-acme"]) {
      const { status, body } = await scene.link({ environments, installations: [reference, id] });
      expect([status, body.installations]).toEqual([200, [id]]);
    }
    const refused = await scene.link({ environments, installations: [id, "secret-name"] });
    expect([...errorOf(refused), refused.text.includes("secret-name")]).toEqual([400, "bad_request", false]);
    expect(refused.body.error.message).toMatch(/^installations\[1\]/);
    await scene.link({ environments, installations: null });
  });

  test("take a ceiling of details that the driver knows, and show it", async () => {
    const environments = ["production"];
    const authorizationDetails = [{ type: "github_app_installation", permissions: ["contents:read"] }];
    const first = await scene.link({ environments, authorizationDetails });
    expect([first.status, first.body.authorizationDetails]).toEqual([200, authorizationDetails]);
    const kept = await scene.link({ environments });
    expect(kept.body.authorizationDetails).toEqual(authorizationDetails);
    expect(kept.body.updatedAt).toBeGreaterThan(first.body.updatedAt);
    for (const details of [
      [{ type: "payment_initiation" }],
      [{ type: "github_app_installation", permissions: 7 }],
      [],
    ]) {
      expect((await scene.link({ environments, authorizationDetails: details })).status).toBe(400);
    }
    const { body } = await scene.link({ environments, authorizationDetails: null });
    expect(body).not.toHaveProperty("authorizationDetails");
  });
});

describe("revoking by installation", () => {
  const revoke = (body: object, token = world.owner, { connectorId } = scene) =>
    world.api.delete(`/v1/connect/connectors/${connectorId}/tokens`, token, body);

  test("ends the tokens of that installation and of no other, for an admin and for the app itself", async () => {
    const { id } = (await take(acme)).body;
    await world.github.call("addOrganization", "routes-initech");
    const other = (await take(await world.github.call<number>("install", scene.app.id, "routes-initech"))).body.id;
    for (const [token, reference] of [
      [world.owner, id],
      [scene.runtime, String(acme)],
    ] as const) {
      clock.advance(62_000);
      const [here, there] = [
        await tokenOf(scene, { installationId: id }),
        await tokenOf(scene, { installationId: other }),
      ];
      expect([here.status, there.status]).toEqual([200, 200]);
      const { status, body } = await revoke({ installationId: reference }, token);
      expect([status, body.tokensFound, body.local]).toEqual([200, 1, "revoked"]);
      await expect.poll(() => world.github.call("tokenState", here.body.token), { timeout: 5000 }).toBe("revoked");
      expect(await world.github.call("tokenState", there.body.token)).toBe("valid");
      clock.advance(62_000);
      const again = await tokenOf(scene, { installationId: id });
      expect([again.status, again.body.token === here.body.token]).toEqual([200, false]);
    }
  });

  test("A-16 reaches no installation that the link does not name, nor another's tokens", async () => {
    const { id } = (await get(`/${acme}`)).body;
    const initech = (await get("/routes-initech")).body.id;
    await scene.link({ environments: ["production"], installations: [initech] });
    expect(errorOf(await revoke({ installationId: id }, scene.runtime))).toEqual([422, "client_installation_required"]);
    expect(errorOf(await revoke({ installationId: "ins_none" }, scene.runtime))).toEqual([
      422,
      "client_installation_required",
    ]);
    expect(errorOf(await revoke({ installationId: "ins_none" }))).toEqual([422, "client_installation_required"]);
    await scene.link({ environments: ["production"], installations: null });
    const viewer = await accessToken(world.api, world.owner, { role: "viewer" });
    expect(errorOf(await revoke({ installationId: id }, viewer))).toEqual([403, "forbidden"]);
  });

  test("is refused for users, whose tokens reach all of them, in the words of a token request", async () => {
    const { id } = (await get(`/${acme}`)).body;
    const subject = { type: "user", id: "u1" };
    const asked = { installationId: id, subject };
    const workload = await (await trustedWorkload(world.api, { ...scene, owner: world.owner, name: "routes" })).sign();
    const refused = await tokenOf({ ...scene, runtime: workload }, asked);
    expect(errorOf(refused)).toEqual([422, "client_installation_required"]);
    for (const token of [world.owner, workload]) {
      for (const installationId of [id, "ins_none"]) {
        const answer = await revoke({ ...asked, installationId }, token);
        expect([answer.status, answer.body.error.message]).toEqual([422, refused.body.error.message]);
      }
      expect((await revoke({ installationId: "*", subject }, token)).status).toBe(200);
    }
  });

  test("of all means what {} means, and only for admins", async () => {
    expect(errorOf(await revoke({ installationId: "*" }, scene.runtime))).toEqual([403, "forbidden"]);
    const installationId = (await get(`/${acme}`)).body.id;
    clock.advance(62_000);
    const { token } = (await tokenOf(scene, { installationId })).body;
    const answer = await revoke({ installationId: "*" });
    expect([answer.status, answer.body.local]).toEqual([200, "revoked"]);
    expect(answer.body.tokensFound).toBeGreaterThan(0);
    await expect.poll(() => world.github.call("tokenState", token), { timeout: 5000 }).toBe("revoked");
  });
});
