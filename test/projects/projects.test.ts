import { beforeAll, describe, expect, test } from "vitest";
import { type Api, accessToken, apiOf, project, setUp } from "../support/api.ts";
import { testServices } from "../support/services.ts";

describe("projects and environments", () => {
  let api: Api;
  let owner: string;
  beforeAll(async () => {
    api = apiOf(await testServices());
    ({ owner } = await setUp(api));
  });

  test("a project has its three environments from the start, and answers to id and slug", async () => {
    const created = await api.post("/v1/projects", { slug: "shop" }, owner);
    expect([created.status, created.body]).toEqual([
      201,
      {
        id: expect.stringMatching(/^prj_/),
        slug: "shop",
        name: "shop",
        createdAt: expect.any(Number),
        updatedAt: expect.any(Number),
      },
    ]);
    for (const reference of [created.body.id, "shop"]) {
      const { body } = await api.get(`/v1/projects/${reference}`, owner);
      expect(body.environments.map(({ id }: { id: string }) => id)).toEqual(["development", "preview", "production"]);
      expect(body.id).toBe(created.body.id);
    }
  });

  test("of two concurrent projects with one slug, one is made and no environments are left of the other", async () => {
    const answers = await Promise.all([1, 2].map(() => api.post("/v1/projects", { slug: "twice" }, owner)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  test("a slug that looks like an id, or reads like another, is refused", async () => {
    for (const slug of ["", "prj_abc", "Shop", "shöp", "a/b", "-a", ".", "..", "a b", "a%2fb", "x".repeat(101)]) {
      expect([slug, (await api.post("/v1/projects", { slug }, owner)).status]).toEqual([slug, 400]);
    }
  });

  test("every project is listed exactly once, whatever the page size", async () => {
    for (let n = 0; n < 7; n++) await project(api, owner, `many-${n}`);
    const all = (await api.get("/v1/projects?limit=100", owner)).body.projects.map(
      ({ slug }: { slug: string }) => slug,
    );
    expect(all).toEqual([...all].sort());
    for (const limit of [1, 2, 3, all.length]) {
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const query: string = cursor === null ? `limit=${limit}` : `limit=${limit}&cursor=${cursor}`;
        const { body } = await api.get(`/v1/projects?${query}`, owner);
        expect(body.projects.length).toBeLessThanOrEqual(limit);
        seen.push(...body.projects.map(({ slug }: { slug: string }) => slug));
        cursor = body.pagination.next;
      } while (cursor !== null);
      expect(seen).toEqual(all);
    }
  });

  test("an origin is set, replaced and cleared; unknown environments and projects are not found", async () => {
    const id = await project(api, owner, "origins");
    const path = `/v1/projects/${id}/environments/production`;
    const set = await api.put(path, { origin: "https://app.example.com" }, owner);
    expect([set.status, set.body.origin, set.body.id]).toEqual([200, "https://app.example.com", "production"]);
    expect((await api.put(path, {}, owner)).body.origin).toBeNull();
    expect((await api.put(`/v1/projects/${id}/environments/env_no`, {}, owner)).status).toBe(404);
    expect((await api.put("/v1/projects/nope/environments/production", {}, owner)).status).toBe(404);
  });

  test("custom environments have ids, their slugs are unique in the project, and the standard ones are taken", async () => {
    const id = await project(api, owner, "stages");
    const path = `/v1/projects/${id}/environments`;
    const made = await api.post(path, { slug: "staging", origin: "https://staging.example.com" }, owner);
    expect([made.status, made.body.id, made.body.slug]).toEqual([201, expect.stringMatching(/^env_/), "staging"]);
    expect((await api.post(path, { slug: "staging" }, owner)).status).toBe(409);
    expect((await api.post(path, { slug: "production" }, owner)).status).toBe(409);
    const list = await api.get(`${path}?limit=2`, owner);
    const rest = await api.get(`${path}?limit=2&cursor=${list.body.pagination.next}`, owner);
    const ids = [...list.body.environments, ...rest.body.environments].map((one) => one.id).sort();
    expect(ids).toEqual(["development", "preview", "production", made.body.id].sort());
    expect(rest.body.pagination.next).toBeNull();
  });

  test("another project's custom environment is not found under this one", async () => {
    const [mine, theirs] = [await project(api, owner, "mine"), await project(api, owner, "theirs")];
    const { body } = await api.post(`/v1/projects/${theirs}/environments`, { slug: "qa" }, owner);
    expect((await api.put(`/v1/projects/${mine}/environments/${body.id}`, {}, owner)).status).toBe(404);
  });

  test("who may only look cannot change anything", async () => {
    const id = await project(api, owner, "looked-at");
    for (const role of ["viewer", "developer"]) {
      const token = await accessToken(api, owner, { role });
      expect((await api.get(`/v1/projects/${id}`, token)).status).toBe(200);
      expect((await api.post("/v1/projects", { slug: `by-${role}` }, token)).status).toBe(403);
      expect((await api.put(`/v1/projects/${id}/environments/production`, {}, token)).status).toBe(403);
      expect((await api.post(`/v1/projects/${id}/environments`, { slug: "x" }, token)).status).toBe(403);
    }
  });

  test("D-11 ids, times and revocation values cannot be assigned", async () => {
    for (const field of ["id", "createdAt", "revoked_before_ms", "revokedBeforeMs", "team_id"]) {
      const { status, body } = await api.post("/v1/projects", { slug: "x", [field]: 1 }, owner);
      expect([field, status, body.error.code]).toEqual([field, 400, "unknown_field"]);
    }
  });
});
