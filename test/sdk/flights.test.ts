import { describe, expect, test } from "vitest";
import { createConnectClient } from "../../src/sdk/index.ts";
import { Deployment, errorOf, failure, gate, jwt, until } from "./deployment.ts";

/** A deployment whose first token answer is held back until the test lets it go. */
function held() {
  const deployment = new Deployment();
  const { opened, open } = gate();
  deployment.next.push(async ({ signal }) => {
    const response = deployment.token();
    await Promise.race([
      opened,
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    ]);
    return response;
  });
  return { deployment, open };
}

describe("many callers, one request", () => {
  test("a hundred callers at once make one request", async () => {
    const { deployment, open } = held();
    const client = deployment.client();
    const calls = Array.from({ length: 100 }, () => client.getToken("slack/acme"));
    await until(() => deployment.tokenRequests > 0);
    open();
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["provider-token-1"]));
    expect(deployment.tokenRequests).toBe(1);
  });

  test("callers for different subjects do not share a request", async () => {
    const deployment = new Deployment();
    const client = deployment.client();
    const user = (id: string) => client.getToken("slack/acme", { subject: { type: "user", id } });
    const [a, b] = await Promise.all([user("a"), user("b")]);
    expect(a).not.toBe(b);
  });

  test("a caller who wants a longer-lived token does not settle for the request under way", async () => {
    const { deployment, open } = held();
    const client = deployment.client();
    const patient = client.getToken("slack/acme");
    await until(() => deployment.tokenRequests === 1);
    expect(await client.getToken("slack/acme", { validityBufferMs: 600_000 })).toBe("provider-token-2");
    open();
    expect(await patient).toBe("provider-token-1");
  });

  test("a caller who holds a refused token does not join a request that does not say so", async () => {
    const { deployment, open } = held();
    const client = deployment.client();
    const first = client.getToken("slack/acme");
    await until(() => deployment.tokenRequests === 1);
    expect(await client.getToken("slack/acme", { rejectedTokenId: "stk_1" })).toBe("provider-token-2");
    open();
    await first;
    expect(await client.getToken("slack/acme")).toBe("provider-token-2");
  });

  test("a failure reaches all who wait and is not remembered", async () => {
    const deployment = new Deployment();
    deployment.next.push(() => failure(422, "no_token"));
    // The identity of a JWT takes no trip to another thread, so that all three are there before the answer is.
    const client = deployment.client({ credential: jwt({ iss: "https://oidc.example.com", sub: "web" }) });
    const failures = await Promise.all([1, 2, 3].map(() => errorOf(client.getToken("slack/acme"))));
    expect(failures).toMatchObject([{ code: "no_token" }, { code: "no_token" }, { code: "no_token" }]);
    expect(await client.getToken("slack/acme")).toBe("provider-token-1");
  });

  test("on Workers, where promises must not cross requests, each caller makes its own", async () => {
    const deployment = new Deployment();
    const client = createConnectClient({
      baseUrl: "https://connect.example.com",
      credential: "vk_x",
      fetch: deployment.fetch,
    });
    await Promise.all([client.getToken("slack/acme"), client.getToken("slack/acme")]);
    expect(deployment.tokenRequests).toBe(2);
  });
});

describe("an older answer never wins", () => {
  test("a revoked token is not brought back by a request that was under way", async () => {
    const { deployment, open } = held();
    const client = deployment.client();
    const inFlight = client.getToken("slack/acme");
    await until(() => deployment.tokenRequests === 1);
    await client.revokeToken("scl_1", {});
    open();
    expect(await inFlight).toBe("provider-token-1");
    expect(await client.getToken("slack/acme")).toBe("provider-token-2");
  });

  test("a token fetched while the revocation was under way is not kept", async () => {
    const deployment = new Deployment();
    const client = deployment.client();
    const { opened, open } = gate();
    deployment.next.push(async () => {
      await opened;
      return Response.json(deployment.revocation());
    });
    const revoking = client.revokeToken("slack/acme", {});
    await until(() => deployment.seen.length === 1);
    expect(await client.getToken("slack/acme")).toBe("provider-token-1");
    open();
    await revoking;
    expect(await client.getToken("slack/acme")).toBe("provider-token-2");
  });

  test("a deleted entry is not brought back by a request that was under way, and nobody joins it", async () => {
    const { deployment, open } = held();
    const client = deployment.client();
    const inFlight = client.getToken("slack/acme");
    await until(() => deployment.tokenRequests === 1);
    client.deleteTokenCacheEntry("slack/acme");
    expect(await client.getToken("slack/acme")).toBe("provider-token-2");
    open();
    await inFlight;
    expect(await client.getToken("slack/acme")).toBe("provider-token-2");
  });

  test("an answer that was asked for before forceRefresh does not replace the forced one", async () => {
    const { deployment, open } = held();
    const client = deployment.client();
    const older = client.getToken("slack/acme");
    await until(() => deployment.tokenRequests === 1);
    await client.getToken("slack/acme", {}, { forceRefresh: true });
    open();
    await older;
    expect(await client.getToken("slack/acme")).toBe("provider-token-2");
  });
});

describe("a caller that gives up", () => {
  test("does not take the others down", async () => {
    const { deployment, open } = held();
    const client = deployment.client();
    const quitter = new AbortController();
    const first = errorOf(client.getToken("slack/acme", {}, { signal: quitter.signal }));
    const second = client.getToken("slack/acme");
    await until(() => deployment.tokenRequests === 1);
    quitter.abort(new Error("had enough"));
    expect(await first).toMatchObject({ message: "had enough" });
    open();
    expect(await second).toBe("provider-token-1");
    expect(deployment.tokenRequests).toBe(1);
  });

  test("ends the request when it was the last, and the next caller does not wait for the ended one", async () => {
    const deployment = new Deployment();
    const { opened, open } = gate();
    // A platform that takes its time to notice the abort.
    deployment.next.push(async ({ signal }) => {
      await opened;
      signal.throwIfAborted();
      return deployment.token();
    });
    const client = deployment.client();
    const quitter = new AbortController();
    const call = errorOf(client.getToken("slack/acme", {}, { signal: quitter.signal }));
    await until(() => deployment.tokenRequests === 1);
    quitter.abort();
    await call;
    expect(deployment.seen[0]?.signal.aborted).toBe(true);
    expect(await client.getToken("slack/acme")).toBe("provider-token-1");
    open();
  });

  test("before it began sends nothing", async () => {
    const deployment = new Deployment();
    const signal = AbortSignal.abort();
    expect(await errorOf(deployment.client().getToken("slack/acme", {}, { signal }))).toMatchObject({
      name: "AbortError",
    });
    expect(deployment.seen).toEqual([]);
  });
});
