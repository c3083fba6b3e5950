import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import { expect } from "vitest";
import { hex, utf8 } from "../../../../src/crypto/bytes.ts";
import { Secret } from "../../../../src/crypto/secret.ts";
import { fail, ok } from "../../../../src/errors.ts";
import type { OutboundRequest } from "../../../../src/outbound/guarded-fetch.ts";
import { CODE_RECIPES } from "../../../../src/triggers/recipes/code/index.ts";
import type { RecipeContext, Verdict, WebhookRequest } from "../../../../src/triggers/recipes/recipe.ts";
import { verifyRequest } from "../../../../src/triggers/recipes/verify.ts";

export const NOW_MS = 1_800_000_000_000;
export const HOOK = "https://connect.example.com/hooks/hook-1";

export type Body = string | Uint8Array<ArrayBuffer> | object;

export function webhook(given: {
  body?: Body;
  headers?: Record<string, string>;
  url?: string;
  method?: string;
}): WebhookRequest {
  const { body = "", headers = {}, url = HOOK, method = "POST" } = given;
  const bytes = typeof body === "string" ? utf8(body) : isBytes(body) ? body : utf8(JSON.stringify(body));
  return { method, url, headers: new Headers(headers), body: bytes };
}

function isBytes(body: Body): body is Uint8Array<ArrayBuffer> {
  return body instanceof Uint8Array;
}

export function context(given: {
  secrets?: string[];
  settings?: RecipeContext["settings"];
  pendingVerification?: boolean;
  nowMs?: number;
}): RecipeContext {
  const { secrets = [], settings = {}, pendingVerification = false, nowMs = NOW_MS } = given;
  const signing = secrets.map((value, index) => ({ id: `sec_${index}`, value: Secret.of(value) }));
  return { secrets: signing, settings, pendingVerification, nowMs };
}

/** What a fake host answers: a body, a status, or both; "down" and "too large" are failures of the fetch. */
export type FakeAnswer = string | number | [status: number, body: string];

/** A guarded fetch that knows some addresses, counts, and fails the test when asked for any other. */
export function outside(answers: Record<string, () => FakeAnswer | Promise<FakeAnswer>>) {
  const urls: string[] = [];
  const limits: Pick<OutboundRequest, "timeoutMs" | "maxBytes">[] = [];
  const time = { nowMs: NOW_MS };
  const fetch = async (request: OutboundRequest) => {
    urls.push(request.url);
    limits.push({ timeoutMs: request.timeoutMs ?? Infinity, maxBytes: request.maxBytes ?? Infinity });
    const answer = await answers[request.url]?.();
    if (answer === undefined) throw new Error(`fetched ${request.url}`);
    if (answer === "down") return fail("upstream_unreachable");
    if (answer === "too large") return fail("upstream_too_large");
    const [status, body] =
      typeof answer === "string" ? [200, answer] : typeof answer === "number" ? [answer, ""] : answer;
    const headers = new Headers({ "content-type": "application/json" });
    return ok({ status, headers, body: utf8(body) });
  };
  return { urls, limits, time, deps: { fetch, now: () => time.nowMs } };
}

/** The verdict of one of our recipes, as ingress asks for it. */
export function judge(
  provider: string,
  request: WebhookRequest,
  given: Parameters<typeof context>[0] = {},
  deps = outside({}).deps,
): Promise<Verdict> {
  const found = CODE_RECIPES[provider];
  if (found === undefined) throw new Error(`no recipe ${provider}`);
  return verifyRequest(
    found.recipe,
    request,
    { ...context(given), ...(given.nowMs === undefined && { nowMs: deps.now() }) },
    deps,
  );
}

export function refusal(reason: string, status = 401) {
  return { kind: "refused", status, reason };
}

export function expectEvent(verdict: Verdict) {
  expect(verdict.kind, JSON.stringify(verdict)).toBe("event");
  if (verdict.kind !== "event") throw new Error("no event");
  return verdict.event;
}

export async function hmac(hash: "SHA-1" | "SHA-256", secret: string, data: string | Uint8Array) {
  const key = await crypto.subtle.importKey("raw", utf8(secret), { name: "HMAC", hash }, false, ["sign"]);
  const mac = await crypto.subtle.sign("HMAC", key, typeof data === "string" ? utf8(data) : data);
  const bytes = new Uint8Array(mac);
  return { hex: hex(bytes), base64: bytes.toBase64() };
}

/** One RSA key of an issuer, and tokens by it. */
export async function tokenSigner(kid = `kid-${crypto.randomUUID()}`, alg = "RS256") {
  const pair = await generateKeyPair(alg, { extractable: true });
  const publicJwk: JWK = { ...(await exportJWK(pair.publicKey)), kid, alg, use: "sig" };
  return {
    publicJwk,
    sign: (claims: JWTPayload, header: Record<string, unknown> = {}) =>
      new SignJWT(claims).setProtectedHeader({ alg, kid, typ: "JWT", ...header }).sign(pair.privateKey),
  };
}
