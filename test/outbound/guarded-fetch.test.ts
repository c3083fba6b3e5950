import { describe, expect, test, vi } from "vitest";
import {
  createGuardedFetch,
  JWKS_MAX_BYTES,
  METADATA_MAX_BYTES,
  type OutboundRequest,
  TOKEN_MAX_BYTES,
} from "../../src/outbound/guarded-fetch.ts";
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
  test("leaves no timer behind that would keep an object in memory, whatever the outcome", async () => {
    const fetches = [async () => new Response("{}"), () => Promise.reject(new Error("no route"))];
    for (const fetch of fetches) {
      const fetchOnce = createGuardedFetch({ fetch, policy: { ownHosts: [], allowLoopback: false } });
      const cleared = vi.spyOn(globalThis, "clearTimeout");
      try {
        await fetchOnce({ url: "https://api.acme.com/token" });
        expect(cleared).toHaveBeenCalledTimes(1);
      } finally {
        cleared.mockRestore();
      }
    }
  });

  test("metadata and key sets of the largest providers fit, and not much more", () => {
    expect([TOKEN_MAX_BYTES, METADATA_MAX_BYTES, JWKS_MAX_BYTES]).toEqual([65_536, 131_072, 262_144]);
  });

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

describe("what a failure tells the log", () => {
  const POLICY = { ownHosts: [], allowLoopback: false };
  const url = "https://api.acme.com/path";
  /** A guarded fetch whose network gives this, and whether the body of what it gave was let go. */
  function over(given: { status: number; body?: ReadableStream } | Error, headers: Record<string, string> = {}) {
    const seen = { canceled: false, sent: [] as RequestInit[] };
    const body = new ReadableStream({
      cancel() {
        seen.canceled = true;
      },
    });
    const network = async (_: unknown, init: RequestInit = {}) => {
      seen.sent.push(init);
      if (given instanceof Error) throw given;
      // A status that no Response can have comes from the network all the same.
      return { body, headers: new Headers(headers), ...given } as unknown as Response;
    };
    return { seen, guarded: createGuardedFetch({ fetch: network, policy: POLICY }) };
  }

  test.each([300, 302, 399])(
    "a redirect with %i is refused by host and status, and its body is let go",
    async (status) => {
      const { seen, guarded } = over({ status });
      const failure = { code: "upstream_redirect_refused", reason: `host=api.acme.com status=${status}` };
      expect(await guarded({ url })).toEqual({ ok: false, failure });
      expect(seen.canceled).toBe(true);
    },
  );

  test.each([600, 999])("so is the status %i", async (status) => {
    const { seen, guarded } = over({ status });
    const failure = { code: "upstream_invalid_response", reason: `host=api.acme.com status=${status}` };
    expect(await guarded({ url })).toEqual({ ok: false, failure });
    expect(seen.canceled).toBe(true);
  });

  test.each([200, 299, 400, 599])("the status %i is the caller's to judge", async (status) => {
    const body = new Response("text").body ?? undefined;
    const result = await over({ status, ...(body && { body }) }).guarded({ url });
    expect(result).toMatchObject({ ok: true, value: { status } });
  });

  test("a body comes without the headers that describe how it was sent, and with all others", async () => {
    const headers = { "content-encoding": "gzip", "content-length": "9", "content-type": "text/plain", etag: '"1"' };
    const body = new Response("text").body ?? undefined;
    const result = await over({ status: 200, ...(body && { body }) }, headers).guarded({ url });
    expect(result.ok && Object.fromEntries(result.value.headers)).toEqual({
      "content-type": "text/plain",
      etag: '"1"',
    });
  });

  test("time, size and the network are told apart, and who gave up", async () => {
    const reason = async (request: Partial<OutboundRequest>, given: Parameters<typeof over>[0] = { status: 200 }) => {
      const result = await over(given).guarded({ url, ...request });
      return result.ok ? "ok" : `${result.failure.code} ${result.failure.reason}`;
    };
    const { stream } = endlessBody(10);
    expect(await reason({ timeoutMs: 20 })).toBe("upstream_timeout host=api.acme.com timeout_ms=20");
    expect(await reason({ signal: AbortSignal.abort() })).toBe("upstream_timeout host=api.acme.com canceled");
    expect(await reason({ maxBytes: 5 }, { status: 200, body: stream })).toBe(
      "upstream_too_large host=api.acme.com max_bytes=5",
    );
    expect(await reason({}, new Error("secret"))).toBe("upstream_unreachable host=api.acme.com");
  });

  test("a header is refused by its name, and never by its value", async () => {
    const message = async (headers: Record<string, string>) => {
      const result = await over({ status: 200 }).guarded({ url, headers });
      return result.ok ? "ok" : result.failure;
    };
    expect(await message({ "x-a": "b\nc" })).toEqual({
      code: "invalid_config",
      message: "The value of header x-a has a line break or another character that HTTP does not allow.",
    });
    expect(await message({ "x a": "b" })).toEqual({
      code: "invalid_config",
      message: "A header name has a character that HTTP does not allow.",
    });
  });

  test("the platform is asked by GET, without a body and without following redirects", async () => {
    const { seen, guarded } = over(new Error("down"));
    await guarded({ url });
    await guarded({ url, method: "DELETE", body: "x" });
    expect(seen.sent).toMatchObject([
      { method: "GET", redirect: "manual" },
      { method: "DELETE", redirect: "manual", body: "x" },
    ]);
    expect(seen.sent[0]).not.toHaveProperty("body");
  });
});

test("a body in pieces comes back in their order", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const write = async () => {
    for (const piece of ["one ", "two ", "three"]) await writer.write(new TextEncoder().encode(piece));
    await writer.close();
  };
  const network = async () => {
    void write();
    return new Response(readable);
  };
  const pieces = createGuardedFetch({ fetch: network, policy: { ownHosts: [], allowLoopback: false } });
  const result = await pieces({ url: "https://api.acme.com/" });
  expect(result.ok && new TextDecoder().decode(result.value.body)).toBe("one two three");
});
