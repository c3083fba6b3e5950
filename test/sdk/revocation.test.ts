import { describe, expect, test } from "vitest";
import type { ConnectTokenSubject } from "../../src/sdk/index.ts";
import { Deployment, errorOf, failure, json } from "./deployment.ts";

describe("revoking", () => {
  test("the counters come back, and the request names subject and installation", async () => {
    const deployment = new Deployment();
    const subject = { type: "user" as const, id: "u1" };
    const result = await deployment.client().revokeToken("slack/acme", { subject, installationId: "ins_1" });
    expect(result).toEqual(deployment.revocation());
    expect(deployment.seen[0]).toMatchObject({
      method: "DELETE",
      url: "https://connect.example.com/v1/connect/connectors/slack%2Facme/tokens",
      body: { subject, installationId: "ins_1" },
    });
  });

  test.for([
    ["slack/acme", "scl_1"],
    ["scl_1", "slack/acme"],
  ] as const)("a token fetched as %s is forgotten when %s is revoked", async ([fetched, revoked]) => {
    const deployment = new Deployment();
    const client = deployment.client();
    await client.getToken(fetched);
    await client.revokeToken(revoked, {});
    expect(await client.getToken(fetched)).toBe("provider-token-2");
  });

  test("tokens of other connectors stay", async () => {
    const deployment = new Deployment();
    const client = deployment.client();
    deployment.next.push(() => deployment.token({ connector: { id: "scl_2", uid: "github/acme", type: "github" } }));
    await client.getToken("github/acme");
    await client.revokeToken("slack/acme", {});
    expect(await client.getToken("github/acme")).toBe("provider-token-1");
  });

  test("an edge that may still serve the revoked token is bypassed until effectiveBy, and not after", async () => {
    const deployment = new Deployment();
    const client = deployment.client();
    await client.getToken("slack/acme");
    await client.revokeToken("scl_1", {});
    await client.getToken("slack/acme");
    deployment.nowMs += 60_000;
    client.deleteTokenCacheEntry("slack/acme");
    await client.getToken("slack/acme");
    const cacheControl = deployment.seen.map(({ headers }) => headers.get("cache-control"));
    expect(cacheControl).toEqual([null, null, "no-cache", null]);
  });

  test("an edge's answer under a name that was not known to be revoked is used but not kept", async () => {
    const deployment = new Deployment();
    const client = deployment.client();
    await client.revokeToken("scl_1", {});
    await client.getToken("slack/acme");
    expect(await client.getToken("slack/acme")).toBe("provider-token-2");
  });

  test("a revocation that failed forgets all the same: it may have happened", async () => {
    const deployment = new Deployment();
    const client = deployment.client();
    await client.getToken("slack/acme");
    deployment.next.push(() => failure(503, "storage_unavailable"));
    expect(await errorOf(client.revokeToken("slack/acme", {}))).toMatchObject({ code: "storage_unavailable" });
    expect(await client.getToken("slack/acme")).toBe("provider-token-2");
  });

  test("a revocation is not repeated where it may have arrived", async () => {
    const deployment = new Deployment();
    deployment.next.push(() => failure(503, "storage_unavailable"));
    await errorOf(deployment.client().revokeToken("slack/acme", {}));
    expect(deployment.seen.length).toBe(1);
  });

  test("an answer that is no revocation is an error, not silence", async () => {
    const deployment = new Deployment();
    deployment.next.push(() => json(200, {}));
    expect(await errorOf(deployment.client().revokeToken("slack/acme", {}))).toMatchObject({
      code: "invalid_response",
    });
  });

  test("a subject that turned out undefined never becomes 'revoke everything' or 'act as the app'", async () => {
    const deployment = new Deployment();
    const client = deployment.client();
    const nobody: { subject?: ConnectTokenSubject } = JSON.parse('{"subject":null}');
    expect(await errorOf(client.revokeToken("slack/acme", nobody))).toMatchObject({ code: "bad_request" });
    expect(await errorOf(client.getToken("slack/acme", nobody))).toMatchObject({ code: "bad_request" });
    expect(deployment.seen).toEqual([]);
  });
});

describe("forgetting one entry", () => {
  test("takes exactly that one, by either name of the connector, and asks nobody", async () => {
    const deployment = new Deployment();
    const client = deployment.client();
    const user = (id: string) => ({ subject: { type: "user" as const, id } });
    await client.getToken("slack/acme", user("a"));
    await client.getToken("slack/acme", user("b"));
    client.deleteTokenCacheEntry("scl_1", { ...user("a"), validityBufferMs: 1 });
    expect(deployment.seen.length).toBe(2);
    expect(await client.getToken("slack/acme", user("b"))).toBe("provider-token-2");
    expect(await client.getToken("slack/acme", user("a"))).toBe("provider-token-3");
  });
});
