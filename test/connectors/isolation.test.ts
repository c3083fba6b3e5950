import { beforeAll, describe, expect, test } from "vitest";
import { ROUTES } from "../../src/routes.ts";
import { sql } from "../../src/store/database.ts";
import { db } from "./rows.ts";
import { apiKeyBody, created, newWorld, oauthBody, type World } from "./world.ts";

let world: World;
let ofA: string;
let ofB: string;

beforeAll(async () => {
  world = await newWorld();
  ofA = await created(
    world,
    apiKeyBody({ uid: "slack/acme", projectId: world.projectA, environments: ["production"] }),
  );
  ofB = await created(world, apiKeyBody({ uid: "slack/other", projectId: world.projectB }));
});

const get = (reference: string, token: string) => world.api.get(`/v1/connect/connectors/${reference}`, token);

describe("B-11 references", () => {
  test("id and uid as one encoded segment are the same connector, in either case of the escape", async () => {
    for (const reference of [ofA, "slack%2Facme", "slack%2facme"]) {
      expect((await get(reference, world.productionOfA)).body.id).toBe(ofA);
    }
  });

  test.for(["slack%252Facme", "SLACK%2Facme", "slack%2FACME", "slack/acme", "slack%2Facme%2F", "slack%2F..%2Facme"])(
    "%s does not resolve",
    async (reference) => {
      expect((await get(reference, world.owner)).body.error.code).toBe("not_found");
    },
  );

  test("an id does not resolve by changed case, prefix or padding", async () => {
    for (const reference of [ofA.toUpperCase(), ofA.slice(0, -1), `${ofA}%20`, `${ofA}%00`, ofA.slice(4)]) {
      expect((await get(reference, world.owner)).status).toBe(404);
    }
  });
});

describe("who sees a connector", () => {
  test("a workload reads what is linked for its environment, with data", async () => {
    const { status, body } = await get(ofA, world.productionOfA);
    expect(status).toBe(200);
    expect(body).toMatchObject({ id: ofA, data: { subjectType: "app" } });
  });

  test("linked for other environments only is forbidden, with the message that clients look for", async () => {
    const { status, body } = await get(ofA, world.workloadOfA);
    expect([status, body.error.code]).toEqual([403, "forbidden"]);
    expect(body.error.message).toMatch(/^connector is not linked to this project/);
  });

  test("B-11 another project's, an unlinked, a deleted and an unknown connector answer alike to a workload", async () => {
    const unlinked = await created(world, oauthBody());
    const deleted = await created(world, apiKeyBody({ projectId: world.projectA }));
    await world.api.delete(`/v1/connect/connectors/${deleted}`, world.owner);
    const answers = [];
    for (const reference of [ofB, "slack%2Fother", unlinked, deleted, "scl_00000000000000000000", "no%2Fbody"]) {
      for (const token of [world.productionOfA, world.workloadOfA, world.managerOfA]) {
        const { status, body } = await get(reference, token);
        const { request_id: _, ...error } = body.error;
        answers.push(JSON.stringify([status, error]));
      }
    }
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toContain("not_found");
  });

  test("B-11 a detached connector is not found from that moment on", async () => {
    const id = await created(world, apiKeyBody({ projectId: world.projectA }));
    expect((await get(id, world.productionOfA)).status).toBe(200);
    await world.api.delete(`/v1/connect/connectors/${id}/projects/project-a`, world.owner);
    expect((await get(id, world.productionOfA)).status).toBe(404);
  });

  test("a token of a whole project sees what is linked to any of its environments", async () => {
    expect((await get(ofA, world.managerOfA)).status).toBe(200);
    expect((await get(ofB, world.managerOfA)).status).toBe(404);
  });
});

/** Every route about connectors and links. New ones are covered by being in the URL map. */
const routes = ROUTES.filter(([, pattern]) => /^\/v\d\/connect\/(connectors|projects)/.test(pattern));
const bodies: Record<string, unknown> = {
  "POST /v1/connect/connectors": apiKeyBody(),
  "PATCH /v2/connect/connectors/:c": { name: "Stolen" },
  "POST /v1/connect/connectors/:c/projects/:p": { environments: ["production"] },
};

describe("D-07 the other project's credentials", () => {
  test("the URL map has the routes that these tests mean to cover", () => {
    expect(routes.length).toBeGreaterThanOrEqual(10);
  });

  test.for(routes.map(([method, pattern]) => [method, pattern] as const))(
    "%s %s answers 403 or 404 to them and changes nothing",
    async ([method, pattern]) => {
      const state = async () =>
        JSON.stringify(await db.batch([sql("SELECT * FROM connectors"), sql("SELECT * FROM links")]));
      const path = pattern.replace(":c", ofA).replace(":p", world.projectA);
      const before = await state();
      for (const token of [world.managerOfB, world.productionOfB]) {
        const init = { method, headers: { authorization: `Bearer ${token}`, "content-type": "application/json" } };
        const body = bodies[`${method} ${pattern}`];
        const answer = await world.api.send(path, {
          ...init,
          ...(body !== undefined && { body: JSON.stringify(body) }),
        });
        expect([403, 404]).toContain(answer.status);
        expect(answer.text).not.toContain("Keys");
      }
      expect(await state()).toBe(before);
    },
  );

  test("an administrator of a project cannot link a connector of the team to it", async () => {
    const answer = await world.api.post(
      `/v1/connect/connectors/${ofA}/projects/${world.projectB}`,
      { environments: ["production"] },
      world.managerOfB,
    );
    expect([answer.status, answer.body.error.code]).toEqual([403, "forbidden"]);
    expect((await get(ofA, world.productionOfB)).status).toBe(404);
  });

  test("nor learn from its own link paths whether a connector exists", async () => {
    const ask = (id: string) => world.api.get(`/v1/connect/connectors/${id}/projects/project-b`, world.managerOfB);
    const [hidden, absent] = [await ask(ofA), await ask("scl_00000000000000000000")];
    expect(hidden.status).toBe(404);
    const { request_id: _a, ...hiddenError } = hidden.body.error;
    const { request_id: _b, ...absentError } = absent.body.error;
    expect(hiddenError).toEqual(absentError);
    expect((await ask(ofB)).status).toBe(200);
  });

  test("without credentials every one of these routes is 401", async () => {
    for (const [method, pattern] of routes) {
      const path = pattern.replace(":c", ofA).replace(":p", world.projectA);
      expect((await world.api.send(path, { method })).status).toBe(401);
    }
  });
});

describe("sealed secrets", () => {
  const read = (id: string) => db.first<Record<string, string>>(sql("SELECT * FROM connectors WHERE id = ?", id));
  const setSealed = (id: string, sealed: string | undefined) =>
    db.run(sql("UPDATE connectors SET secrets_sealed = ? WHERE id = ?", sealed ?? null, id));
  const change = (id: string) =>
    world.api.patch(`/v2/connect/connectors/${id}`, { data: { clientName: "x" } }, world.owner);

  test("D-02 swapped between two connectors they are a 500, never the other's secret", async () => {
    const [a, b] = [await created(world, oauthBody()), await created(world, oauthBody())];
    const [sealedA, sealedB] = [(await read(a))?.secrets_sealed, (await read(b))?.secrets_sealed];
    await setSealed(a, sealedB);
    await setSealed(b, sealedA);
    for (const id of [a, b]) {
      const { status, body } = await change(id);
      expect([status, body.error.code]).toEqual([500, "decryption_failed"]);
    }
    expect((await get(a, world.owner)).status).toBe(200);
  });

  test("D-03 rolled back to an older generation they are a 500", async () => {
    const id = await created(world, oauthBody());
    const old = (await read(id))?.secrets_sealed;
    expect((await change(id)).status).toBe(200);
    await setSealed(id, old);
    const { status, body } = await change(id);
    expect([status, body.error.code]).toEqual([500, "decryption_failed"]);
  });
});
