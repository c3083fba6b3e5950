import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ConnectTokenParams } from "../../src/sdk/index.ts";
import { outlivesBuffer } from "../../src/sdk/token-cache.ts";
import { tokenRequest } from "../../src/sdk/token-request.ts";
import { Deployment } from "./deployment.ts";

const word = fc.string({ minLength: 1, maxLength: 6 });
const params: fc.Arbitrary<ConnectTokenParams> = fc.record(
  {
    subject: fc.oneof(
      fc.constant({ type: "app" as const }),
      fc.record({ type: fc.constant("user" as const), id: word, issuer: word }, { requiredKeys: ["type", "id"] }),
      fc.record({ type: fc.constant("token" as const), token: word }),
    ),
    installationId: word,
    audience: fc.array(word, { maxLength: 3 }),
    scopes: fc.array(word, { maxLength: 4 }),
    resources: fc.array(word, { maxLength: 3 }),
    authorizationDetails: fc.array(
      fc
        .tuple(word, fc.dictionary(word, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }))
        .map(([type, rest]) => ({ ...rest, type })),
      { maxLength: 3 },
    ),
    validityBufferMs: fc.nat(),
    rejectedTokenId: word,
  },
  { requiredKeys: [] },
);

/** The same request, written down differently. */
function rewritten(value: ConnectTokenParams, bufferMs: number): ConnectTokenParams {
  const backwards = (part: unknown): unknown =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(
          Object.entries(part)
            .reverse()
            .map(([key, inner]) => [key, backwards(inner)]),
        )
      : part;
  const shuffled = Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, part]) => [key, Array.isArray(part) ? [...part, ...part].reverse().map(backwards) : backwards(part)]),
  );
  return { ...shuffled, validityBufferMs: bufferMs };
}

const keyOf = (value: ConnectTokenParams) => tokenRequest("slack/acme", value).paramsKey;

/** What a request means, by other means than the code under test: sorted sets, and null for what is absent. */
function meaning(value: ConnectTokenParams): unknown {
  const set = (values: readonly unknown[] | undefined) =>
    values === undefined ? null : [...new Set(values.map((part) => JSON.stringify(sorted(part))))].sort();
  return [
    sorted(value.subject ?? null),
    value.installationId ?? null,
    ...[value.audience, value.scopes ?? ["*"], value.resources, value.authorizationDetails].map(set),
  ];
}

function sorted(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(sorted);
  if (typeof part !== "object" || part === null) return part;
  return Object.entries(part)
    .map(([key, inner]) => [key, sorted(inner)])
    .sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
}

describe("what counts as the same token", () => {
  test("order, repetition, buffer and key order never split a cache entry", () => {
    fc.assert(
      fc.property(params, fc.nat(), (a, bufferMs) => {
        expect(keyOf(rewritten(a, bufferMs))).toBe(keyOf(a));
      }),
    );
  });

  test("two requests that mean different tokens never share a cache entry", () => {
    fc.assert(
      fc.property(params, params, (a, b) => {
        expect(keyOf(a) === keyOf(b)).toBe(JSON.stringify(meaning(a)) === JSON.stringify(meaning(b)));
      }),
    );
  });

  test("one changed field is another token", () => {
    const base: ConnectTokenParams = { subject: { type: "user", id: "u1" }, scopes: ["a"], resources: ["https://x"] };
    const others: ConnectTokenParams[] = [
      { ...base, subject: { type: "user", id: "u2" } },
      { ...base, subject: { type: "user", id: "u1", issuer: "https://idp" } },
      { ...base, subject: { type: "app" } },
      { ...base, scopes: ["a", "b"] },
      { ...base, scopes: [] },
      { ...base, scopes: ["*"] },
      { ...base, resources: ["https://y"] },
      { ...base, audience: ["https://x"] },
      { ...base, installationId: "ins_1" },
      { ...base, authorizationDetails: [{ type: "t" }] },
      { scopes: ["a"], resources: ["https://x"] },
    ];
    expect(new Set([base, ...others].map(keyOf)).size).toBe(others.length + 1);
  });
});

describe("serving from memory", () => {
  test("a second request is answered from memory, and absent scopes mean the defaults", async () => {
    const deployment = new Deployment();
    const client = deployment.client();
    expect(await client.getToken("slack/acme", { subject: { type: "app" } })).toBe("provider-token-1");
    expect(await client.getToken("slack/acme", { scopes: ["*"], subject: { type: "app" } })).toBe("provider-token-1");
    expect(deployment.tokenRequests).toBe(1);
    expect(deployment.seen[0]?.body).toEqual({ subject: { type: "app" }, scopes: ["*"], validityBufferMs: 30_000 });
  });

  test("a token that is about to end is replaced before the buffer, not at its end", async () => {
    const deployment = new Deployment();
    const client = deployment.client();
    await client.getToken("slack/acme");
    deployment.nowMs += 3_600_000 - 30_001;
    expect(await client.getToken("slack/acme")).toBe("provider-token-1");
    deployment.nowMs += 1;
    expect(await client.getToken("slack/acme")).toBe("provider-token-2");
  });

  test("a caller with a larger buffer gets a fresh token, which then serves the others", async () => {
    const deployment = new Deployment();
    const client = deployment.client();
    await client.getToken("slack/acme");
    deployment.nowMs += 3_000_000;
    expect(await client.getToken("slack/acme", { validityBufferMs: 900_000 })).toBe("provider-token-2");
    expect(await client.getToken("slack/acme")).toBe("provider-token-2");
  });

  test("a buffer longer than the token's life is clamped to half of it, so the cache still works", async () => {
    const deployment = new Deployment();
    deployment.lifetimeMs = 60_000;
    const client = deployment.client();
    const wanted = { validityBufferMs: 86_400_000 };
    await client.getToken("slack/acme", wanted);
    deployment.nowMs += 29_999;
    expect(await client.getToken("slack/acme", wanted)).toBe("provider-token-1");
    deployment.nowMs += 1;
    expect(await client.getToken("slack/acme", wanted)).toBe("provider-token-2");
  });

  test("no buffer and no lifetime lets an ended token through", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1 }), fc.nat(), (bufferMs, lifetimeMs, overdueMs) => {
        expect(outlivesBuffer({ expiresAt: 1_000, lifetimeMs }, bufferMs, 1_000 + overdueMs)).toBe(false);
      }),
    );
  });

  test("a negative or meaningless buffer is refused instead of serving ended tokens", async () => {
    const client = new Deployment().client();
    for (const validityBufferMs of [-1, Number.NaN]) {
      await expect(client.getToken("slack/acme", { validityBufferMs })).rejects.toMatchObject({ code: "bad_request" });
    }
  });

  test("a token that arrives already ended is not kept", async () => {
    const deployment = new Deployment();
    deployment.lifetimeMs = -1;
    const client = deployment.client();
    await client.getToken("slack/acme");
    await client.getToken("slack/acme");
    expect(deployment.tokenRequests).toBe(2);
  });

  test("the least recently used token makes room, and no more are held than allowed", async () => {
    const deployment = new Deployment();
    const client = deployment.client({ cacheSize: 2 });
    const user = (id: string) => client.getToken("slack/acme", { subject: { type: "user", id } });
    const [a] = [await user("a"), await user("b")];
    expect(await user("a")).toBe(a);
    await user("c");
    expect(await user("a")).toBe(a);
    expect(deployment.tokenRequests).toBe(3);
    await user("b");
    expect(deployment.tokenRequests).toBe(4);
  });

  test("a cache size of 0 keeps nothing", async () => {
    const deployment = new Deployment();
    const client = deployment.client({ cacheSize: 0 });
    await client.getToken("slack/acme");
    await client.getToken("slack/acme");
    expect(deployment.tokenRequests).toBe(2);
  });

  test("a caller that edits its answer does not edit the answer of the next", async () => {
    const client = new Deployment().client();
    const first = await client.getTokenResponse("slack/acme");
    first.connector.id = "scl_other";
    first.scopes?.push("admin");
    const second = await client.getTokenResponse("slack/acme");
    expect(second).toMatchObject({ connector: { id: "scl_1" }, scopes: ["chat:write"] });
  });

  test("forceRefresh goes past every cache, and what it brings serves the others", async () => {
    const deployment = new Deployment();
    const client = deployment.client();
    await client.getToken("slack/acme");
    expect(await client.getToken("slack/acme", {}, { forceRefresh: true })).toBe("provider-token-2");
    expect(deployment.seen.map(({ headers }) => headers.get("cache-control"))).toEqual([null, "no-cache"]);
    expect(await client.getToken("slack/acme")).toBe("provider-token-2");
  });

  test("a token that the provider refused is not served again, but one that is newer is", async () => {
    const deployment = new Deployment();
    const client = deployment.client();
    await client.getToken("slack/acme");
    const rejected = { rejectedTokenId: "stk_1" };
    expect(await client.getToken("slack/acme", rejected)).toBe("provider-token-2");
    expect(deployment.seen[1]?.body).toMatchObject(rejected);
    expect(await client.getToken("slack/acme", rejected)).toBe("provider-token-2");
    expect(deployment.tokenRequests).toBe(2);
  });
});
