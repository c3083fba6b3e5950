import { describe, expect, test } from "vitest";
import { Secret } from "../../src/crypto/secret.ts";
import { hostile, hostileAnswer, lastRequest, requestCount } from "../providers/hostile.ts";
import { CLIENT_SECRET, DEFAULTS, failed, NOW, succeeded, tokenAnswer } from "./support.ts";
import { ISSUER, refreshWith, signer, userConnector } from "./user-support.ts";

const group = (members: Partial<typeof DEFAULTS>) => ({ ...DEFAULTS, ...members });
const ANN = { issuer: ISSUER, subject: "user-1" };

async function refreshedAt(tokenEndpoint: string, asked = {}, data = {}, server = {}) {
  return refreshWith(await userConnector({ token_endpoint: tokenEndpoint, ...server }, data), asked);
}

const refreshed = (members: Record<string, unknown> = {}, asked = {}, data = {}, server = {}) =>
  refreshedAt(tokenAnswer(members), asked, data, server);

/** What the token endpoint receives. */
async function sentWith(asked: object): Promise<URLSearchParams> {
  const key = crypto.randomUUID();
  succeeded(await refreshedAt(hostileAnswer('{"access_token":"at","token_type":"Bearer"}', { key }), asked));
  return new URLSearchParams((await lastRequest(key))?.body);
}

describe("a refresh", () => {
  test("sends the token and the client's credentials, and no scope unless it narrows", async () => {
    const plain = await sentWith({ group: group({ scopes: ["a"] }), grantedScopes: ["a", "b"] });
    expect(Object.fromEntries(plain)).toEqual({
      grant_type: "refresh_token",
      refresh_token: "rt-old",
      client_id: "client",
      client_secret: CLIENT_SECRET,
    });
    const narrowed = await sentWith({ group: group({ scopes: ["a"] }), grantedScopes: ["a", "b"], narrow: true });
    expect(narrowed.get("scope")).toBe("a");
  });

  test("names the resources and details again, without which the token could be for anything", async () => {
    const details = [{ type: "files" }];
    const form = await sentWith({ group: group({ resources: ["urn:a", "urn:b"], authorizationDetails: details }) });
    expect(form.getAll("resource")).toEqual(["urn:a", "urn:b"]);
    expect(JSON.parse(form.get("authorization_details") ?? "")).toEqual(details);
  });

  test("brings the next refresh token, or none: then the old one goes on", async () => {
    expect(succeeded(await refreshed({ refresh_token: "rt-new" })).refreshToken?.expose()).toBe("rt-new");
    for (const none of [undefined, null, ""]) {
      expect(succeeded(await refreshed({ refresh_token: none })).refreshToken).toBeNull();
    }
  });

  test("may bring the same access token as before", async () => {
    const issued = succeeded(await refreshed({ access_token: "at-before" }));
    expect([issued.accessToken.expose(), issued.expiresAtMs]).toEqual(["at-before", NOW + 600_000]);
  });

  const scopes: [hazard: string, scope: string | undefined, narrow: boolean, expected: string[]][] = [
    ["no scope means what was granted", undefined, false, ["a", "b"]],
    ["no scope after narrowing means what was asked", undefined, true, ["a"]],
    ["fewer are what they are", "b", false, ["b"]],
    ["more are, too", "a b z", false, ["a", "b", "z"]],
    ["none is none", "", false, []],
  ];
  test.for(scopes)("C-08 %s", async ([, scope, narrow, expected]) => {
    const asked = { group: group({ scopes: ["a"] }), grantedScopes: ["a", "b"], narrow };
    expect(succeeded(await refreshed({ scope }, asked)).scopes).toEqual(expected);
  });

  test("C-08 offline_access that was only added at the start does not appear at a refresh", async () => {
    const server = { scopes_supported: ["offline_access"] };
    const answer = { scope: "a offline_access" };
    expect(succeeded(await refreshed(answer, { grantedScopes: ["a"] }, {}, server)).scopes).toEqual(["a"]);
  });
});

describe("what ends a user's authorization", () => {
  const terminal = ["invalid_grant", "bad_refresh_token", "invalid_refresh_token", "token_revoked", "token_expired"];
  const vendors = ["inactive_user", "expired_token"];
  test.for([...terminal, ...vendors].flatMap((error) => [400, 401, 200].map((status) => [error, status] as const)))(
    "%s with status %i does",
    async ([error, status]) => {
      const failure = failed(await refreshedAt(hostileAnswer(JSON.stringify({ ok: false, error }), { status })));
      expect(failure).toMatchObject({ code: "upstream_grant_refused", vendor: { error, status } });
    },
  );

  const others: [error: string, status: number, code: string][] = [
    ["invalid_client", 401, "upstream_invalid_client"],
    ["unauthorized_client", 400, "upstream_invalid_client"],
    ["bad_client_secret", 200, "upstream_invalid_client"],
    ["invalid_scope", 400, "invalid_scope"],
    ["invalid_target", 400, "invalid_target"],
    ["invalid_request", 400, "upstream_rejected"],
    ["access_denied", 403, "upstream_rejected"],
    ["INVALID_GRANT", 400, "upstream_rejected"],
    ["invalid_grant", 500, "upstream_unreachable"],
    ["invalid_grant", 503, "upstream_unreachable"],
    ["invalid_grant", 429, "upstream_rate_limited"],
  ];
  test.for(others)("%s with status %i does not: %s", async ([error, status, code]) => {
    expect(failed(await refreshedAt(hostileAnswer(JSON.stringify({ error }), { status }))).code).toBe(code);
  });

  const faults: [hazard: string, path: string, code: string][] = [
    ["a page of HTML", "/html", "upstream_invalid_response"],
    ["a server error", "/status/500", "upstream_unreachable"],
    ["a bare 400", "/json?status=400", "upstream_rejected"],
    ["a bare 401", "/json?status=401", "upstream_rejected"],
    ["a reset", "/reset", "upstream_unreachable"],
    ["an answer cut short", "/truncated", "upstream_unreachable"],
    ["five megabytes", "/huge", "upstream_too_large"],
    ["a redirect", "/redirect/302?to=/ok", "upstream_redirect_refused"],
    ["a rate limit", "/rate-limited?after=7", "upstream_rate_limited"],
  ];
  test.for(faults)("C-07 %s does not", async ([, path, code]) => {
    expect(failed(await refreshedAt(hostile(path))).code).toBe(code);
  });

  test.for([
    ["no token_type", { token_type: undefined }],
    ["a token_type of bot", { token_type: "bot" }],
    ["a token that breaks out of a header", { access_token: "a\r\nb" }],
  ] as const)("C-07 an answer with %s is no refresh, and no refusal either", async ([, members]) => {
    expect(failed(await refreshed(members)).code).toBe("upstream_invalid_response");
  });

  test("E-12 a refusal that quotes the refresh token keeps it inside", async () => {
    const body = JSON.stringify({ error: "invalid_grant", error_description: "token rt-secret-9 was used" });
    const asked = { refreshToken: Secret.of("rt-secret-9") };
    const failure = failed(await refreshedAt(hostileAnswer(body, { status: 400 }), asked));
    expect(failure.vendor).toEqual({ error: "invalid_grant", status: 400 });
    expect(JSON.stringify(failure)).not.toContain("rt-secret-9");
  });
});

describe("an id_token at a refresh", () => {
  const data = { forwardedClaims: { idToken: ["email"] } };
  const asked = { externalSubject: ANN, grantedScopes: ["openid"] };
  const refreshedWith = async (claims: Record<string, unknown>, known: object = asked, server: object = {}) => {
    const { jwks, sign } = await signer();
    const idToken = await sign({ nonce: undefined, email: "new@example.com", ...claims });
    const jwksUri = hostileAnswer(JSON.stringify(jwks));
    return succeeded(await refreshed({ id_token: idToken }, known, data, { jwks_uri: jwksUri, ...server }));
  };

  test("A-20 of the same user brings fresh claims", async () => {
    expect(await refreshedWith({})).toMatchObject({ externalSubject: ANN, claims: { email: "new@example.com" } });
  });

  const strangers: [hazard: string, claims: object, known: object, server: object][] = [
    ["where the user is not known", {}, { ...asked, externalSubject: null }, {}],
    ["of another issuer's user", {}, { ...asked, externalSubject: { ...ANN, issuer: "https://old.example.com" } }, {}],
    ["for another client", { aud: "other" }, asked, {}],
    ["of a narrowed refresh, which says less of the user,", {}, { ...asked, narrow: true }, {}],
    ["that has expired", { exp: NOW / 1000 - 60 }, asked, {}],
    ["under an unknown key", {}, asked, { jwks: { keys: [] } }],
    ["whose keys cannot be had", {}, asked, { jwks_uri: hostile("/status/500") }],
  ];
  test.for(strangers)("A-20 %s brings no claims, and costs no token", async ([, claims, known, server]) => {
    const issued = await refreshedWith({ ...claims }, known, server);
    expect(issued).toMatchObject({ externalSubject: null, claims: null });
    expect(issued.accessToken.expose()).toBe("at-1");
  });

  test.for([
    ["with its keys at hand", {}, {}],
    ["whatever signed it", {}, { jwks: { keys: [] } }],
    ["narrowed", { narrow: true }, {}],
  ] as const)("A-20 of another user says that the tokens are somebody else's: %s", async ([, more, server]) => {
    const { jwks, sign } = await signer();
    const idToken = await sign({ nonce: undefined, sub: "user-2" });
    const known = { ...asked, ...more };
    for (const settings of [data, {}]) {
      const jwksUri = hostileAnswer(JSON.stringify(jwks));
      const result = await refreshed({ id_token: idToken }, known, settings, { jwks_uri: jwksUri, ...server });
      expect(failed(result)).toMatchObject({ code: "upstream_id_token_invalid" });
      expect(JSON.stringify(failed(result))).not.toContain("user-2");
    }
  });

  test("its keys are not fetched where no claims are forwarded", async () => {
    const key = crypto.randomUUID();
    const { jwks, sign } = await signer();
    const server = { jwks_uri: hostileAnswer(JSON.stringify(jwks), { key }) };
    const issued = succeeded(await refreshed({ id_token: await sign() }, asked, {}, server));
    expect([issued.claims, await requestCount(key)]).toEqual([null, 0]);
  });
});
