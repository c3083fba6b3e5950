import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseRetryAfter } from "../../src/sdk/errors.ts";
import { type ConnectError, createConnectClient } from "../../src/sdk/index.ts";
import { connectorPath } from "../../src/sdk/transport.ts";
import { Deployment, errorOf, failure, START_MS } from "./deployment.ts";

describe("addresses", () => {
  test.for([
    ["https://connect.example.com", "https://connect.example.com/v1/connect/token/slack%2Facme"],
    ["https://connect.example.com/", "https://connect.example.com/v1/connect/token/slack%2Facme"],
    ["https://example.com/apis/connect//", "https://example.com/apis/connect/v1/connect/token/slack%2Facme"],
    ["http://127.0.0.1:8787", "http://127.0.0.1:8787/v1/connect/token/slack%2Facme"],
    ["http://[::1]:8787", "http://[::1]:8787/v1/connect/token/slack%2Facme"],
    ["http://localhost:8787/x", "http://localhost:8787/x/v1/connect/token/slack%2Facme"],
  ] as const)("under %s the token is at %s", async ([baseUrl, expected]) => {
    const deployment = new Deployment();
    await deployment.client({ baseUrl }).getToken("slack/acme");
    expect(deployment.seen[0]).toMatchObject({ url: expected, redirect: "manual" });
  });

  test.for([
    "http://connect.example.com",
    "http://127.0.0.1.example.com",
    "http://localhost.example.com",
    "http://10.0.0.1",
    "ftp://localhost",
    "https://user:pass@connect.example.com",
    "https://connect.example.com/?x=1",
    "https://connect.example.com/#x",
    "connect.example.com",
    "",
  ])("the base URL %j is refused before a credential is sent there", (baseUrl) => {
    expect(() => new Deployment().client({ baseUrl })).toThrow(
      expect.objectContaining({ code: "invalid_configuration" }),
    );
  });

  test("whatever a uid holds, it stays one path segment", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), (uid) => {
        fc.pre(uid !== "." && uid !== ".." && uid.isWellFormed());
        const { pathname, search, hash } = new URL(`https://x.test${connectorPath("/v1", uid, "/tokens")}`);
        expect(pathname.split("/").length).toBe(4);
        expect(decodeURIComponent(pathname.split("/")[2] ?? "")).toBe(uid);
        expect(search + hash).toBe("");
      }),
    );
  });

  test.for(["", ".", "..", "\ud800"])("the connector %j, which a URL cannot hold, is refused", async (connector) => {
    const deployment = new Deployment();
    expect(await errorOf(deployment.client().getToken(connector))).toMatchObject({ code: "bad_request" });
    expect(deployment.seen).toEqual([]);
  });

  test("metadata is the public part of the connector", async () => {
    const deployment = new Deployment();
    expect(await deployment.client().getConnectorMetadata("slack/acme")).toEqual({
      id: "scl_1",
      uid: "slack/acme",
      name: "acme",
      type: "slack",
      service: "slack",
      createdAt: START_MS,
      updatedAt: START_MS,
      vendor: { appId: "A1" },
    });
    expect(deployment.seen[0]).toMatchObject({
      method: "GET",
      url: "https://connect.example.com/v1/connect/connectors/slack%2Facme",
      body: {},
    });
  });
});

describe("trying again", () => {
  test.for([429, 502, 503, 504])("Retry-After of a %i is obeyed to the millisecond", async (status) => {
    const deployment = new Deployment();
    deployment.next.push(() => failure(status, "later", { "retry-after": "7" }));
    expect(await deployment.client().getToken("slack/acme")).toBe("provider-token-1");
    expect(deployment.slept).toEqual([7_000]);
  });

  test("Retry-After may be a date, also one that has passed", async () => {
    const deployment = new Deployment();
    const at = (ms: number) => ({ "retry-after": new Date(START_MS + ms).toUTCString() });
    deployment.next.push(() => failure(429, "rate_limited", at(3_000)));
    deployment.next.push(() => failure(429, "rate_limited", at(-3_000)));
    await deployment.client().getToken("slack/acme");
    expect(deployment.slept).toEqual([3_000, 0]);
  });

  test("a Retry-After beyond the limit is reported at once instead of waited for", async () => {
    const deployment = new Deployment();
    deployment.next.push(() => failure(429, "rate_limited", { "retry-after": "11" }));
    const error = await errorOf(deployment.client().getToken("slack/acme"));
    expect(error).toMatchObject({ name: "RateLimitedError", retryAfterMs: 11_000 });
    expect(deployment.slept).toEqual([]);
  });

  test("a 429 that names no time is not repeated", async () => {
    const deployment = new Deployment();
    deployment.next.push(() => failure(429, "rate_limited"));
    await errorOf(deployment.client().getToken("slack/acme"));
    expect(deployment.seen.length).toBe(1);
  });

  test.for(["", "soon", "-1", "1.5", "0x10", "2027"])("the Retry-After %j gives no hot loop", (value) => {
    const delayMs = parseRetryAfter(value, START_MS);
    expect(delayMs === undefined || delayMs >= 1_000).toBe(true);
  });

  test("faults that pass are retried twice with growing, scattered waits, and then reported", async () => {
    const deployment = new Deployment();
    for (const status of [502, 503, 504, 503]) deployment.next.push(() => failure(status, "upstream_unreachable"));
    expect(await errorOf(deployment.client().getToken("slack/acme"))).toMatchObject({ status: 504 });
    expect(deployment.seen.length).toBe(3);
    const [first = 0, second = 0] = deployment.slept;
    expect(first >= 100 && first <= 200 && second >= 400 && second <= 800).toBe(true);
  });

  test("a connection that breaks is retried", async () => {
    const deployment = new Deployment();
    deployment.next.push(() => Promise.reject(new TypeError("fetch failed")));
    expect(await deployment.client().getToken("slack/acme")).toBe("provider-token-1");
  });

  test.for(["upstream_rejected", "upstream_invalid_client", "key_missing"])(
    "%s is final, whatever its status",
    async (code) => {
      const deployment = new Deployment();
      deployment.next.push(() => failure(502, code));
      await errorOf(deployment.client().getToken("slack/acme"));
      expect(deployment.seen.length).toBe(1);
    },
  );

  test.for([400, 401, 403, 404, 409, 410, 422, 500])("a %i is not repeated", async (status) => {
    const deployment = new Deployment();
    deployment.next.push(() => failure(status, "some_code", { "retry-after": "1" }));
    await errorOf(deployment.client().getToken("slack/acme"));
    expect(deployment.seen.length).toBe(1);
  });

  test("a redirect is an error: the credential goes nowhere else", async () => {
    const deployment = new Deployment();
    deployment.next.push(() => new Response(null, { status: 307, headers: { location: "https://evil.example.com" } }));
    expect(await errorOf(deployment.client().getToken("slack/acme"))).toMatchObject({ status: 307 });
    expect(deployment.seen.length).toBe(1);
  });

  test("a deployment that never answers is given up", async () => {
    const deployment = new Deployment();
    const hang = ({ signal }: { signal: AbortSignal }) =>
      new Promise<Response>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    deployment.next.push(hang, hang);
    const error = await errorOf(deployment.client({ timeoutMs: 1, maxRetries: 1 }).getToken("slack/acme"));
    expect(error).toMatchObject({ code: "timeout" } satisfies Partial<ConnectError>);
    expect(deployment.seen.length).toBe(2);
  });

  test("a caller that gives up while the client waits to retry gets its reason, and nothing more is sent", async () => {
    const deployment = new Deployment();
    deployment.next.push(() => failure(503, "storage_unavailable", { "retry-after": "9" }));
    const quitter = new AbortController();
    const client = createConnectClient({
      baseUrl: "https://connect.example.com",
      credential: "vk_x",
      fetch: async (url, init) => {
        setTimeout(() => quitter.abort(new Error("had enough")), 0);
        return deployment.fetch(url, init);
      },
    });
    const error = await errorOf(client.getToken("slack/acme", {}, { signal: quitter.signal }));
    expect(error).toMatchObject({ message: "had enough" });
    expect(deployment.seen.length).toBe(1);
  });
});
