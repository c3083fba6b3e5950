import { beforeAll, describe, expect, test } from "vitest";
import { driverOf } from "../../src/catalog/registry.ts";
import { grantDirectory } from "../../src/grants/directory.ts";
import { grantName } from "../../src/grants/name.ts";
import { authorize } from "../../src/tokens/authorize.ts";
import { clock } from "../support/clock.ts";
import { ask, type Isolate, isolate, type Scene, scene } from "../support/connect.ts";
import { seedInstallation } from "../support/installations.ts";

/** What narrows a link, as the project behind it meets it. */

let at: Isolate;
let made: Scene;
beforeAll(async () => {
  at = await isolate();
  made = await scene(at.api, "narrowed", { leaseSeconds: 0 });
});

/** Writes the link, and lets the second pass for which it may be remembered. */
async function narrow(fields: Record<string, unknown>) {
  const path = `/v1/connect/connectors/${made.connectorId}/projects/${made.projectId}`;
  const nothing = { subjects: null, scopes: null, installations: null, subjectNamespace: null };
  const { status, text } = await at.api.post(path, { environments: ["production"], ...nothing, ...fields }, made.owner);
  if (status !== 200) throw new Error(`writing the link answered ${status}: ${text}`);
  clock.advance(2_000);
}
const outcome = async (body: object = {}) => {
  const answer = await ask(at.api, made, body);
  return answer.status === 200 ? answer.body.scopes : [answer.status, answer.body.error.code];
};

describe("a narrowed link", () => {
  test("gives no token for a subject that it does not list", async () => {
    await narrow({ subjects: ["user"] });
    expect(await outcome()).toEqual([403, "forbidden"]);
    await narrow({ subjects: ["app"] });
    expect(await outcome()).toEqual(["read"]);
  });

  test("gives no scope above its ceiling, by name or by default", async () => {
    await narrow({ scopes: ["list"] });
    expect(await outcome({ scopes: ["read"] })).toEqual([403, "insufficient_scope"]);
    expect(await outcome()).toEqual([403, "insufficient_scope"]);
    expect(await outcome({ scopes: ["list"] })).toEqual(["list"]);
    await narrow({ scopes: ["read", "list"] });
    expect(await outcome()).toEqual(["read"]);
  });

  test("gives nothing for installations other than its own", async () => {
    await narrow({ installations: [await seedInstallation(made.connectorId, "ins_1")] });
    expect(await outcome()).toEqual([422, "client_installation_required"]);
    expect(await outcome({ installationId: "ins_1" })).toEqual([422, "client_installation_required"]);
    await narrow({});
    expect(await outcome()).toEqual(["read"]);
  });

  test("gives nothing for an environment that it lost", async () => {
    await narrow({ environments: ["preview"] });
    expect(await outcome()).toEqual([403, "forbidden"]);
    await narrow({});
  });

  test("keeps the users of its namespace apart from those of every other", async () => {
    const grantOf = async (subjectNamespace: string | null) => {
      const decided = authorize(
        { projectId: "prj_1", environment: "production" },
        { type: "user", id: "u1", issuer: null },
        {
          teamId: "team_1",
          connector: {
            id: "scl_1",
            uid: "u",
            type: "api-key",
            name: "n",
            draft: false,
            config: { subjectType: "user", values: [], serviceUrls: [], instructions: null },
            configRevision: 1,
            region: null,
            leaseSeconds: 60,
          },
          link: {
            id: "lnk_1",
            environments: ["production"],
            installations: null,
            subjects: null,
            scopes: null,
            authorizationDetails: null,
            subjectNamespace,
          },
          version: "1",
          revokedBeforeMs: 0,
        },
        {
          subject: null,
          installationId: null,
          scopes: [],
          resources: [],
          audience: [],
          authorizationDetails: [],
          validityBufferMs: 0,
          rejectedTokenId: null,
        },
        driverOf("api-key"),
      );
      if (!decided.ok) throw new Error(decided.failure.code);
      return grantName(decided.value.identity);
    };
    const names = await Promise.all([null, "crm", "shop"].map(grantOf));
    expect(new Set(names).size).toBe(3);
    expect(await grantOf("crm")).toBe(names[1]);
  });
});

describe("a connector's region", () => {
  test("decides where its objects are: a jurisdiction by name, a location by hint, none by neither", () => {
    const asked: unknown[] = [];
    const namespace = (jurisdiction: string | null) => ({
      jurisdiction: (name: string) => namespace(name),
      getByName: (name: string, options?: unknown) => asked.push([jurisdiction, name, options]),
    });
    // Only the two methods that make stubs are there.
    const fake = namespace(null) as never;
    const directory = grantDirectory({ grants: fake, gates: fake });
    for (const region of ["eu", "weur", null]) {
      directory.grant("g1:x", region);
      directory.gate("scl_1", region);
    }
    expect(asked).toEqual([
      ["eu", "g1:x", undefined],
      ["eu", "scl_1", undefined],
      [null, "g1:x", { locationHint: "weur" }],
      [null, "scl_1", { locationHint: "weur" }],
      [null, "g1:x", undefined],
      [null, "scl_1", undefined],
    ]);
  });

  test("goes with every token request of it, and cannot be changed", async () => {
    const seen: unknown[] = [];
    const { grants } = at.services;
    const watched = await isolate({
      grants: {
        grant: (name, region) => {
          seen.push(region);
          // Local workerd knows no jurisdictions: what matters is what was asked for.
          return grants.grant(name, null);
        },
        gate: (id) => grants.gate(id, null),
      },
    });
    const regional = await scene(watched.api, "regional", { region: "weur", leaseSeconds: 0 });
    expect((await ask(watched.api, regional)).status).toBe(200);
    expect(new Set(seen)).toEqual(new Set(["weur"]));
    const change = { region: "enam" };
    const refused = await watched.api.patch(`/v2/connect/connectors/${regional.connectorId}`, change, regional.owner);
    expect([refused.status, refused.body.error.code]).toEqual([400, "bad_request"]);
  });
});
