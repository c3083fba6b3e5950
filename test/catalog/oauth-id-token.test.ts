import { describe, expect, test } from "vitest";
import { hostile, hostileAnswer, lastRequest, requestCount } from "../providers/hostile.ts";
import { DEFAULTS, failed, NOW, publishing, succeeded } from "./support.ts";
import { exchangeWith, ISSUER, SERVER, signer, userConnector } from "./user-support.ts";

const OPENID = { group: { ...DEFAULTS, scopes: ["openid"] } };
const NOW_S = NOW / 1000;
const es256 = await signer();

interface Setup {
  jwks?: unknown;
  server?: Record<string, unknown>;
  data?: Record<string, unknown>;
  asked?: object;
}

/** A code exchange with `openid`, answered with this id_token. Too long for the address of a provider that echoes. */
async function exchanged(idToken: unknown, { jwks = es256.jwks, server = {}, data = {}, asked = OPENID }: Setup = {}) {
  const answer = { access_token: "at", token_type: "Bearer", id_token: idToken };
  const provider = publishing({ [SERVER.token_endpoint]: answer, [SERVER.jwks_uri]: jwks });
  return exchangeWith(await userConnector(server, data), asked, provider);
}

describe("who the provider says the user is", () => {
  test.for(["ES256", "RS256", "PS256", "EdDSA"])("A-20 is believed under a signature by %s", async (alg) => {
    const { jwks, sign } = await signer(alg);
    const issued = succeeded(await exchanged(await sign(), { jwks }));
    expect(issued.externalSubject).toEqual({ issuer: ISSUER, subject: "user-1" });
  });

  test("A-20 is the issuer's own id of the user, never an e-mail address", async () => {
    const token = await es256.sign({ email: "ann@example.com", preferred_username: "ann" });
    expect(succeeded(await exchanged(token)).externalSubject).toEqual({ issuer: ISSUER, subject: "user-1" });
  });

  const refused: [hazard: string, claims: Record<string, unknown>][] = [
    ["another issuer", { iss: "https://evil.example.com" }],
    ["the issuer with a slash", { iss: `${ISSUER}/` }],
    ["no issuer", { iss: undefined }],
    ["another audience", { aud: "other" }],
    ["no audience", { aud: undefined }],
    ["several audiences without azp", { aud: ["client", "other"] }],
    ["several audiences with another azp", { aud: ["client", "other"], azp: "other" }],
    ["one audience with another azp", { azp: "other" }],
    ["an azp that is no text", { azp: ["client"] }],
    ["another nonce", { nonce: "nonce-2" }],
    ["no nonce", { nonce: undefined }],
    ["no exp", { exp: undefined }],
    ["no iat", { iat: undefined }],
    ["an end a minute ago", { exp: NOW_S - 60 }],
    ["a beginning in a minute", { nbf: NOW_S + 60 }],
    ["an issue in a minute", { iat: NOW_S + 60 }],
    ["an issue two hours ago", { iat: NOW_S - 7200 }],
    ["no sub", { sub: undefined }],
    ["an empty sub", { sub: "" }],
    ["a sub that is a number", { sub: 7 }],
    ["a sub of 256 characters", { sub: "u".repeat(256) }],
  ];
  test.for(refused)("A-20 an id_token with %s spoils the exchange", async ([, claims]) => {
    const failure = failed(await exchanged(await es256.sign(claims)));
    expect(failure.code).toBe("upstream_id_token_invalid");
    expect(failure.reason).not.toMatch(/evil|other|nonce-2/);
  });

  test("A-20 several audiences pass with our azp, and clocks may differ by half a minute", async () => {
    for (const claims of [{ aud: ["client", "other"], azp: "client" }, { iat: NOW_S + 20 }, { exp: NOW_S - 20 }]) {
      expect((await exchanged(await es256.sign(claims))).ok).toBe(true);
    }
  });

  test("A-20 forged, cut, encrypted and unsigned ones spoil the exchange", async () => {
    const good = await es256.sign();
    const [header = "", payload = "", signature = ""] = good.split(".");
    const forger = await signer();
    const unsigned = `${btoa('{"alg":"none"}').replaceAll("=", "")}.${payload}.`;
    const flipped = `${signature[0] === "A" ? "B" : "A"}${signature.slice(1)}`;
    const bad = [
      await forger.sign(),
      `${header}.${payload}.${flipped}`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      unsigned,
      `${good}.${payload}.${payload}`,
      ` ${good}`,
      "x",
      7,
      { a: 1 },
      "a".repeat(40_000),
    ];
    for (const token of bad) expect(failed(await exchanged(token)).code).toBe("upstream_id_token_invalid");
  });

  test("A-20 a token of another kind under the same key is none", async () => {
    for (const typ of ["at+jwt", "logout+jwt", "connect-webhook+jwt"]) {
      expect(failed(await exchanged(await es256.sign({}, { typ }))).code).toBe("upstream_id_token_invalid");
    }
    expect((await exchanged(await es256.sign({}, { typ: "JWT" }))).ok).toBe(true);
  });

  test("A-20 an extension that must be understood spoils the exchange, even one that changes nothing", async () => {
    const token = await es256.sign({}, { crit: ["b64"], b64: true });
    expect(failed(await exchanged(token)).reason).toMatch(/crit/);
  });

  test("A-20 a key that the token brings along is not looked at, nor a symmetric one that the server publishes", async () => {
    const forger = await signer();
    const [jwk] = forger.jwks.keys;
    expect(failed(await exchanged(await forger.sign({}, { jwk }))).code).toBe("upstream_id_token_invalid");
    const { SignJWT } = await import("jose");
    const secret = new TextEncoder().encode("s3cret-of-the-client-is-long-enough-now");
    const claims = { iss: ISSUER, aud: "client", sub: "u", nonce: "nonce-1", iat: NOW_S, exp: NOW_S + 60 };
    const symmetric = await new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid: "key-1" }).sign(secret);
    const jwks = { keys: [{ kty: "oct", k: "x", kid: "key-1", alg: "HS256" }] };
    expect(failed(await exchanged(symmetric, { jwks })).code).toBe("upstream_id_token_invalid");
  });

  test("A-20 an algorithm that the server does not list is refused", async () => {
    const server = { id_token_signing_alg_values_supported: ["RS256", "none"] };
    expect(failed(await exchanged(await es256.sign(), { server })).code).toBe("upstream_id_token_invalid");
    const listed = { id_token_signing_alg_values_supported: ["ES256"] };
    expect((await exchanged(await es256.sign(), { server: listed })).ok).toBe(true);
  });
});

describe("the keys", () => {
  test("A-20 are fetched before the code is sent, and without them it stays unspent", async () => {
    const faults = [
      [hostile("/status/500"), "upstream_unreachable"],
      [hostileAnswer("{}", { status: 404 }), "upstream_unreachable"],
      [hostile("/huge"), "upstream_too_large"],
      [hostile("/html"), "upstream_invalid_response"],
      [hostileAnswer("[]"), "upstream_invalid_response"],
      [hostile("/redirect/302?to=/ok"), "upstream_redirect_refused"],
    ];
    for (const [jwksUri, code] of faults) {
      const key = crypto.randomUUID();
      const token = hostileAnswer("{}", { key });
      const connector = await userConnector({ token_endpoint: token, jwks_uri: jwksUri });
      expect(failed(await exchangeWith(connector, OPENID)).code).toBe(code);
      expect(await lastRequest(key)).toBeNull();
    }
  });

  test("A-20 in the metadata itself are used without a fetch", async () => {
    const key = crypto.randomUUID();
    const server = { jwks: es256.jwks, jwks_uri: hostileAnswer('{"keys":[]}', { key }) };
    expect((await exchanged(await es256.sign(), { server })).ok).toBe(true);
    expect(await requestCount(key)).toBe(0);
  });

  test("A-20 that are nowhere, or whose issuer is unknown, are a configuration to correct", async () => {
    for (const server of [{ jwks_uri: "" }, { issuer: "" }]) {
      expect(failed(await exchanged(await es256.sign(), { server })).code).toBe("invalid_config");
    }
  });

  test("A-20 are not fetched, nor an id_token looked at, where nobody asked for one", async () => {
    const key = crypto.randomUUID();
    const server = { jwks_uri: hostileAnswer(JSON.stringify(es256.jwks), { key }) };
    for (const token of [await es256.sign({ nonce: undefined }), "x", 7]) {
      const issued = succeeded(await exchanged(token, { server, asked: {} }));
      expect([issued.externalSubject, issued.claims]).toEqual([null, null]);
    }
    expect(await requestCount(key)).toBe(0);
  });

  test("an answer without an id_token, as after a consent that leaves openid out, tells nothing of the user", async () => {
    for (const absent of [undefined, null, ""]) {
      const issued = succeeded(await exchanged(absent));
      expect([issued.externalSubject, issued.claims]).toEqual([null, null]);
    }
  });
});

describe("forwarded claims", () => {
  const forward = async (claims: Record<string, unknown>, names: string[]) =>
    succeeded(await exchanged(await es256.sign(claims), { data: { forwardedClaims: { idToken: names } } })).claims;

  test("are those on the operator's list, and none without a list", async () => {
    const claims = { email: "ann@example.com", email_verified: true, age: 7, groups: ["a", "b"], secret: "no" };
    const names = ["email", "email_verified", "age", "groups", "absent"];
    const { secret, ...listed } = claims;
    expect(await forward(claims, names)).toEqual(listed);
    expect(succeeded(await exchanged(await es256.sign(claims))).claims).toEqual({});
  });

  test("C-16 are text, numbers, booleans and lists of text; nothing else, and no prototype", async () => {
    const claims = JSON.parse('{"__proto__":{"admin":true},"o":{"a":1},"l":[1],"n":null,"ok":"x"}');
    const forwarded = await forward(claims, ["__proto__", "constructor", "toString", "o", "l", "n", "ok"]);
    expect(forwarded).toEqual({ ok: "x" });
    expect(Object.getPrototypeOf(forwarded)).toBe(Object.prototype);
  });

  test("C-16 are bounded", async () => {
    const forwarded = await forward({ first: "x", huge: "x".repeat(5000), last: "y" }, ["first", "huge", "last"]);
    expect(forwarded).toEqual({ first: "x" });
  });
});
