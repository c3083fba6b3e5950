import { describe, expect, test } from "vitest";
import { createGuardedFetch, type OutboundRequest } from "../../src/outbound/guarded-fetch.ts";
import { hostile, hostileAnswer, lastRequest, otherHost, requestCount } from "../providers/hostile.ts";

const guarded = createGuardedFetch({ fetch, policy: { ownHosts: ["127.0.0.1:8787"], allowLoopback: true } });
const strict = createGuardedFetch({ fetch, policy: { ownHosts: [], allowLoopback: false } });

function failure(code: string) {
  return { ok: false, failure: expect.objectContaining({ code }) };
}

/** A body whose owner can see how much of it was read, and whether it was let go. */
function endlessBody(chunkBytes: number) {
  const seen = { pulled: 0, canceled: false };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      seen.pulled += chunkBytes;
      controller.enqueue(new Uint8Array(chunkBytes));
    },
    cancel() {
      seen.canceled = true;
    },
  });
  return { seen, stream };
}

describe("sending", () => {
  test("E-01 a URL that the policy refuses is never fetched", async () => {
    expect(await strict({ url: hostile("/ok", { key: "refused-url" }) })).toEqual(failure("url_not_allowed"));
    expect(await requestCount("refused-url")).toBe(0);
  });

  test("the answer arrives complete, whatever its status", async () => {
    const result = await guarded({ url: hostileAnswer('{"error":"invalid_grant"}', { status: 400 }) });
    if (!result.ok) throw new Error(result.failure.code);
    expect(result.value.status).toBe(400);
    expect(new TextDecoder().decode(result.value.body)).toBe('{"error":"invalid_grant"}');
  });

  test("E-04 a status that HTTP does not have is no answer", async () => {
    expect(await guarded({ url: hostile("/status/999") })).toEqual(failure("upstream_invalid_response"));
  });

  test("a form goes out as a form, with our own accept and user agent", async () => {
    const body = new URLSearchParams({ grant_type: "client_credentials" });
    await guarded({ url: hostile("/ok", { key: "form" }), method: "POST", body });
    const sent = await lastRequest("form");
    expect(sent).toMatchObject({
      method: "POST",
      body: "grant_type=client_credentials",
      headers: { accept: "application/json", "user-agent": "valetkey" },
    });
    expect(sent?.headers["content-type"]).toMatch(/^application\/x-www-form-urlencoded/);
  });

  test("given headers win over ours, and a cookie is never sent", async () => {
    const headers = { Accept: "text/plain", "User-Agent": "probe", Cookie: "session=1", "X-Api-Key": "k" };
    await guarded({ url: hostile("/ok", { key: "headers" }), headers });
    const sent = await lastRequest("headers");
    expect(sent?.headers).toMatchObject({ accept: "text/plain", "user-agent": "probe", "x-api-key": "k" });
    expect(sent?.headers).not.toHaveProperty("cookie");
  });

  test.each([
    { "x-api-key": "a\r\nx-injected: 1" },
    { "x-api-key": "a\n" },
    { "x-api-key": "a\0b" },
    { "x-api-key": "smile \u263a" },
    { "x api key": "a" },
    { "": "a" },
    { "x-a:b": "c" },
  ])("the header %j is refused and nothing is sent", async (headers) => {
    const key = `bad-header-${JSON.stringify(headers)}`;
    expect(await guarded({ url: hostile("/ok", { key }), headers })).toEqual(failure("invalid_config"));
    expect(await requestCount(key)).toBe(0);
  });
});

describe("E-03 redirects", () => {
  test.each([301, 302, 303, 307, 308, 300, 304])(
    "E-03 a %i is refused and the second host sees nothing",
    async (status) => {
      const key = `redirect-${status}`;
      const request: OutboundRequest = {
        url: hostile(`/redirect/${status}`, { to: otherHost("/ok", { key }) }),
        method: "POST",
        headers: { authorization: "Basic c2VjcmV0", "x-api-key": "secret" },
        body: "grant_type=refresh_token",
      };
      expect(await guarded(request)).toEqual(failure("upstream_redirect_refused"));
      expect(await requestCount(key)).toBe(0);
    },
  );
});

describe("E-04 providers that waste time and memory", () => {
  test("E-04 one that never answers is given up", async () => {
    expect(await guarded({ url: hostile("/hang"), timeoutMs: 100 })).toEqual(failure("upstream_timeout"));
  });

  test("E-04 one that drips its body does not outlive the same deadline", async () => {
    expect(await guarded({ url: hostile("/drip"), timeoutMs: 300 })).toEqual(failure("upstream_timeout"));
  });

  test("E-04 a body that ignores the abort does not hold the answer", async () => {
    const deaf = createGuardedFetch({
      fetch: async () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) })),
      policy: { ownHosts: [], allowLoopback: false },
    });
    expect(await deaf({ url: "https://api.acme.com/", timeoutMs: 50 })).toEqual(failure("upstream_timeout"));
  });

  test("a caller that goes away ends the request", async () => {
    const controller = new AbortController();
    const pending = guarded({ url: hostile("/hang"), signal: controller.signal });
    controller.abort();
    expect(await pending).toEqual(failure("upstream_timeout"));
    expect(await guarded({ url: hostile("/ok"), signal: controller.signal })).toEqual(failure("upstream_timeout"));
  });

  test.each(["/huge", "/gzip-bomb"])("E-04 %s is cut off at the cap", async (path) => {
    expect(await guarded({ url: hostile(path) })).toEqual(failure("upstream_too_large"));
  });

  test("E-04 a body beyond the cap is canceled, not read to its end", async () => {
    const { seen, stream } = endlessBody(1000);
    const bounded = createGuardedFetch({
      fetch: async () => new Response(stream),
      policy: { ownHosts: [], allowLoopback: false },
    });
    const result = await bounded({ url: "https://api.acme.com/", maxBytes: 10_000 });
    expect(result).toEqual(failure("upstream_too_large"));
    expect(seen.canceled).toBe(true);
    expect(seen.pulled).toBeLessThan(20_000);
  });

  test("the cap is inclusive", async () => {
    const url = hostileAnswer("x".repeat(1000));
    expect((await guarded({ url, maxBytes: 1000 })).ok).toBe(true);
    expect(await guarded({ url, maxBytes: 999 })).toEqual(failure("upstream_too_large"));
  });

  test.each(["/reset", "/truncated"])("E-04 %s is unreachable, not half an answer", async (path) => {
    expect(await guarded({ url: hostile(path) })).toEqual(failure("upstream_unreachable"));
  });

  test("a port where nobody listens is unreachable", async () => {
    expect(await guarded({ url: "http://127.0.0.1:1/token" })).toEqual(failure("upstream_unreachable"));
  });
});

test("no failure's reason holds the path, the query, a header or the body", async () => {
  const secrets = { url: "PATHSECRET", query: "QUERYSECRET", header: "HEADERSECRET", body: "BODYSECRET" };
  const reasons = [];
  for (const path of ["/redirect/307", "/hang", "/huge", "/reset", "/truncated"]) {
    const result = await guarded({
      url: hostile(`${path}/${secrets.url}`, { secret: secrets.query }),
      method: "POST",
      headers: { authorization: secrets.header },
      body: secrets.body,
      timeoutMs: 500,
    });
    if (result.ok) throw new Error(`${path} should fail`);
    reasons.push(result.failure);
  }
  expect(JSON.stringify(reasons)).not.toMatch(/SECRET/);
  expect(reasons.every(({ reason }) => reason?.includes("127.0.0.1"))).toBe(true);
});
