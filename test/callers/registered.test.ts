import { beforeAll, describe, expect, test } from "vitest";
import { MAX_RULES_PER_SELECTOR } from "../../src/callers/identity-store.ts";
import type { Database } from "../../src/store/database.ts";
import { type Api, apiOf, project, setUp } from "../support/api.ts";
import { type TestServices, testServices } from "../support/services.ts";
import { signer } from "./support.ts";

let services: TestServices;
let api: Api;
let owner: string;
let nowMs = Date.UTC(2026, 10, 20);
const { publicJwk } = await signer();

beforeAll(async () => {
  services = await testServices({ now: () => nowMs++ });
  api = apiOf(services);
  ({ owner } = await setUp(api));
});

const register = (issuer: string, fields: object = {}) =>
  api.post("/v1/issuers", { issuer, audience: "us", jwks: { keys: [publicJwk] }, ...fields }, owner);
const rulesOf = (projectId: string) => `/v1/projects/${projectId}/identities`;

/** Every row of a list, three to a page. */
async function paged(path: string, member: string): Promise<{ sizes: number[]; rows: unknown[] }> {
  const sizes: number[] = [];
  const rows: unknown[] = [];
  let next: string | null = null;
  do {
    const { body } = await api.get(`${path}?limit=3${next === null ? "" : `&cursor=${next}`}`, owner);
    sizes.push(body[member].length);
    rows.push(...body[member]);
    next = body.pagination.next;
  } while (next !== null);
  return { sizes, rows };
}

describe("what is registered is listed whole", () => {
  test("issuers by name, in pages that neither repeat nor skip one", async () => {
    const names = Array.from({ length: 7 }, (_, index) => `https://listed-${index}.example.org`);
    for (const name of names.toReversed()) expect((await register(name)).status).toBe(201);
    const { sizes, rows } = await paged("/v1/issuers", "issuers");
    expect(sizes).toEqual([3, 3, 1]);
    expect(rows).toMatchObject(names.map((issuer) => ({ issuer })));
    expect((await api.get("/v1/issuers", owner)).body.pagination).toEqual({ next: null });
  });

  test("a project's rules, newest first, in pages that neither repeat nor skip one", async () => {
    const projectId = await project(api, owner, "listed-rules");
    await register("https://rules.example.org");
    const subjects = Array.from({ length: 7 }, (_, index) => `w-${index}`);
    for (const sub of subjects) {
      const rule = { issuer: "https://rules.example.org", environment: "preview", claims: { sub } };
      expect((await api.post(rulesOf(projectId), rule, owner)).status).toBe(201);
    }
    const { sizes, rows } = await paged(rulesOf(projectId), "identities");
    expect(sizes).toEqual([3, 3, 1]);
    expect(rows).toMatchObject(subjects.toReversed().map((sub) => ({ projectId, claims: { sub } })));
  });

  test("a cursor of one list is none of the other", async () => {
    const projectId = await project(api, owner, "other-cursor");
    for (const index of [1, 2]) await register(`https://cursor-${index}.example.org`);
    const { next } = (await api.get("/v1/issuers?limit=1", owner)).body.pagination;
    const { status, body } = await api.get(`${rulesOf(projectId)}?cursor=${next}`, owner);
    expect([status, body.error.message]).toEqual([400, "The cursor is not one of this list."]);
  });
});

describe("a registration that is refused says what to correct", () => {
  const message = async (issuer: string, fields: object = {}) => (await register(issuer, fields)).body.error?.message;

  test("of an issuer", async () => {
    const taken = "https://taken.example.org";
    expect(await message(taken)).toBeUndefined();
    expect(await message(taken)).toBe("issuer: it is registered already.");
    expect(await message("https://two.example.org", { jwksUri: "https://two.example.org/k" })).toBe(
      "Give jwks or jwksUri, not both.",
    );
    expect(await message("http://127.0.0.1:8787")).toBe("issuer: this deployment's own tokens are trusted already.");
    for (const tail of ["?", "?a=b", "#", "#a"]) {
      expect((await register(`https://idp${tail}.internal`)).body.error).toMatchObject({
        code: "bad_request",
        message: "issuer: must have neither query nor fragment.",
      });
    }
    expect(await message("no URL")).toMatch(/^The URL/);
    expect(await message("https://pointer.example.org", { selectorClaim: "/a~2" })).toContain(
      "selectorClaim: must be a claim name or a JSON Pointer (RFC 6901)",
    );
  });

  test("of a rule", async () => {
    const issuer = "https://rule-refusals.example.org";
    await register(issuer, { selectorClaim: "repository_id" });
    const [one, two] = [await project(api, owner, "refused-one"), await project(api, owner, "refused-two")];
    const refused = async (projectId: string, fields: object) => {
      const rule = { issuer, environment: "production", claims: { repository_id: "1" }, ...fields };
      const { status, body } = await api.post(rulesOf(projectId), rule, owner);
      return [status, body.error?.message];
    };
    expect(await refused(one, { issuer: `${issuer}/` })).toEqual([
      400,
      "issuer: not registered here. Register it first, or correct the value: it must be the exact 'iss'.",
    ]);
    expect(await refused(one, { claims: { sub: "x" } })).toEqual([
      400,
      "claims: must pin 'repository_id', which tells this issuer's workloads apart.",
    ]);
    expect(await refused(one, {})).toEqual([201, undefined]);
    expect(await refused(two, {})).toEqual([
      409,
      "A token could match both this rule and one of another project or environment. Add a claim that tells them apart.",
    ]);
  });

  test("of a rule whose neighbours change each time that it was judged beside them", async () => {
    const issuer = "https://contended.example.org";
    await register(issuer);
    const projectId = await project(api, owner, "contended");
    let tries = 0;
    const contended: Database = {
      ...services.db,
      async run(statement) {
        if (!statement.sql.startsWith("INSERT INTO identities")) return services.db.run(statement);
        tries++;
        return 0;
      },
    };
    const here = apiOf({ ...services, db: contended });
    const rule = { issuer, environment: "production", claims: { sub: "x" } };
    const { status, body } = await here.post(rulesOf(projectId), rule, owner);
    expect([status, body.error.message]).toEqual([409, "The rules are being changed by others. Repeat the request."]);
    expect(tries).toBe(5);
  });

  test("of one rule more than a selector value may have", async () => {
    const issuer = "https://full.example.org";
    await register(issuer);
    const projectId = await project(api, owner, "full");
    const add = (index: number) => {
      const claims = { sub: "shared", ref: `${index}` };
      return api.post(rulesOf(projectId), { issuer, environment: "production", claims }, owner);
    };
    for (let index = 0; index < MAX_RULES_PER_SELECTOR; index++) expect((await add(index)).status).toBe(201);
    const { status, body } = await add(MAX_RULES_PER_SELECTOR);
    expect([status, body.error.message]).toEqual([409, "There may be at most 100 rules with this 'sub'."]);
  });

  test("and so does a deletion of what is not there", async () => {
    const projectId = await project(api, owner, "nothing-there");
    for (const path of [`${rulesOf(projectId)}/idn_none`, "/v1/issuers/iss_none"]) {
      expect((await api.delete(path, owner)).body.error.code).toBe("not_found");
    }
    const issuer = "https://deleted-rule.example.org";
    await register(issuer);
    const rule = { issuer, environment: "production", claims: { sub: "x" } };
    const { body } = await api.post(rulesOf(projectId), rule, owner);
    const path = `${rulesOf(projectId)}/${body.id}`;
    expect((await api.delete(path, owner)).status).toBe(204);
    expect((await api.delete(path, owner)).status).toBe(404);
  });
});
