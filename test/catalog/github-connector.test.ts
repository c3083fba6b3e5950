import { beforeAll, describe, expect, test } from "vitest";
import { accessToken, project } from "../support/api.ts";
import { clock } from "../support/clock.ts";
import { type Isolate, isolate, ownerToken } from "../support/connect.ts";
import { newWorld, type World } from "./github-support.ts";

let world: World;
let own: Isolate;
let owner: string;
let projectId: string;
let runtime: string;
let connector: { id: string; uid: string };
/** Provider's ids. */
let acme: number;
let globex: number;

beforeAll(async () => {
  world = await newWorld();
  own = await isolate();
  owner = await ownerToken(own.api);
  projectId = await project(own.api, owner, "github-connector");
  runtime = await accessToken(own.api, owner, { role: "developer", projectId, environment: "production" });
  const data = { ...world.data, webhookSecret: "the-webhook-secret" };
  const created = await own.api.post(
    "/v1/connect/connectors",
    { type: "github", name: "Acme Bot", projectId, data },
    owner,
  );
  expect([created.status, created.body.type, created.body.uid]).toEqual([201, "github", "github/acme-bot"]);
  connector = created.body;
  acme = await world.github.call<number>("install", world.app.id, "acme", { repositories: ["web", "api"] });
  globex = await world.github.call<number>("install", world.app.id, "globex");
  for (const externalId of [acme, globex]) {
    const body = { externalId: String(externalId) };
    const taken = await own.api.post(`/v1/connect/connectors/${connector.id}/installations`, body, owner);
    expect([taken.status, taken.body.state]).toEqual([201, "active"]);
  }
});

const ask = (body: object = {}, token = runtime) =>
  own.api.post(`/v1/connect/token/${encodeURIComponent(connector.uid)}`, body, token);
const detail = (narrowing: object) => ({
  authorizationDetails: [{ type: "github_app_installation", ...narrowing }],
});
const mints = () => world.github.call<number>("count", "mint");

describe("a GitHub connector", () => {
  test("says what it can do", async () => {
    const { body } = await own.api.get(`/v1/connect/connectors/${connector.id}`, owner);
    expect(body).toMatchObject({
      typeName: "GitHub",
      service: "github",
      supportedSubjectTypes: ["app", "user"],
      supportsInstallation: true,
      supportsRevocation: true,
      supportsTriggers: true,
      clientUrl: `${world.github.webOrigin}/apps/acme-bot`,
      appTokens: { supportedAuthorizationDetails: ["github_app_installation"], requiresReinstallation: true },
      data: { appSlug: "acme-bot", appId: world.app.id, privateKeyPem: { set: true } },
    });
  });

  test("has GitHub's recipe and the app's webhook secret from its own data", async () => {
    const settings = await own.api.get(`/v1/connect/connectors/${connector.id}/triggers`, owner);
    expect(settings.body).toMatchObject({ enabled: false, provider: "github", secrets: [{}] });
    const changed = await own.api.patch(
      `/v2/connect/connectors/${connector.id}`,
      { triggers: true, data: { webhookSecret: "the next secret" } },
      owner,
    );
    expect(changed.status).toBe(200);
    const after = await own.api.get(`/v1/connect/connectors/${connector.id}/triggers`, owner);
    expect(after.body).toMatchObject({ enabled: true, provider: "github" });
    expect(after.body.secrets).toHaveLength(2);
  });

  test("leaves another recipe alone that somebody chose", async () => {
    const path = `/v1/connect/connectors/${connector.id}/triggers`;
    await own.api.put(path, { provider: "gitlab-token", secrets: ["chosen"], previousSecretSeconds: 0 }, owner);
    await own.api.patch(`/v2/connect/connectors/${connector.id}`, { data: { webhookSecret: "unheard" } }, owner);
    const { body } = await own.api.get(path, owner);
    expect([body.provider, body.secrets.length]).toEqual(["gitlab-token", 1]);
  });
});

describe("its tokens", () => {
  test("are the first installation's unless another is named, by any of its names", async () => {
    const [first, byDetail, byId, byTenant] = await Promise.all([
      ask(),
      ask(detail({ org: "Globex" })),
      ask({ installationId: String(globex) }),
      ask({ installationId: "globex", ...detail({ permissions: "contents:read" }) }),
    ]);
    expect(first?.body).toMatchObject({
      metadata: { repository_selection: "selected" },
      authorizationDetails: [{ org: "acme" }],
    });
    expect(byDetail?.body.installationId).toMatch(/^ins_/);
    expect(byDetail?.body.installationId).not.toBe(first?.body.installationId);
    expect(byId?.body.installationId).toBe(byDetail?.body.installationId);
    expect(byTenant?.body).toMatchObject({
      installationId: byDetail?.body.installationId,
      metadata: { permissions: { contents: "read" } },
      authorizationDetails: [{ org: "globex", permissions: ["contents:read", "metadata:read"] }],
    });
  });

  test("of one narrowing are minted once, however many ask, and however they write it", async () => {
    const before = await mints();
    const asked = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        ask(detail({ repositories: index % 2 === 0 ? ["web", "acme/api"] : ["ACME/API", "acme/web"] })),
      ),
    );
    expect(new Set(asked.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(asked.map(({ body }) => body.token)).size).toBe(1);
    expect(await mints()).toBe(before + 1);
  });

  test("are the same for every environment", async () => {
    const preview = await accessToken(own.api, owner, { role: "developer", projectId, environment: "preview" });
    expect((await ask({}, preview)).body.tokenId).toBe((await ask()).body.tokenId);
  });

  test.for([
    [{ scopes: ["repo"] }, 400, "invalid_scope"],
    [detail({ permissions: "everything:write" }), 400, "invalid_target"],
    [detail({ permissions: "issues:write" }), 403, "insufficient_scope"],
    [detail({ repositories: "infra" }), 403, "insufficient_scope"],
    [detail({ org: "initech" }), 422, "client_installation_required"],
    [{ installationId: "*" }, 422, "client_installation_required"],
    [{ installationId: "999" }, 422, "client_installation_required"],
  ] as const)("C-14 %j is refused", async ([body, status, code]) => {
    const answer = await ask(body);
    expect([answer.status, answer.body.error.code]).toEqual([status, code]);
  });

  test("are as many signatures as keys, not as mints", async () => {
    const before = await world.github.call<number>("appJwts");
    for (const name of ["contents:read", "contents:write", "issues:read"]) {
      expect((await ask(detail({ permissions: [name] }))).status).toBe(200);
    }
    expect((await world.github.call<number>("appJwts")) - before).toBeLessThanOrEqual(1);
  });
});

describe("C-14 a link with a ceiling", () => {
  let narrow: string;
  beforeAll(async () => {
    const other = await project(own.api, owner, "github-ceiling");
    const body = {
      environments: ["production"],
      ...detail({ permissions: ["contents:read"], repositories: ["acme/web"] }),
    };
    const linked = await own.api.post(`/v1/connect/connectors/${connector.id}/projects/${other}`, body, owner);
    expect(linked.status).toBe(200);
    narrow = await accessToken(own.api, owner, { role: "developer", projectId: other, environment: "production" });
  });

  test("gives no more by default", async () => {
    const { status, body } = await ask({}, narrow);
    expect(status).toBe(200);
    expect(body.authorizationDetails).toEqual([
      {
        type: "github_app_installation",
        org: "acme",
        permissions: ["contents:read", "metadata:read"],
        repositories: ["web"],
      },
    ]);
  });

  test.for([{ permissions: "contents:write" }, { repositories: "api" }, { org: "globex" }])(
    "gives not %j",
    async (asked) => {
      const answer = await ask(detail(asked), narrow);
      expect([answer.status, answer.body.error.code]).toEqual([403, "permission_not_allowed"]);
    },
  );

  test("gives nothing of another account", async () => {
    const answer = await ask({ installationId: String(globex) }, narrow);
    expect([answer.status, answer.body.error.code]).toEqual([403, "insufficient_scope"]);
  });
});

describe("C-14 a link with a ceiling of details", () => {
  const linked = async (name: string, narrowing: object) => {
    const other = await project(own.api, owner, name);
    const body = { environments: ["production"], ...narrowing };
    const answer = await own.api.post(`/v1/connect/connectors/${connector.id}/projects/${other}`, body, owner);
    expect(answer.status).toBe(200);
    return accessToken(own.api, owner, { role: "developer", projectId: other, environment: "production" });
  };

  test("C-14 keeps it beside a ceiling of scopes, even one that allows all of them", async () => {
    const token = await linked("github-two-ceilings", { scopes: ["*"], ...detail({ permissions: "contents:read" }) });
    for (const asked of [{}, { scopes: ["*"] }]) {
      const { status, body } = await ask(asked, token);
      expect([status, body.metadata?.permissions]).toEqual([200, { contents: "read", metadata: "read" }]);
    }
  });
});

describe("what happens at GitHub", () => {
  test("a revocation ends tokens there", async () => {
    const { body } = await ask(detail({ org: "globex", permissions: "contents:read" }));
    const revoked = await own.api.delete(`/v1/connect/connectors/${connector.id}/tokens`, owner, {});
    expect(revoked.status).toBe(200);
    await expect.poll(() => world.github.call("tokenState", body.token), { timeout: 5000 }).toBe("revoked");
  });

  test("a suspension is told as one", async () => {
    await world.github.call("suspend", globex);
    const answer = await ask(detail({ org: "globex", repositories: "site" }));
    expect([answer.status, answer.body.error.code]).toEqual([422, "installation_suspended"]);
    await world.github.call("unsuspend", globex);
  });

  test("an installation that is gone is noticed by the mint, and said so from then on", async () => {
    await world.github.call("uninstall", acme);
    // One that is known for a minute only could be there, though not everywhere yet.
    clock.advance(61_000);
    const answer = await ask(detail({ org: "acme", permissions: ["contents:read", "issues:read"] }));
    expect([answer.status, answer.body.error.code]).toEqual([422, "client_installation_required"]);
    const path = `/v1/connect/connectors/${connector.id}/installations/${acme}`;
    await expect.poll(async () => (await own.api.get(path, owner)).body.state).toBe("removed");
  });
});
