import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { Services } from "../../src/services.ts";
import { formTokenOf, nextOf, ORIGIN } from "../authorize/support.ts";
import { accessToken, project } from "../support/api.ts";
import { agree, formOf, registered, registration, withoutConnectors } from "./registering.ts";
import { getFrom, installWorld, newBrowser, newVerifier, ownPath, proven, redirectOf, resultOf } from "./support.ts";

const world = await installWorld();

const managed = (fields: object, query = "?autoinstall=true", token = world.owner) =>
  world.api.post(`/v1/connect/connectors/managed${query}`, { service: "github", ...fields }, token);

const status = (verifier: string) => resultOf(world, verifier, world.owner);
/** What the log says of a registered app whose keys nobody has. */
const lostOf = (id: string) =>
  world.services.lines
    .map((line) => JSON.parse(line))
    .filter(({ event, installRequest }) => event === "registration.lost" && installRequest === id)
    .map(({ name, reason }) => ({ name, reason }));
const connectors = async (name: string) =>
  (await world.api.get(`/v2/connect/connectors?search=${name}`, world.owner)).body.connectors;

describe("a connector that a browser registers", () => {
  test("goes from the page to the provider, is made as it was asked for, and is installed", async () => {
    const projectId = await project(world.api, world.owner, "managed-whole");
    const { verifier, answer, id } = await registration(world, "Managed whole", {
      uid: "github/whole",
      projectId,
      environments: ["production"],
      triggers: { enabled: true },
      events: ["issues.*"],
      triggerDestination: { path: "/hooks" },
      accentColor: "#112233",
    });
    expect(answer.body.error).toMatchObject({
      code: "registration_required",
      message: expect.any(String),
      registerUrl: `${ORIGIN}/register/${id}`,
    });
    expect(await status(verifier)).toEqual({ status: "pending" });
    const user = newBrowser(world);
    const page = await user.get(`/register/${id}`);
    expect(page.text).toContain("Managed whole");
    expect(page.text).toContain("managed-whole");
    expect(page.text).toContain(new URL(world.github.webOrigin).host);

    const handover = await agree(user, id);
    const { origin } = new URL(world.github.webOrigin);
    expect(handover.headers.get("content-security-policy")).toContain(`form-action 'self' ${origin};`);
    expect(handover.text).not.toContain("http-equiv");
    const { url, body } = formOf(handover.text);
    const manifest = JSON.parse(body.get("manifest") ?? "");
    expect(manifest).toMatchObject({ name: "Managed whole", default_events: ["issues"] });
    const callback = ownPath(await redirectOf(url, { method: "POST", body }));
    expect(new URL(callback, ORIGIN).pathname).toBe(new URL(manifest.redirect_url).pathname);

    const made = await user.get(callback);
    expect(made.status).toBe(303);
    const [connector] = await connectors("Managed whole");
    expect(connector).toMatchObject({
      uid: "github/whole",
      type: "github",
      creationMode: "managed",
      accentColor: "#112233",
      triggers: { enabled: true },
      triggerDestinations: [{ projectId, path: "/hooks" }],
    });
    const partial = { clientId: connector.id };
    expect(await status(verifier)).toEqual({ status: "partial", data: partial });
    const trigger = await world.api.get(`/v1/connect/connectors/${connector.id}/triggers`, world.owner);
    expect(trigger.body).toMatchObject({ enabled: true, provider: "github", secrets: [expect.anything()] });
    expect(trigger.body.ingressUrl).toBe(manifest.hook_attributes.url);
    const link = await world.api.get(`/v1/connect/connectors/${connector.id}/projects/${projectId}`, world.owner);
    expect(link.body.environments).toEqual(["production"]);

    const back = ownPath(await redirectOf(made.headers.get("location") ?? ""));
    const done = await user.get(await proven(user, back));
    expect(done.headers.get("location")).toBe(`${ORIGIN}/install/${id}`);
    expect((await user.get(`/install/${id}`)).text).toContain("is installed");
    expect(await status(verifier)).toEqual({
      status: "success",
      data: { ...partial, installationId: expect.stringMatching(/^ins_/) },
    });
    const runtime = await accessToken(world.api, world.owner, {
      role: "developer",
      projectId,
      environment: "production",
    });
    const token = await world.api.post("/v1/connect/token/github%2Fwhole", {}, runtime);
    expect(token.body.token).toMatch(/^ghs_/);
  });

  test("is done once it is made, where nobody asked to install it", async () => {
    const { verifier, id } = await registration(world, "Managed alone", {}, "");
    const user = newBrowser(world);
    const done = await user.get(await registered(user, id));
    expect(done.headers.get("location")).toBe(`${ORIGIN}/install/${id}`);
    expect((await user.get(`/install/${id}`)).text).toContain("is registered");
    const [{ id: clientId }] = await connectors("Managed alone");
    expect(await status(verifier)).toEqual({ status: "success", data: { clientId } });
    // A verifier of the team is nobody's project's.
    const projectId = await project(world.api, world.owner, "managed-alone");
    const stranger = await accessToken(world.api, world.owner, {
      role: "developer",
      projectId,
      environment: "production",
    });
    expect((await world.api.post("/v1/connect/result", { verifier }, stranger)).status).toBe(404);
  });

  test("leads nobody to install what could not be proven any more", async () => {
    const { verifier, id } = await registration(world, "Managed secretless");
    const user = newBrowser(world);
    await user.get(await registered(user, id));
    const { clientId } = (await status(verifier)).data;
    const path = `/v2/connect/connectors/${clientId}`;
    expect((await world.api.patch(path, { data: { clientSecret: "" } }, world.owner)).status).toBe(200);
    const page = await user.get(`/install/${id}`);
    const answer = await user.post(`/install/${id}`, { form: formTokenOf(page.text), decision: "continue" });
    expect(answer.status).toBe(422);
    expect(answer.text).not.toContain("/installations/new");
    expect(await status(verifier)).toMatchObject({ status: "partial", data: { clientId } });
  });

  test("keeps its data when the rest is canceled", async () => {
    const { verifier, id } = await registration(world, "Managed half");
    const user = newBrowser(world);
    await user.get(await registered(user, id));
    const page = await user.get(`/install/${id}`);
    await user.post(`/install/${id}`, { form: formTokenOf(page.text), decision: "cancel" });
    const [{ id: clientId }] = await connectors("Managed half");
    expect(await status(verifier)).toMatchObject({ status: "canceled", data: { clientId } });
  });
});

describe("what is refused before anybody goes anywhere", () => {
  test("a service that cannot be registered, and whatever a creation would refuse", async () => {
    const { requestCode } = await newVerifier();
    const rest = { name: "No", request_code: requestCode };
    const taken = await world.api.post(
      "/v1/connect/connectors",
      { type: "oauth", uid: "oauth/taken", name: "Taken", draft: true },
      world.owner,
    );
    expect(taken.status).toBe(201);
    const refusals: [object, number, string][] = [
      [{ service: "slack" }, 400, "registration_unsupported"],
      [{ uid: "Not A Uid" }, 400, "invalid_uid"],
      [{ uid: "oauth/taken" }, 409, "conflict"],
      [{ projectId: "prj_unknown" }, 404, "not_found"],
      [{ environments: ["production"] }, 400, "bad_request"],
      [{ icon: "0".repeat(40) }, 400, "bad_request"],
      [{ triggerDestination: { path: "/x" } }, 400, "bad_request"],
      [{ data: { permissions: ["nonsense:read"] } }, 400, "bad_request"],
      [{ request_code: "short" }, 400, "bad_request"],
      [{ name: undefined }, 400, "bad_request"],
      [{ type: "github" }, 400, "unknown_field"],
    ];
    for (const [fields, code, name] of refusals) {
      const { status: got, body } = await managed({ ...rest, ...fields });
      expect({ fields, got, name: body.error.code }).toEqual({ fields, got: code, name });
    }
  });

  test("a request code that was used before", async () => {
    const { requestCode } = await registration(world, "Managed twice");
    const again = await managed({ name: "Managed twice", request_code: requestCode });
    expect([again.status, again.body.error.code]).toEqual([409, "conflict"]);
  });

  test("a caller who is no admin of the team", async () => {
    const developer = await accessToken(world.api, world.owner, { role: "developer" });
    const { requestCode } = await newVerifier();
    expect((await managed({ name: "No", request_code: requestCode }, "", developer)).status).toBe(403);
  });
});

describe("a registration that goes wrong", () => {
  test("of another browser, a doubled and a replayed callback make no second connector", async () => {
    const { id } = await registration(world, "Managed doubled");
    const user = newBrowser(world);
    const callback = await registered(user, id);
    expect((await newBrowser(world).get(callback)).status).toBe(400);
    const before = await world.github.call<number>("count", "convert");
    const answers = await Promise.all([user.get(callback), user.get(callback)]);
    expect(answers.map((answer) => answer.status).toSorted()).toEqual([303, 400]);
    expect((await user.get(callback)).status).toBe(400);
    expect(await world.github.call("count", "convert")).toBe(before + 1);
    expect(await connectors("Managed doubled")).toHaveLength(1);
  });

  test("is tried again at the same address while the provider does not answer", async () => {
    const { verifier, id } = await registration(world, "Managed slow");
    const user = newBrowser(world);
    const callback = await registered(user, id);
    await world.github.call("faults.next", "convert", { kind: "answer", status: 503 });
    const first = await user.get(callback);
    expect(first.status).toBeGreaterThanOrEqual(500);
    expect(first.text).toContain("Load this page again");
    expect(await status(verifier)).toEqual({ status: "pending" });
    expect((await user.get(callback)).status).toBe(303);
    expect((await status(verifier)).status).toBe("partial");
    expect(lostOf(id)).toEqual([]);
  });

  test("ends where the provider does not know the code", async () => {
    const { verifier, id } = await registration(world, "Managed forged");
    const user = newBrowser(world);
    const callback = new URL(await registered(user, id), ORIGIN);
    callback.searchParams.set("code", "another");
    const answer = await user.get(callback.pathname + callback.search);
    expect([303, 502]).toContain(answer.status);
    expect((await status(verifier)).status).toBe("error");
    expect(await connectors("Managed forged")).toEqual([]);
    expect(lostOf(id)).toEqual([]);
  });

  test("is finished by the same browser when the connector could not be stored at first", async () => {
    const { verifier, id } = await registration(world, "Managed stored", { uid: "github/stored" });
    const user = newBrowser(world);
    const callback = await registered(user, id);
    const { db } = world.services;
    const broken = withoutConnectors(db);
    // Nor does it tell then whether somebody else stored it.
    const silent: Services["db"] = {
      ...broken,
      first: (statement) =>
        statement.sql.includes("FROM installation_requests AS r WHERE r.id")
          ? Promise.reject(new Error("not now"))
          : db.first(statement),
    };
    for (const failing of [broken, silent]) {
      const failed = await getFrom(world, failing, user, callback);
      expect(failed.status).toBe(503);
      expect(failed.text).toContain("Load this page again");
    }
    const row = await env.DB.prepare("SELECT * FROM installation_requests WHERE id = ?").bind(id).first();
    expect(row).toMatchObject({ status: "registering", registered: 0, secrets_sealed: expect.any(String) });
    expect(JSON.stringify(row)).not.toContain("PRIVATE KEY");
    expect(await connectors("Managed stored")).toEqual([]);

    const converted = await world.github.call<number>("count", "convert");
    expect((await user.get(callback)).status).toBe(303);
    expect(await world.github.call("count", "convert")).toBe(converted);
    expect(await connectors("Managed stored")).toMatchObject([{ uid: "github/stored" }]);
    expect((await status(verifier)).status).toBe("partial");
  });

  test("is finished from its page, too, and is not registered twice", async () => {
    const { verifier, id } = await registration(world, "Managed reopened");
    const user = newBrowser(world);
    const failed = await getFrom(world, withoutConnectors(world.services.db), user, await registered(user, id));
    expect(failed.status).toBe(503);
    const next = nextOf((await agree(user, id)).text);
    expect(next.pathname).toMatch(/\/installations\/new$/);
    expect(await connectors("Managed reopened")).toHaveLength(1);
    await user.get(await proven(user, ownPath(await redirectOf(next))));
    expect((await status(verifier)).status).toBe("success");
  });

  test("gets another uid where somebody took its own meanwhile", async () => {
    const { id } = await registration(world, "Managed late", { uid: "github/late" });
    const other = await registration(world, "Managed early", { uid: "github/late" });
    const user = newBrowser(world);
    const callback = await registered(user, id);
    const early = newBrowser(world);
    await early.get(await registered(early, other.id));
    expect((await user.get(callback)).status).toBe(303);
    expect(await connectors("Managed late")).toMatchObject([{ uid: "github/managed-late" }]);
  });

  test("is reported where what the provider answered could not even be kept", async () => {
    const { id } = await registration(world, "Managed lost");
    const user = newBrowser(world);
    const callback = await registered(user, id);
    const { db } = world.services;
    let steps = 0;
    const broken: Services["db"] = {
      ...db,
      run: (statement) =>
        statement.sql.startsWith("UPDATE installation_requests") && ++steps > 1
          ? Promise.reject(new Error("no space"))
          : db.run(statement),
    };
    expect((await getFrom(world, broken, user, callback)).status).toBe(500);
    expect(lostOf(id)).toEqual([{ name: "Managed lost", reason: expect.stringContaining("no space") }]);
    expect((await user.get(callback)).status).toBe(400);
  });

  test("is reported where the provider's answer was lost, once the code is no longer good", async () => {
    const { id } = await registration(world, "Managed unheard");
    const user = newBrowser(world);
    const callback = await registered(user, id);
    await world.github.call("faults.next", "convert", { kind: "lost-answer" });
    expect((await user.get(callback)).text).toContain("Load this page again");
    expect(lostOf(id)).toEqual([]);
    expect((await user.get(callback)).status).toBe(303);
    expect(lostOf(id)).toEqual([{ name: "Managed unheard", reason: "github status=404" }]);
  });

  test.for([
    ["of another account", "Managed elsewhere", { organization: "acme" }, null],
    ["which is no app", "Managed misshapen", {}, { kind: "answer", status: 201, body: { id: 1 } }],
    ["which refuses something else than the code", "Managed refused", {}, { kind: "answer", status: 422 }],
  ] as const)("is reported where the answer, %s, ends it", async ([, name, options, fault]) => {
    const { webOrigin: host, apiBase: apiUrl } = world.github;
    const { id, verifier } = await registration(world, name, { data: { host, apiUrl, ...options } });
    const user = newBrowser(world);
    const { url, body } = formOf((await agree(user, id)).text);
    // Whoever has the page may post the form to another account's.
    const own = url.replace("/organizations/acme", "");
    const callback = ownPath(await redirectOf(own, { method: "POST", body }));
    if (fault !== null) await world.github.call("faults.next", "convert", fault);
    await user.get(callback);
    expect((await status(verifier)).status).toBe("error");
    expect(lostOf(id)).toEqual([{ name, reason: expect.any(String) }]);
  });

  test("is reported where it is canceled with what the provider answered", async () => {
    const stored = await registration(world, "Managed dropped");
    const unheard = await registration(world, "Managed dropped unheard");
    const fresh = await registration(world, "Managed not begun");
    const user = newBrowser(world);
    const broken = withoutConnectors(world.services.db);
    await getFrom(world, broken, user, await registered(user, stored.id));
    const callback = await registered(user, unheard.id);
    await world.github.call("faults.next", "convert", { kind: "lost-answer" });
    await user.get(callback);
    await registered(user, fresh.id);
    for (const [{ id }, told] of [
      [stored, [{ name: "Managed dropped", reason: "access_denied" }]],
      [unheard, [{ name: "Managed dropped unheard", reason: "access_denied" }]],
      [fresh, []],
    ] as const) {
      const page = await user.get(`/install/${id}`);
      await user.post(`/install/${id}`, { form: formTokenOf(page.text), decision: "cancel" });
      expect(lostOf(id)).toEqual(told);
    }
  });

  test("is reported where it expired meanwhile and could not be stored", async () => {
    const { id } = await registration(world, "Managed expired");
    const user = newBrowser(world);
    const callback = await registered(user, id);
    await world.github.call("faults.next", "convert", { kind: "hold" });
    const answer = getFrom(world, withoutConnectors(world.services.db), user, callback);
    await expect.poll(() => world.github.call("faults.held", "convert")).toBe(1);
    const ended = "UPDATE installation_requests SET status = 'expired', finished_at_ms = 1 WHERE id = ?";
    await env.DB.prepare(ended).bind(id).run();
    await world.github.call("faults.release", "convert");
    const { status: got, text } = await answer;
    expect([got, text.includes("Nothing is lost")]).toEqual([503, false]);
    expect(lostOf(id)).toEqual([{ name: "Managed expired", reason: expect.stringContaining("no space") }]);
  });
});
