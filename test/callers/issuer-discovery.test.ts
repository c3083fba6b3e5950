import { describe, expect, test } from "vitest";
import { type KeySource, pinIssuerKeys } from "../../src/callers/issuer-discovery.ts";
import { utf8 } from "../../src/crypto/bytes.ts";
import { type ErrorCode, type Failure, ok } from "../../src/errors.ts";
import type { OutboundRequest } from "../../src/outbound/guarded-fetch.ts";
import { signer } from "./support.ts";

const ISSUER = "https://idp.example.org";
const DISCOVERY = `${ISSUER}/.well-known/openid-configuration`;
const KEYS = `${ISSUER}/keys`;
const { publicJwk } = await signer();
const source: KeySource = { issuer: ISSUER, algorithms: ["ES256"] };

type Answer = Failure | { status?: number; type?: string; json: unknown };

/** Pins the keys of `source` from those answers by URL; whatever else is asked cannot be reached. */
async function pin(answers: Record<string, Answer>, given: Partial<KeySource> = {}) {
  const asked: OutboundRequest[] = [];
  const result = await pinIssuerKeys({ ...source, ...given }, async (request) => {
    asked.push(request);
    const answer = answers[request.url] ?? { code: "upstream_unreachable" as const };
    if ("code" in answer) return { ok: false, failure: answer };
    const headers = new Headers({ "content-type": answer.type ?? "application/json" });
    return ok({ status: answer.status ?? 200, headers, body: utf8(JSON.stringify(answer.json)) });
  });
  return { asked, result, failure: result.ok ? null : result.failure };
}

const metadata = (changes: object = {}) => ({ json: { issuer: ISSUER, jwks_uri: KEYS, ...changes } });
const cause = (text: string) => `The issuer could not be used: ${text}`;

/** Failure of the guarded fetch → what the operator reads of it. */
const EXPLAINED: [ErrorCode, (what: string) => string][] = [
  ["upstream_timeout", (what) => `its ${what} did not arrive within 5 s. Try again, or give jwks.`],
  ["upstream_redirect_refused", (what) => `its ${what} answers with a redirect. Give the final URL.`],
  ["upstream_too_large", (what) => `its ${what} is too large. Give the keys that are needed as jwks.`],
  [
    "upstream_invalid_response",
    (what) => `its ${what} is not a valid JSON document of its kind. Check the URL, and that it is served as JSON.`,
  ],
  [
    "upstream_unreachable",
    (what) =>
      `its ${what} cannot be reached. Check the URL, and that the issuer is reachable from the internet; for a private one give jwks.`,
  ],
];

describe("an issuer that cannot be used is explained to its operator", () => {
  test.each(EXPLAINED)("%s of its discovery document", async (code, explanation) => {
    const { failure } = await pin({ [DISCOVERY]: { code, reason: "host=idp" } });
    const message = cause(explanation("discovery document"));
    expect(failure).toEqual({ code: "issuer_unusable", message, reason: "host=idp" });
  });

  test.each(EXPLAINED)("%s of its key set", async (code, explanation) => {
    const { failure } = await pin({ [DISCOVERY]: metadata(), [KEYS]: { code } });
    expect(failure).toStrictEqual({ code: "issuer_unusable", message: cause(explanation("key set")) });
  });

  test("E-01 a URL that may not be called is named as that", async () => {
    const refused: Failure = { code: "url_not_allowed", message: "The URL must use https." };
    expect((await pin({ [DISCOVERY]: refused })).failure).toEqual(refused);
    expect((await pin({ [DISCOVERY]: metadata(), [KEYS]: refused })).failure).toEqual(refused);
  });

  test("a discovery document under another status, of another shape or of another issuer", async () => {
    const messageOf = async (answer: Answer) => (await pin({ [DISCOVERY]: answer })).failure?.message;
    expect(await messageOf({ ...metadata(), status: 404 })).toBe(
      cause("its discovery document answers with status 404. Check the issuer URL."),
    );
    expect(await messageOf({ ...metadata(), type: "text/html" })).toBe(
      cause(
        "its discovery document is not a valid JSON document of its kind. Check the URL, and that it is served as JSON.",
      ),
    );
    const lacking = cause("its discovery document lacks 'issuer' or 'jwks_uri'. Give jwksUri or jwks yourself.");
    expect(await messageOf({ json: { issuer: ISSUER } })).toBe(lacking);
    expect(await messageOf({ json: { jwks_uri: KEYS } })).toBe(lacking);
    expect(await messageOf(metadata({ jwks_uri: `${KEYS}?${"a".repeat(2048)}` }))).toBe(lacking);
    expect(await messageOf(metadata({ issuer: `${ISSUER}/` }))).toBe(
      cause(
        "its discovery document names another issuer. Register exactly the value that tokens carry as 'iss', with or without a trailing slash as there.",
      ),
    );
  });

  test("B-03 keys on another host, or at no URL at all", async () => {
    const messageOf = async (jwks_uri: string) => (await pin({ [DISCOVERY]: metadata({ jwks_uri }) })).failure?.message;
    const elsewhere = (host: string) =>
      cause(`its keys are on another host (${host}). If that is right, confirm it by giving jwksUri.`);
    expect(await messageOf("https://evil.example/keys")).toBe(elsewhere("evil.example"));
    expect(await messageOf("keys")).toBe(elsewhere("no URL"));
  });

  test("a key set that is none, given or fetched, and one without a usable key", async () => {
    const none = cause(
      "its key set is not a valid JSON document of its kind. Check the URL, and that it is served as JSON.",
    );
    const given = await pin({}, { jwks: { keys: "none" } });
    expect(given.failure).toMatchObject({ message: none, reason: "not a JWK Set, or too many keys" });
    expect((await pin({ [KEYS]: { json: [] } }, { jwksUri: KEYS })).failure?.message).toBe(none);
    const { failure } = await pin({}, { jwks: { keys: [publicJwk] }, algorithms: ["RS256", "EdDSA"] });
    expect(failure?.message).toBe(
      cause(
        "its key set has no usable key for RS256, EdDSA. Keys must be public, meant for signatures and, if RSA, of 2048 to 8192 bits.",
      ),
    );
  });

  test("a key set under another status is not read", async () => {
    const { failure } = await pin({ [KEYS]: { status: 500, json: { keys: [publicJwk] } } }, { jwksUri: KEYS });
    expect(failure).toMatchObject({ code: "issuer_unusable", reason: "jwks status=500" });
  });
});

test("E-04 what is fetched for an operator is bounded in size and time", async () => {
  const { asked, result } = await pin({ [DISCOVERY]: metadata(), [KEYS]: { json: { keys: [publicJwk] } } });
  expect(result).toMatchObject({ ok: true, value: { jwksUri: KEYS, jwks: { keys: [{ kid: publicJwk.kid }] } } });
  expect(asked).toEqual([
    { url: DISCOVERY, maxBytes: 131_072, timeoutMs: 5000 },
    { url: KEYS, maxBytes: 262_144, timeoutMs: 5000 },
  ]);
});
