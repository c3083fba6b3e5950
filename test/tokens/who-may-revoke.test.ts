import { beforeEach, describe, expect, test } from "vitest";
import { addEmptyGrants } from "../housekeeping/support.ts";
import { accessToken } from "../support/api.ts";
import { clock } from "../support/clock.ts";
import { ask, type Isolate, isolate, type Scene, scene } from "../support/connect.ts";
import { trustedWorkload } from "../support/workload.ts";

beforeEach(() => clock.reset());

const APP = { subject: { type: "app" } };
const revoke = ({ api }: Isolate, { connectorId }: Pick<Scene, "connectorId">, token: string, body: object = {}) =>
  api.delete(`/v1/connect/connectors/${connectorId}/tokens`, token, body);

async function refusal(...asking: Parameters<typeof revoke>) {
  const { status, body } = await revoke(...asking);
  return [status, body.error?.code, body.error?.message];
}

describe("all tokens of a connector", () => {
  const needsAdmin =
    "Revoking all tokens of a connector needs a team-wide access token with the admin role. Name a subject to revoke its tokens.";

  test("are revoked by a team-wide admin and by nobody else, however much they may do elsewhere", async () => {
    const here = await isolate();
    const at = await scene(here.api, "revoke-everything");
    const { token } = (await ask(here.api, at)).body;
    const { projectId } = at;
    const workload = await (await trustedWorkload(here.api, at)).sign();
    const others = [
      workload,
      at.runtime,
      await accessToken(here.api, at.owner, { role: "developer" }),
      await accessToken(here.api, at.owner, { role: "admin", projectId }),
      await accessToken(here.api, at.owner, { role: "admin", projectId, environment: "production" }),
    ];
    for (const other of others) expect(await refusal(here, at, other)).toEqual([403, "forbidden", needsAdmin]);
    expect((await ask(here.api, at)).body.token).toBe(token);

    const admin = await accessToken(here.api, at.owner, { role: "admin" });
    const { status, body } = await revoke(here, at, admin);
    // Every Grant was told: there is nothing left to wait for.
    expect([status, body.tokensFound, body.upstream, body.progress]).toEqual([200, 1, "done", undefined]);
  });

  test("of more Grants than are told at once: the answer says that others are still to be told", async () => {
    const here = await isolate();
    const at = await scene(here.api, "revoke-many");
    await addEmptyGrants(at.connectorId, 24);
    expect((await revoke(here, at, at.owner)).body.progress).toBeUndefined();
    const more = await scene(here.api, "revoke-more");
    await addEmptyGrants(more.connectorId, 25);
    expect((await revoke(here, more, more.owner)).body).toMatchObject({
      upstream: "pending",
      progress: { grantsTold: 25 },
    });
  });

  test("of a connector that does not exist are not found, by an admin too", async () => {
    const here = await isolate();
    const { owner } = await scene(here.api, "revoke-unknown");
    expect((await refusal(here, { connectorId: "scl_none" }, owner)).slice(0, 2)).toEqual([404, "not_found"]);
  });
});

describe("one subject's tokens", () => {
  test("are revoked in the caller's own environment; in every one by a team-wide admin", async () => {
    const here = await isolate();
    const at = await scene(here.api, "revoke-reach");
    const { projectId } = at;
    const preview = await accessToken(here.api, at.owner, { role: "developer", projectId, environment: "preview" });
    await ask(here.api, at);
    expect((await ask(here.api, { ...at, runtime: preview })).status).toBe(200);
    expect((await revoke(here, at, preview, APP)).body).toMatchObject({ tokensFound: 1, upstream: "done" });
    expect((await revoke(here, at, preview, APP)).body).toMatchObject({ tokensFound: 0 });
    expect((await revoke(here, at, at.owner, APP)).body).toMatchObject({ tokensFound: 1 });
  });

  test("are revoked where environments share one grant, too", async () => {
    const here = await isolate();
    const { owner, projectId, runtime } = await scene(here.api, "revoke-shared");
    const fields = { type: "api-key", name: "Key", uid: "api-key/revoke-shared", projectId };
    const created = await here.api.post(
      "/v1/connect/connectors",
      { ...fields, data: { values: [{ value: "k" }] } },
      owner,
    );
    expect((await ask(here.api, { uid: fields.uid, runtime })).status).toBe(200);
    const { body } = await revoke(here, { connectorId: created.body.id }, runtime, APP);
    expect(body).toMatchObject({ tokensFound: 1, deleted: 1, upstream: "unsupported" });
  });

  test("are nobody's to revoke without an environment of their own, admins of a project included", async () => {
    const here = await isolate();
    const at = await scene(here.api, "revoke-nowhere");
    const { projectId } = at;
    const { token } = (await ask(here.api, at)).body;
    const wide = await accessToken(here.api, at.owner, { role: "developer" });
    const ofProject = await accessToken(here.api, at.owner, { role: "admin", projectId });
    const viewer = await accessToken(here.api, at.owner, { role: "viewer" });
    for (const other of [wide, ofProject, viewer]) expect((await revoke(here, at, other, APP)).status).toBe(403);
    expect((await ask(here.api, at)).body.token).toBe(token);
  });

  test("are not revoked from an environment that the connector is not linked for", async () => {
    const here = await isolate();
    const at = await scene(here.api, "revoke-unlinked");
    const link = `/v1/connect/connectors/${at.connectorId}/projects/${at.projectId}`;
    await here.api.post(link, { environments: ["production"] }, at.owner);
    clock.advance(2_000);
    const { projectId } = at;
    const preview = await accessToken(here.api, at.owner, { role: "developer", projectId, environment: "preview" });
    expect(await refusal(here, at, preview, APP)).toEqual([
      403,
      "forbidden",
      'connector is not linked to this project for the environment "preview".',
    ]);
  });

  test("of an installation are refused for a type that has none", async () => {
    const here = await isolate();
    const at = await scene(here.api, "revoke-installation");
    const { status, body } = await revoke(here, at, at.runtime, { ...APP, installationId: "ins_1" });
    expect([status, body.error.code]).toEqual([422, "client_installation_required"]);
  });
});
