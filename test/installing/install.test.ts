import { describe, expect, test } from "vitest";
import { sql } from "../../src/store/database.ts";
import { APP, nextOf, ORIGIN } from "../authorize/support.ts";
import {
  decide,
  installAt,
  installationsOf,
  installed,
  installScene,
  installSetting,
  newBrowser,
  ownPath,
  proven,
  redirectOf,
  resultOf,
  start,
  started,
} from "./support.ts";

const { world, scene } = await installSetting("installing");

const installations = (id = scene.connectorId) => installationsOf(world, id);

describe("an installation", () => {
  test("goes from the app to the page, to the provider twice, and back to the app", async () => {
    const own = await installScene(world, "installing-whole");
    const answer = await start(world.api, own, { returnUrl: `${APP}/done?x=1`, scopes: ["*"] });
    expect(answer.body).toMatchObject({
      request: expect.stringMatching(/^sci_/),
      verifier: expect.stringMatching(/^[\w-]{43}$/),
      url: `${ORIGIN}/install/${answer.body.request}`,
      expiresAt: expect.any(Number),
      connector: { id: own.connectorId, uid: own.uid, type: "github", service: expect.any(String) },
    });
    const { request, verifier } = answer.body;
    const user = newBrowser(world);
    const page = await user.get(`/install/${request}`);
    expect([page.status, page.headers.get("set-cookie")]).toEqual([200, null]);
    for (const text of ["installing-whole", "Production", new URL(world.github.webOrigin).host, "app.example.com"]) {
      expect(page.text).toContain(text);
    }
    expect(page.headers.get("content-security-policy")).toContain("form-action 'self';");

    const callback = await installed(user, request);
    expect(callback).toMatch(/installation_id=\d+&setup_action=install&state=/);
    expect(await resultOf(world, verifier, own.runtime)).toEqual({ status: "pending" });
    expect(await installations(own.connectorId)).toEqual([]);
    const proof = await proven(user, callback);
    const done = await user.get(proof);
    expect([done.status, done.headers.get("location")]).toEqual([303, `${APP}/done?x=1&connect_request=${request}`]);

    const [only] = await installations(own.connectorId);
    expect(only).toMatchObject({ name: "octocat", state: "active", default: true });
    const data = { clientId: own.connectorId, installationId: only.id };
    expect(await resultOf(world, verifier, own.runtime)).toEqual({ status: "success", data });
    expect((await world.api.get(`/v1/connect/result/${verifier}`, world.owner)).body).toEqual({
      status: "success",
      data,
    });
    const connector = await world.api.get(`/v1/connect/connectors/${own.connectorId}`, world.owner);
    expect(connector.body.defaultInstallationId).toBe(only.id);
    // What the user showed of themselves is over.
    const users = (await world.github.call<string[]>("issued")).filter((token) => token.startsWith("ghu_"));
    expect(await Promise.all(users.map((token) => world.github.call("tokenState", token)))).toEqual(
      users.map(() => "revoked"),
    );
  });

  test("without a returnUrl ends on a page of ours that says so", async () => {
    const { user, request, done } = await installAt(world, scene);
    expect(done.headers.get("location")).toBe(`${ORIGIN}/install/${request}`);
    const page = await user.get(`/install/${request}`);
    expect(page.status).toBe(200);
    expect(page.text).toContain("is installed");
    expect((await newBrowser(world).get(`/install/${request}`)).status).toBe(400);
  });

  test("again in the same tenant keeps its record", async () => {
    const before = (await installations()).map(({ id }: { id: string }) => id);
    const { verifier } = await installAt(world, scene);
    expect(before).toContain((await resultOf(world, verifier, scene.runtime)).data.installationId);
    expect(await installations()).toHaveLength(before.length);
  });

  test("is there again, though a mint had not found it and the provider dates it as before", async () => {
    const own = await installScene(world, "installing-again");
    await installAt(world, own);
    const [{ id }] = await installations(own.connectorId);
    await world.services.db.run(sql("UPDATE installations SET state = 'removed' WHERE id = ?", id));
    const { verifier } = await installAt(world, own);
    expect((await resultOf(world, verifier, own.runtime)).data.installationId).toBe(id);
    expect(await installations(own.connectorId)).toMatchObject([{ id, state: "active" }]);
  });

  test("is asked for with deviceCode as without: the answer has none, and its page works", async () => {
    const { status, body } = await start(world.api, scene, { deviceCode: true });
    expect([status, body.deviceCode]).toEqual([200, undefined]);
    expect((await newBrowser(world).get(`/install/${body.request}`)).status).toBe(200);
    expect((await start(world.api, scene, { deviceCode: "yes" })).status).toBe(400);
  });

  test("offers the tenant that was named", async () => {
    const acme = await world.github.call<number>("addOrganization", "offered");
    const { request } = await started(world.api, scene, { tenantId: String(acme) });
    const user = newBrowser(world);
    const callback = await installed(user, request);
    await user.get(await proven(user, callback));
    expect(await installations()).toContainEqual(expect.objectContaining({ name: "offered", tenantId: String(acme) }));
  });

  test("canceled on the page goes back to the app without a trip to the provider", async () => {
    const { request, verifier } = await started(world.api, scene, { returnUrl: `${APP}/done` });
    const user = newBrowser(world);
    const answer = await decide(user, request, { decision: "cancel" });
    expect(nextOf(answer.text).href).toBe(`${APP}/done?connect_request=${request}`);
    expect(await resultOf(world, verifier, scene.runtime)).toMatchObject({
      status: "canceled",
      error: { code: "access_denied" },
    });
  });
});

describe("a place where it is installed already", () => {
  test("can be named by the address of its settings, and is proven like any other", async () => {
    const id = await world.github.call<number>("install", scene.app.id, "globex");
    const { request, verifier } = await started(world.api, scene);
    const user = newBrowser(world);
    expect((await user.get(`/install/${request}`)).text).not.toContain('name="installed"');
    await decide(user, request);
    // The provider showed its settings, and sent nobody back.
    expect((await user.get(`/install/${request}`)).text).toContain('name="installed"');
    const settings = `${world.github.webOrigin}/organizations/globex/settings/installations/${id}`;
    const answer = await decide(user, request, { installed: settings });
    const done = await user.get(ownPath(await redirectOf(nextOf(answer.text))));
    expect(done.status).toBe(303);
    expect((await resultOf(world, verifier, scene.runtime)).status).toBe("success");
    expect(await installations()).toContainEqual(expect.objectContaining({ name: "globex" }));
  });

  test("A-16 that is somebody else's is not taken", async () => {
    await world.github.call("addUser", "victim");
    const id = await world.github.call<number>("install", scene.app.id, "victim", { by: "victim" });
    const { request, verifier } = await started(world.api, scene);
    const user = newBrowser(world);
    await decide(user, request);
    const answer = await decide(user, request, { installed: String(id) });
    const done = await user.get(ownPath(await redirectOf(nextOf(answer.text))));
    expect(done.status).toBe(403);
    expect((await resultOf(world, verifier, scene.runtime)).error.code).toBe("installation_not_verified");
  });
});
