import { createRemoteJWKSet, decodeJwt, exportJWK, generateKeyPair, jwtVerify, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { text } from "./http.ts";
import { refusal, tokenResponse } from "./schemas.ts";
import { type Server, startServer } from "./server.ts";
import { claimsOf, setUpTeam, type Team } from "./team.ts";

let server: Server;
let team: Team;

beforeAll(async () => {
  server = await startServer();
  team = await setUpTeam(server);
});
afterAll(() => server?.stop());

describe("who is refused", () => {
  const ask = (token: string, connector: string = team.oauth.client_secret_basic) => team.askForToken(connector, token);

  test("nobody: no credential", async () => {
    const path = `/v1/connect/token/${encodeURIComponent(team.apiKey)}`;
    expect(refusal(await server.send({ method: "POST", path, body: {} }))).toMatchObject({
      status: 401,
      code: "unauthorized",
    });
  });

  test("B-05 a token for another audience", async () => {
    const token = await team.workloadToken({ audience: "https://elsewhere.example.com" });
    expect(refusal(await ask(token))).toMatchObject({ status: 401, code: "audience_mismatch" });
  });

  test("B-06 an expired token", async () => {
    const nowSeconds = Math.floor(Date.now() / 1000);
    const claims = { ...claimsOf("linked", "production"), iat: nowSeconds - 600, exp: nowSeconds - 120 };
    const token = await server.provider.mintWorkloadToken(claims, { audience: server.origin });
    expect(refusal(await ask(token))).toMatchObject({ status: 401, code: "token_expired" });
  });

  test("B-03 a token of an issuer that nobody registered, however good its signature", async () => {
    const { privateKey, publicKey } = await generateKeyPair("ES256");
    const token = await new SignJWT(claimsOf("linked", "production"))
      .setProtectedHeader({ alg: "ES256", jwk: await exportJWK(publicKey), typ: "JWT" })
      .setIssuer("https://issuer.example.com")
      .setAudience(server.origin)
      .setIssuedAt()
      .setExpirationTime("5m")
      .sign(privateKey);
    expect(refusal(await ask(token))).toMatchObject({ status: 401, code: "issuer_not_trusted" });
  });

  test("B-02 a token under another key that claims to be the issuer's", async () => {
    const genuine = await team.workloadToken();
    const { privateKey } = await generateKeyPair("ES256");
    const header: unknown = JSON.parse(Buffer.from(genuine.split(".")[0] ?? "", "base64url").toString());
    const forged = await new SignJWT(decodeJwt(genuine))
      .setProtectedHeader({ alg: "ES256", ...Object(header) })
      .sign(privateKey);
    expect(refusal(await ask(forged))).toMatchObject({ status: 401, code: "token_signature_invalid" });
  });

  test("B-02 a genuine token whose claims were changed", async () => {
    const [header, payload, signature] = (await team.workloadToken({ project: "unlinked" })).split(".");
    const claims: unknown = JSON.parse(Buffer.from(payload ?? "", "base64url").toString());
    const changed = JSON.stringify({ ...Object(claims), ...claimsOf("linked", "production") });
    const tampered = [header, Buffer.from(changed).toString("base64url"), signature].join(".");
    expect(refusal(await ask(tampered))).toMatchObject({ status: 401, code: "token_signature_invalid" });
  });

  test("B-11 a workload of a project without a link: the connector does not exist for it", async () => {
    const token = await team.workloadToken({ project: "unlinked" });
    const stranger = refusal(await ask(token));
    expect(stranger).toMatchObject({ status: 404, code: "not_found" });
    expect(refusal(await ask(token, "no/such"))).toEqual(stranger);
  });

  test("B-10 a workload of another environment than the link's", async () => {
    const token = await team.workloadToken({ environment: "preview" });
    expect(refusal(await ask(token))).toEqual({
      status: 403,
      code: "forbidden",
      message: expect.stringMatching(/^connector is not linked to this project/),
    });
  });

  test("a workload that no identity rule names", async () => {
    const token = await team.workloadToken({ project: "nobody" });
    expect(refusal(await ask(token))).toMatchObject({ status: 403, code: "forbidden" });
  });
});

describe("our own issuer", () => {
  async function developmentToken(): Promise<string> {
    const path = "/v1/projects/linked/token";
    return text(await server.expect(200, { method: "POST", path, token: team.owner }), "token");
  }

  test("its tokens verify by discovery and key set, as anyone would do it", async () => {
    const metadata = await server.expect(200, { method: "GET", path: "/.well-known/openid-configuration" });
    expect(metadata.issuer).toBe(server.origin);
    const keys = createRemoteJWKSet(new URL(text(metadata, "jwks_uri")));
    const { payload, protectedHeader } = await jwtVerify(await developmentToken(), keys, {
      issuer: server.origin,
      audience: server.origin,
      algorithms: ["ES256"],
    });
    expect(payload).toMatchObject({ project_id: team.linked, environment: "development", owner_id: team.teamId });
    expect(protectedHeader.alg).toBe("ES256");
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBeLessThanOrEqual(12 * 3600);
  });

  test("B-10 they work for development, and for development only", async () => {
    const token = await developmentToken();
    const forDevelopment = await team.askForToken(team.oauth.client_secret_basic, token);
    expect(tokenResponse.parse(forDevelopment.body).scopes).toEqual(["reports:read"]);
    const forProduction = await team.askForToken(team.apiKey, token);
    expect(refusal(forProduction)).toMatchObject({ status: 403, code: "forbidden" });
  });

  test("B-10 a development token never gets the token of production", async () => {
    const connector = team.oauth.client_secret_basic;
    const development = tokenResponse.parse((await team.askForToken(connector, await developmentToken())).body);
    const production = tokenResponse.parse((await team.askForToken(connector, await team.workloadToken())).body);
    expect(development.token).not.toBe(production.token);
  });
});
