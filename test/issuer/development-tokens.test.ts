import { env } from "cloudflare:workers";
import { decodeJwt } from "jose";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CALLER_LEASE_MS } from "../../src/callers/caller-leases.ts";
import { accessToken, project } from "../support/api.ts";
import { clock } from "../support/clock.ts";
import { ask, type Isolate, isolate, type Scene, scene } from "../support/connect.ts";

/** A development token is a loan of the access token that it was made with. */
describe("B-19 a development token", () => {
  let here: Isolate;
  let at: Scene;
  beforeAll(async () => {
    clock.reset();
    here = await isolate();
    at = await scene(here.api, "development");
  });
  beforeEach(() => clock.reset());

  const make = (token: string, body?: object) => here.api.post(`/v1/projects/${at.projectId}/token`, body, token);
  const made = async (fields: Record<string, unknown>) => {
    const own = await accessToken(here.api, at.owner, { role: "developer", ...fields });
    const { body } = await make(own);
    return { id: own.split("_")[1] ?? "", token: String(body.token) };
  };
  /** As what the token is used by an isolate that knows nothing yet: 200, or the code of the refusal. */
  const use = async (token: string, body: object = {}) => {
    const answer = await ask((await isolate()).api, { uid: at.uid, runtime: token }, body);
    return answer.status === 200 ? 200 : answer.body.error.code;
  };
  const user = (id: string, issuer?: string) => ({ subject: { type: "user", id, ...(issuer && { issuer }) } });

  test("names its maker, and the maker's user", async () => {
    const { id, token } = await made({ userId: "ada" });
    expect(decodeJwt(token)).toMatchObject({ access_token_id: id, user_id: "ada", environment: "development" });
    expect(decodeJwt((await made({})).token)).not.toHaveProperty("user_id");
  });

  test("asks for nobody but the app and its maker's own user", async () => {
    const { token } = await made({ userId: "ada" });
    expect(await use(token)).toBe(200);
    expect(await use(token, { subject: { type: "app" } })).toBe(200);
    // The connector has no user tokens; what matters is that the question is allowed.
    expect(await use(token, user("ada"))).toBe("unresolved_token");
    expect(await use(token, user("bob"))).toBe("forbidden");
    expect(await use(token, user("ada", "https://elsewhere.example"))).toBe("forbidden");
  });

  test("of a machine asks for no user at all", async () => {
    const { token } = await made({});
    expect(await use(token)).toBe(200);
    expect(await use(token, user("ada"))).toBe("forbidden");
  });

  test("may not revoke another user's tokens either", async () => {
    const { token } = await made({ userId: "ada" });
    const path = `/v1/connect/connectors/${at.connectorId}/tokens`;
    const refused = await here.api.delete(path, token, user("bob"));
    expect([refused.status, refused.body.error.code]).toEqual([403, "forbidden"]);
    expect((await here.api.delete(path, token, user("ada"))).status).toBe(200);
  });

  test("ends with its maker's access token, to the second", async () => {
    const { token } = await made({ expiresInSeconds: 90 });
    const { iat = 0, exp = 0 } = decodeJwt(token);
    expect(exp - iat).toBeLessThanOrEqual(90);
    clock.advance(89_000);
    expect(await use(token)).toBe(200);
    clock.advance(1_000);
    expect(await use(token)).toBe("unauthorized");
  });

  test("is worth nothing within a minute after its maker's access token was deleted", async () => {
    const { id, token } = await made({});
    const warm = await isolate();
    expect((await ask(warm.api, { uid: at.uid, runtime: token })).status).toBe(200);
    expect((await here.api.delete(`/v1/access-tokens/${id}`, at.owner)).status).toBe(204);
    clock.advance(CALLER_LEASE_MS);
    const late = await ask(warm.api, { uid: at.uid, runtime: token });
    expect([late.status, late.body.error.code]).toEqual([401, "unauthorized"]);
    expect(await use(token)).toBe("unauthorized");
  });

  test("cannot be made with an access token that was deleted, though an isolate still remembers it", async () => {
    const own = await accessToken(here.api, at.owner, { role: "developer" });
    expect((await make(own)).status).toBe(200);
    await env.DB.prepare("DELETE FROM access_tokens WHERE id = ?").bind(own.split("_")[1]).run();
    const refused = await make(own);
    expect([refused.status, refused.body.error.code]).toEqual([401, "unauthorized"]);
  });

  test("does not outlive the rights of its maker's access token", async () => {
    const other = await project(here.api, at.owner, "development-other");
    const changes: [column: string, value: string][] = [
      ["role", "viewer"],
      ["project_id", other],
      ["environment", "production"],
      ["user_id", "bob"],
    ];
    for (const [column, value] of changes) {
      const { id, token } = await made({ userId: "ada" });
      await env.DB.prepare(`UPDATE access_tokens SET ${column} = ? WHERE id = ?`).bind(value, id).run();
      clock.advance(CALLER_LEASE_MS);
      expect([column, await use(token)]).toEqual([column, "forbidden"]);
    }
  });
});
