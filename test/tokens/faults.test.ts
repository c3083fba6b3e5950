import { abortAllDurableObjects } from "cloudflare:test";
import { beforeEach, describe, expect, test } from "vitest";
import { clock } from "../support/clock.ts";
import { ask, isolate, scene } from "../support/connect.ts";

beforeEach(() => clock.reset());

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await condition()) return;
    await scheduler.wait(5);
  }
  throw new Error("it never came to that");
}

describe("a provider that misbehaves", () => {
  /** Hostile behaviour → what the caller is told. */
  const FAULTS: [mode: string, status: number, code: string][] = [
    ["status/500", 502, "upstream_unreachable"],
    ["html", 502, "upstream_invalid_response"],
    ["json-as-html", 502, "upstream_invalid_response"],
    ["huge", 502, "upstream_too_large"],
    ["gzip-bomb", 502, "upstream_too_large"],
    ["redirect/307", 502, "upstream_redirect_refused"],
    ["reset", 502, "upstream_unreachable"],
    ["truncated", 502, "upstream_unreachable"],
    ["rate-limited", 429, "upstream_rate_limited"],
  ];
  test.for(FAULTS)("C-07 E-04 %s: %i %s, nothing leaked, nothing cached", async ([mode, status, code]) => {
    const { api, services } = await isolate();
    const at = await scene(api, `fault-${mode.replaceAll("/", "-")}`);
    await at.upstream.control({ mode });
    const failed = await ask(api, at);
    expect([failed.status, failed.body.error.code]).toEqual([status, code]);
    expect(failed.text).not.toMatch(/hostile-access-token|the-client-secret|It works|127\.0\.0\.1/);
    expect(services.lines.join("\n")).not.toMatch(/hostile-access-token|the-client-secret|It works/);
    await at.upstream.control({ mode: "" });
    clock.advance(31_000);
    expect((await ask(api, at)).body.token).toBe(`${at.name}-access-token-1`);
  });

  test("that hangs is given up on with 504, and everybody who waited hears it", { timeout: 60_000 }, async () => {
    const { api } = await isolate();
    const at = await scene(api, "hang");
    await at.upstream.control({ mode: "hang" });
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(api, at)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.error.code}`))).toEqual(
      new Set(["504 upstream_timeout"]),
    );
  });

  test("that limits requests is left alone for as long as it asked, by every grant of the connector", async () => {
    const here = await isolate();
    const at = await scene(here.api, "limited");
    await at.upstream.control({ mode: "rate-limited" });
    const first = await ask(here.api, at);
    expect(first.headers.get("retry-after")).toBe("1");
    await at.upstream.control({ mode: "" });
    // Another group of the same connector: the gate answers for the provider.
    const other = await ask(here.api, at, { scopes: ["write"] });
    expect(other.body.error.code).toBe("upstream_rate_limited");
    expect((await at.upstream.state()).issued).toHaveLength(0);
    clock.advance(1_100);
    expect((await ask(here.api, at, { scopes: ["write"] })).status).toBe(200);
  });

  test("that rejects the client opens the breaker: the next caller does not ask it again", async () => {
    const { api } = await isolate();
    const at = await scene(api, "rejected-client");
    const rejection = encodeURIComponent(JSON.stringify({ error: "invalid_client" }));
    const uid = at.connectorId;
    const data = {
      serverConfig: {
        token_endpoint: at.upstream.tokenEndpoint.replace(
          /\/provider.*/,
          `/json?status=401&body=${rejection}&key=rejected`,
        ),
      },
    };
    expect((await api.patch(`/v2/connect/connectors/${uid}`, { data }, at.owner)).status).toBe(200);
    const first = await ask(api, at);
    expect([first.status, first.body.error.code]).toEqual([502, "upstream_invalid_client"]);
    expect(first.body.error.vendor).toMatchObject({ error: "invalid_client" });
    const second = await ask(api, at, { scopes: ["other"] });
    expect(second.body.error.code).toBe("upstream_invalid_client");
    expect((await ask(api, at, { scopes: ["third"] })).headers.get("retry-after")).not.toBeNull();
  });

  test("that rejects a client whose secret is being replaced is asked again with the new one", async () => {
    const { api } = await isolate();
    const at = await scene(api, "replaced-secret");
    await at.upstream.control({ clientSecret: "the-new-secret", delayMs: 300 });
    const asking = ask(api, at);
    await until(async () => (await at.upstream.state()).waiting > 0);
    const data = { clientSecret: "the-new-secret" };
    expect((await api.patch(`/v2/connect/connectors/${at.connectorId}`, { data }, at.owner)).status).toBe(200);
    expect((await asking).body.token).toBe("replaced-secret-access-token-1");
  });

  test("while failing, a token that is still valid is served", async () => {
    const { api } = await isolate();
    const at = await scene(api, "still-valid");
    await at.upstream.control({ expiresIn: 600 });
    await ask(api, at);
    await at.upstream.control({ mode: "status/500" });
    clock.advance(500_000);
    // 100 s are left, the caller wants 200: a new one cannot be had, the old one is better than none.
    const { status, body } = await ask(api, at, { validityBufferMs: 200_000 });
    expect([status, body.token]).toEqual([200, "still-valid-access-token-1"]);
    clock.advance(100_001);
    expect((await ask(api, at)).status).toBe(502);
  });
});

describe("stores that fail", () => {
  test("KV down: the Grant answers", async () => {
    const here = await isolate();
    const at = await scene(here.api, "kv-down");
    here.failing.kv = true;
    const { status, body } = await ask(here.api, at);
    expect([status, body.token]).toEqual([200, "kv-down-access-token-1"]);
  });

  test("D1 down: warm tokens until the lease ends, then 503", async () => {
    const here = await isolate({
      leases: { get: async (keys) => keys.map(() => null), put: async () => {} },
    });
    const at = await scene(here.api, "d1-down");
    await ask(here.api, at);
    here.failing.d1 = true;
    clock.advance(59_000);
    expect((await ask(here.api, at)).body.token).toBe("d1-down-access-token-1");
    clock.advance(1_001);
    const { status, body, headers } = await ask(here.api, at);
    expect([status, body.error.code]).toEqual([503, "storage_unavailable"]);
    expect(headers.get("retry-after")).not.toBeNull();
    here.failing.d1 = false;
    expect((await ask(here.api, at)).body.token).toBe("d1-down-access-token-1");
  });

  test("an object killed between the provider's answer and the write loses nothing: the next caller gets a token", async () => {
    const here = await isolate();
    const at = await scene(here.api, "killed", { leaseSeconds: 0 });
    await at.upstream.control({ delayMs: 300 });
    const asking = ask(here.api, at);
    await until(async () => (await at.upstream.state()).waiting > 0);
    await abortAllDurableObjects();
    expect((await asking).status).toBe(503);
    await at.upstream.control({ delayMs: 0 });
    const { status, body } = await ask(here.api, at);
    expect(status).toBe(200);
    // A token that nobody received may exist upstream; what is handed out is one that the grant knows.
    expect((await at.upstream.state()).issued).toContain(body.token);
    expect((await ask(here.api, at)).body.token).toBe(body.token);
  });
});

test("a caller that goes away does not cancel the mint for the others", async () => {
  const here = await isolate();
  const at = await scene(here.api, "gone-caller");
  await at.upstream.control({ delayMs: 200 });
  const controller = new AbortController();
  const leaving = here.api
    .send(`/v1/connect/token/${at.connectorId}`, {
      method: "POST",
      headers: { authorization: `Bearer ${at.runtime}` },
      signal: controller.signal,
    })
    .catch(() => null);
  const staying = ask(here.api, at);
  await scheduler.wait(50);
  controller.abort();
  await leaving;
  expect((await staying).body.token).toBe("gone-caller-access-token-1");
  expect((await at.upstream.state()).issued).toHaveLength(1);
});

describe("a token the provider refused", () => {
  test("is replaced when it is still current, at most once per 30 s", async () => {
    const here = await isolate();
    const at = await scene(here.api, "refused");
    const first = await ask(here.api, at);
    const rejectedTokenId = first.body.tokenId;
    expect((await ask(here.api, at, { rejectedTokenId })).body.tokenId).toBe(rejectedTokenId);
    clock.advance(30_001);
    const second = await ask(here.api, at, { rejectedTokenId });
    expect(second.body.token).toBe("refused-access-token-2");
    // Once replaced, the old id is nobody's token any more.
    clock.advance(30_001);
    expect((await ask(here.api, at, { rejectedTokenId })).body.token).toBe("refused-access-token-2");
    expect((await at.upstream.state()).issued).toHaveLength(2);
  });
});
