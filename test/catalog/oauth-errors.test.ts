import { describe, expect, test } from "vitest";
import { classifyErrorAnswer, type Judging } from "../../src/catalog/oauth/errors.ts";
import { USUAL_POLICY } from "../../src/catalog/provider-policy.ts";
import { utf8 } from "../../src/crypto/bytes.ts";
import { describeError } from "../../src/errors.ts";
import { hostile, hostileAnswer } from "../providers/hostile.ts";
import { CLIENT_SECRET, failed, mintAt, NOW } from "./support.ts";

function errorAnswer(body: Record<string, unknown>, status = 400): string {
  return hostileAnswer(JSON.stringify(body), { status });
}

describe("what a refusal means", () => {
  const meanings: [error: string, status: number, code: string, wire: number][] = [
    ["invalid_client", 401, "upstream_invalid_client", 502],
    ["invalid_client", 400, "upstream_invalid_client", 502],
    ["invalid_scope", 400, "invalid_scope", 400],
    ["invalid_target", 400, "invalid_target", 400],
    ["unauthorized_client", 400, "upstream_rejected", 502],
    ["access_denied", 403, "upstream_rejected", 502],
    ["invalid_client", 503, "upstream_unreachable", 502],
    ["invalid_scope", 429, "upstream_rate_limited", 429],
    ["invalid_client", 200, "upstream_invalid_client", 502],
  ];
  test.for(meanings)("%s with status %i is %s (%i)", async ([error, status, code, wire]) => {
    const failure = failed(await mintAt(errorAnswer({ error }, status)));
    expect(failure.code).toBe(code);
    expect(describeError(failure.code).status).toBe(wire);
    expect(failure.vendor).toEqual({ error, status });
  });

  test("a rate limit carries the provider's wait", async () => {
    const failure = failed(await mintAt(hostile("/rate-limited", { after: "7" })));
    expect(failure).toMatchObject({ code: "upstream_rate_limited", retryAfterMs: 7000 });
  });

  test("a rate limit until a date is a wait from now", async () => {
    const after = new Date(NOW + 42_000).toUTCString();
    expect(failed(await mintAt(hostile("/rate-limited", { after }))).retryAfterMs).toBe(42_000);
  });

  test.for([
    ["0", 1000],
    ["120", 120_000],
    ["86400", 300_000],
    [new Date(NOW + 86_400_000).toUTCString(), 300_000],
    ["soon", 1000],
  ] as const)("Retry-After %s is a wait between a second and five minutes: %i ms", async ([after, expected]) => {
    expect(failed(await mintAt(hostile("/rate-limited", { after }))).retryAfterMs).toBe(expected);
  });
});

describe("what of a provider's words may leave", () => {
  test("E-12 an HTML error gives only its status", async () => {
    const failure = failed(await mintAt(hostileAnswer("<h1>db01 refused</h1>", { status: 400, type: "text/html" })));
    expect(failure).toEqual({
      code: "upstream_rejected",
      reason: "provider status=400 error=none",
      vendor: { status: 400 },
    });
  });

  test.for(["[1]", '{"message":"db01 refused"}', '{"error":{"code":1}}', '{"error":"a\\u0007b"}', '{"error":""}'])(
    "E-12 the unknown body %s gives only its status",
    async (body) => {
      expect(failed(await mintAt(hostileAnswer(body, { status: 400 }))).vendor).toEqual({ status: 400 });
    },
  );

  test("E-12 an error code of more than 64 characters is dropped", async () => {
    expect(failed(await mintAt(errorAnswer({ error: "e".repeat(65) }))).vendor).toEqual({ status: 400 });
  });

  test("E-12 a description loses control and direction characters and is cut at 256", async () => {
    const description = `\u001b[31mno\u202eway\u0000${"x".repeat(400)}`;
    const { vendor } = failed(await mintAt(errorAnswer({ error: "denied", error_description: description })));
    expect(vendor?.error_description).toBe(`[31mnoway${"x".repeat(247)}`);
  });

  test("E-12 members outside the allow-list stay inside", async () => {
    const body = { error: "denied", error_uri: "https://evil.example.com", trace: "at db01", error_description: 5 };
    expect(failed(await mintAt(errorAnswer(body))).vendor).toEqual({ error: "denied", status: 400 });
  });

  test("E-12 a description that echoes the client secret is dropped", async () => {
    const description = `bad secret ${CLIENT_SECRET} for client`;
    const failure = failed(await mintAt(errorAnswer({ error: "invalid_client", error_description: description }, 401)));
    expect(failure.vendor).toEqual({ error: "invalid_client", status: 401 });
    expect(JSON.stringify(failure)).not.toContain(CLIENT_SECRET);
  });

  const secret = "s3cr&t/of the+client";
  const form = new URLSearchParams({ _: secret }).toString().slice(2);
  const echoes = [
    secret.toUpperCase(),
    encodeURIComponent(secret),
    encodeURIComponent(secret).toLowerCase(),
    form,
    `Basic ${btoa(`client:${form}`)}`,
    `Basic ${btoa(`a-client:${secret}`)}`,
    btoa(`client_secret=${form}&scope=read`),
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJjbGllbnQifQ.c2lnbmF0dXJl",
  ];
  const judging: Judging = { nowMs: NOW, quoted: [secret], grant: "other", policy: USUAL_POLICY };
  test.for(echoes)("E-12 so is one that echoes a credential in the shape in which it was sent: %s", (echo) => {
    const body = utf8(JSON.stringify({ error: "denied", error_description: `I got ${echo}.` }));
    const answer = { status: 400, headers: new Headers({ "content-type": "application/json" }), body };
    expect(classifyErrorAnswer(answer, judging).vendor).toEqual({ error: "denied", status: 400 });
  });

  test("a description that quotes nothing stays, whatever encoded text it has", () => {
    const description = "AADSTS7000215: trace 8b7f1f3c-0a52-4d3b-9c0e-6a4f0d0b1c2d, see aHR0cHM6Ly9leGFtcGxl";
    const body = utf8(JSON.stringify({ error: "denied", error_description: description }));
    const answer = { status: 400, headers: new Headers({ "content-type": "application/json" }), body };
    expect(classifyErrorAnswer(answer, judging).vendor?.error_description).toBe(description);
  });
});
