import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod/mini";
import { createApp } from "../../src/app.ts";
import { ApiError } from "../../src/errors.ts";
import { publicEndpoint } from "../../src/http/endpoint.ts";
import type { Route } from "../../src/http/routing.ts";
import { type Api, apiOf, setUp } from "../support/api.ts";
import { type TestServices, testServices } from "../support/services.ts";

const JSON_TYPE = { "content-type": "application/json" };

describe("what is refused before a handler runs", () => {
  let api: Api;
  let owner: string;
  const post = (init: RequestInit) =>
    api.send("/v1/projects", {
      method: "POST",
      ...init,
      headers: { authorization: `Bearer ${owner}`, ...init.headers },
    });
  beforeAll(async () => {
    api = apiOf(await testServices());
    ({ owner } = await setUp(api));
  });

  test("a body over the cap is refused while it is read, announced length or not", async () => {
    const big = `{"slug":"${"x".repeat(256 * 1024)}"}`;
    expect((await post({ body: big, headers: JSON_TYPE })).status).toBe(413);
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(16 * 1024).fill(32));
      },
    });
    const answer = await post({ body: endless, headers: JSON_TYPE });
    expect([answer.status, answer.body.error.code]).toEqual([413, "payload_too_large"]);
    expect(pulled).toBeLessThan(24);
  });

  test("a body longer than its announced length is refused, and a shorter one is read for what it is", async () => {
    const stream = (text: string) => {
      const { readable, writable } = new IdentityTransformStream();
      const writer = writable.getWriter();
      writer.write(new TextEncoder().encode(text)).then(
        () => writer.close(),
        () => undefined,
      );
      return readable;
    };
    const announced = (length: number) => ({ ...JSON_TYPE, "content-length": String(length) });
    const longer = await post({ body: stream('{"slug":"a-longer-body"}'), headers: announced(8) });
    expect([longer.status, longer.body.error.code]).toEqual([413, "payload_too_large"]);
    expect((await post({ body: stream("{}"), headers: announced(100) })).status).toBe(400);
  });

  test("a body that is not declared as UTF-8 JSON is refused, so that no form can be posted across sites", async () => {
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "application/jsonp",
      "application/json; charset=utf-16",
      "application/json, text/plain",
    ]) {
      const { status } = await post({ body: '{"slug":"a"}', headers: { "content-type": type } });
      expect([type, status]).toEqual([type, 415]);
    }
    const good = await post({ body: '{"slug":"a"}', headers: { "content-type": 'application/json; charset="UTF-8"' } });
    expect(good.status).toBe(201);
  });

  test("bytes that are no JSON, no UTF-8, too deep or carry __proto__ are 400 and not 500", async () => {
    const bodies: (string | Uint8Array)[] = [
      "",
      "{",
      "[]",
      "null",
      '"x"',
      "1e999",
      Uint8Array.of(0x22, 0xff, 0x22),
      '{"slug":"\ufffd"}',
      `${'{"a":'.repeat(40)}1${"}".repeat(40)}`,
      `${"[".repeat(100_000)}`,
      `${"[".repeat(50_000)}${"]".repeat(50_000)}`,
      '{"slug":"b","__proto__":{"role":"owner"}}',
    ];
    for (const body of bodies) {
      const { status, body: answer } = await post({ body, headers: JSON_TYPE });
      expect([String(body).slice(0, 20), status, answer.error.code]).toEqual([
        String(body).slice(0, 20),
        400,
        "bad_request",
      ]);
    }
  });

  test("problems are listed by path, values are not echoed, and an unknown field is named", async () => {
    const bad = await api.post("/v1/access-tokens", { name: 7, role: "king", expiresInSeconds: -1 }, owner);
    expect(bad.body.error.message).toMatch(/name: .*role: .*expiresInSeconds: /);
    expect(bad.text).not.toContain("king");
    const unknown = await api.post("/v1/projects", { slug: "a", sulg: "b", isOwner: true }, owner);
    expect(unknown.body.error).toMatchObject({
      code: "unknown_field",
      message: expect.stringMatching(/sulg, isOwner/),
    });
  });

  test("unknown routes are 404, known ones with another method 405 with Allow; HEAD and OPTIONS are sane", async () => {
    expect((await api.get("/v1/nothing")).body.error.code).toBe("not_found");
    for (const path of ["/v1/projects/", "//v1/projects", "/V1/projects", "/v1/projects/a/b/c/d", "/"]) {
      expect([path, (await api.get(path, owner)).status]).toEqual([path, 404]);
    }
    const wrong = await api.delete("/v1/projects", owner);
    expect([wrong.status, wrong.body.error.code]).toEqual([405, "method_not_allowed"]);
    expect(wrong.headers.get("allow")).toBe("HEAD, POST, GET, OPTIONS");
    const head = await api.send("/health", { method: "HEAD" });
    expect([head.status, head.text]).toEqual([200, ""]);
    expect((await api.send("/v1/setup", { method: "HEAD" })).status).toBe(405);
    const options = await api.send("/v1/projects", { method: "OPTIONS", headers: { origin: "https://evil.com" } });
    expect([options.status, options.headers.get("allow")]).toEqual([204, "HEAD, POST, GET, OPTIONS"]);
    expect(options.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("401 carries a challenge: bare without credentials, with an error when they are not good", async () => {
    expect((await api.get("/v1/team")).headers.get("www-authenticate")).toBe("Bearer");
    const bad = await api.get("/v1/team", `${owner.slice(0, -1)}x`);
    expect([bad.status, bad.headers.get("www-authenticate")]).toEqual([401, 'Bearer error="invalid_token"']);
  });

  test("teamId or slug is accepted for this team, not both, and not for another", async () => {
    const { id } = (await api.get("/v1/team", owner)).body;
    expect((await api.get(`/v1/team?teamId=${id}`, owner)).status).toBe(200);
    expect((await api.get(`/v1/team?slug=${id}`, owner)).status).toBe(200);
    expect((await api.get(`/v1/team?teamId=${id}&slug=${id}`, owner)).status).toBe(400);
    expect((await api.get("/v1/team?teamId=team_other", owner)).status).toBe(404);
    expect((await api.get("/v1/team?slug=other", owner)).status).toBe(404);
    expect((await api.get("/v1/team?teamId=", owner)).status).toBe(404);
    expect((await api.get("/v1/team?teamId=team_other")).status).toBe(401);
    expect((await api.get(`/v1/projects?limit=1&limit=2`, owner)).status).toBe(400);
  });

  test("every answer carries one request id twice, forbids caching and sniffing", async () => {
    for (const path of ["/health", "/v1/team", "/v1/nothing"]) {
      const { headers, body } = await api.get(path);
      expect(headers.get("x-request-id")).toMatch(/^req_/);
      expect(headers.get("x-vercel-id")).toBe(headers.get("x-request-id"));
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      if (body.error) expect(body.error.request_id).toBe(headers.get("x-request-id"));
    }
  });
});

describe("routes with a parameter, and handlers that fail", () => {
  let services: TestServices;
  let fetch: (path: string, init?: RequestInit) => Promise<Response>;
  const routes: Route[] = [
    ["GET", "/c/:c", publicEndpoint({ handle: async ({ params }) => ({ status: 200, body: params }) })],
    [
      "GET",
      "/throws",
      publicEndpoint({
        async handle() {
          throw new TypeError("secret detail at /src/inner.ts:1:1");
        },
      }),
    ],
    [
      "GET",
      "/busy",
      publicEndpoint({
        async handle() {
          throw new ApiError("upstream_rate_limited", {
            retryAfterMs: 1200,
            reason: "host=x",
            vendor: { status: 429 },
          });
        },
      }),
    ],
    [
      "GET",
      "/defers",
      publicEndpoint({
        async handle({ defer, note }) {
          note({ rung: "kv" });
          defer(Promise.reject(new Error("later")));
          return { status: 204 };
        },
      }),
    ],
    [
      "POST",
      "/union",
      publicEndpoint({
        body: z.union([z.strictObject({ a: z.string() }), z.strictObject({ b: z.number() })]),
        handle: async ({ body }) => ({ status: 200, body }),
      }),
    ],
  ];
  beforeAll(async () => {
    services = await testServices();
    const app = createApp(services, routes);
    fetch = async (path, init) => {
      const deferred: Promise<unknown>[] = [];
      const response = await app.fetch(new Request(`http://127.0.0.1:8787${path}`, init), (work) =>
        deferred.push(work),
      );
      await Promise.all(deferred);
      return response;
    };
  });

  test("B-11 a parameter is one segment, decoded exactly once", async () => {
    const cases: [string, string | null][] = [
      ["/c/slack%2Facme", "slack/acme"],
      ["/c/slack%252Facme", "slack%2Facme"],
      ["/c/slack%2facme", "slack/acme"],
      ["/c/slack/acme", null],
      ["/c/%E2%82%AC", "€"],
      ["/c/a%00b", "a\u0000b"],
      ["/c/%", "%"],
      ["/c/a+b", "a+b"],
      ["/c/", null],
    ];
    for (const [path, expected] of cases) {
      const response = await fetch(path);
      const seen = response.status === 200 ? (await response.json<{ c: string }>()).c : null;
      expect([path, seen]).toEqual([path, expected]);
    }
  });

  test("U-12 an unexpected error shows no stack, class or text, but its reason is logged under the request id", async () => {
    const response = await fetch("/throws");
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(text).not.toMatch(/TypeError|secret detail|inner\.ts|stack/);
    const id = response.headers.get("x-request-id") ?? "";
    const line = services.lines.find((candidate) => candidate.includes(id)) ?? "";
    expect(JSON.parse(line)).toMatchObject({
      level: "error",
      event: "request",
      route: "/throws",
      status: 500,
      errorCode: "internal_error",
      reason: expect.stringContaining("TypeError"),
    });
  });

  test("Retry-After is whole seconds, rounded up; the vendor's part is shown and the reason is not", async () => {
    const response = await fetch("/busy");
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "2"]);
    const { error } = await response.json<{ error: Record<string, unknown> }>();
    expect(error).toEqual({
      code: "upstream_rate_limited",
      message: expect.any(String),
      request_id: expect.any(String),
      vendor: { status: 429 },
    });
  });

  test("failing deferred work neither breaks the answer nor goes unseen; a handler's facts are logged", async () => {
    expect((await fetch("/defers")).status).toBe(204);
    expect(services.lines.some((line) => line.includes("deferred_work_failed"))).toBe(true);
    expect(services.lines.some((line) => line.includes('"rung":"kv"'))).toBe(true);
  });

  test("the log names routes by pattern: paths carry what callers put there", async () => {
    await fetch("/c/customer%2Fname");
    await fetch("/nowhere/customer-name");
    expect(services.lines.join()).not.toMatch(/customer/);
    expect(services.lines.join()).toContain('"route":"/c/:c"');
  });

  test("a body that fits no alternative is told why, one with a foreign member is told which", async () => {
    const send = async (body: unknown) => {
      const response = await fetch("/union", { method: "POST", headers: JSON_TYPE, body: JSON.stringify(body) });
      return (await response.json<{ error: { code: string; message: string } }>()).error;
    };
    expect(await send({ a: 1 })).toMatchObject({ code: "bad_request", message: expect.stringContaining("a: ") });
    expect(await send({ a: "x", z: 1 })).toMatchObject({
      code: "unknown_field",
      message: expect.stringContaining("z"),
    });
  });
});
