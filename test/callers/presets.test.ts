import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { KNOWN_ISSUERS, type KnownIssuer } from "../../src/callers/known-issuers.ts";
import { ISSUER_PRESETS, type IssuerPresetName } from "../../src/callers/presets.ts";
import { runtimeEndpoint } from "../../src/http/endpoint.ts";
import { type Api, apiOf, project, setUp } from "../support/api.ts";
import { testServices } from "../support/services.ts";
import { documented } from "./guide.ts";
import { VENDOR_TOKENS, type VendorToken } from "./vendor-tokens.ts";

const NAMES = Object.keys(ISSUER_PRESETS) as IssuerPresetName[];
const presetOf = (name: IssuerPresetName): KnownIssuer => KNOWN_ISSUERS[name];

describe("a workload of a known issuer, registered as documented", () => {
  const documents = new Map<string, unknown>();
  const keys = new Map<string, { privateKey: CryptoKey; publicJwk: JWK }>();
  let api: Api;
  let owner: string;
  let shop: string;
  let ask: (token: string) => Promise<Record<string, unknown>>;

  beforeAll(async () => {
    const services = await testServices({
      network: async (input) => {
        const found = documents.get(input instanceof Request ? input.url : String(input));
        return found === undefined ? Response.json({}, { status: 404 }) : Response.json(found);
      },
    });
    api = apiOf(services);
    ({ owner } = await setUp(api));
    shop = await project(api, owner, "shop");
    const whoAmI = runtimeEndpoint({ handle: async ({ caller }) => ({ status: 200, body: caller }) });
    const app = createApp(services, [["GET", "/who", whoAmI]]);
    ask = async (token) => {
      const headers = { authorization: `Bearer ${token}` };
      return (await app.fetch(new Request("http://127.0.0.1:8787/who", { headers }), () => {})).json();
    };
    for (const alg of ["RS256", "ES256"]) {
      const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
      // One key of each kind for all issuers: then it is never the signature that tells them apart.
      const publicJwk = { ...(await exportJWK(publicKey)), kid: `shared-${alg}`, alg, use: "sig" };
      keys.set(alg, { privateKey, publicJwk });
    }
    for (const name of NAMES) await register(name);
  });

  async function register(name: IssuerPresetName): Promise<void> {
    const { registration, rule } = documented(name);
    const { jwksPath } = VENDOR_TOKENS[name];
    const { issuer } = registration;
    const published = { keys: [...keys.values()].map(({ publicJwk }) => publicJwk) };
    if (jwksPath === null) {
      documents.set(presetOf(name).jwksUri?.replace("{issuer}", issuer) ?? "", published);
    } else {
      documents.set(`${issuer}/.well-known/openid-configuration`, { issuer, jwks_uri: issuer + jwksPath });
      documents.set(issuer + jwksPath, published);
    }
    const registered = await api.post("/v1/issuers", registration, owner);
    expect([name, registered.status, registered.body.error?.message]).toEqual([name, 201, undefined]);
    const { selectorClaim, maxTokenAgeMs } = presetOf(name);
    expect(registered.body).toMatchObject({ preset: name, selectorClaim, maxTokenAgeSeconds: maxTokenAgeMs / 1000 });
    const ruled = await api.post(`/v1/projects/${shop}/identities`, rule, owner);
    expect([name, ruled.status, ruled.body.error?.message]).toEqual([name, 201, undefined]);
  }

  async function tokenOf(
    name: IssuerPresetName,
    changes: Record<string, unknown> = {},
    signed: { privateKey?: CryptoKey; kid?: string; alg?: string } = {},
  ): Promise<string> {
    const { registration } = documented(name);
    const vendor: VendorToken = VENDOR_TOKENS[name];
    const alg = signed.alg ?? vendor.alg ?? "RS256";
    const { aud = registration.audience, ...claims } = changes;
    const iat = Math.floor(Date.now() / 1000);
    const payload: JWTPayload = {
      iss: registration.issuer,
      aud: vendor.audienceList && typeof aud === "string" ? [aud] : aud,
      iat,
      nbf: iat - 5,
      exp: iat + vendor.lifetimeSeconds,
      ...vendor.claims,
      ...claims,
    };
    const privateKey = signed.privateKey ?? keys.get(alg)?.privateKey;
    if (privateKey === undefined) throw new Error(`no key for ${alg}`);
    return new SignJWT(payload)
      .setProtectedHeader({ alg, kid: signed.kid ?? `shared-${alg}`, typ: "JWT", ...vendor.header })
      .sign(privateKey);
  }

  const codeOf = async (token: string) => {
    const answer = await ask(token);
    return answer.kind === "workload" ? "accepted" : (answer.error as { code: string }).code;
  };

  describe.each(NAMES)("%s", (name) => {
    test("passes as the project and environment of its rule", async () => {
      expect(await ask(await tokenOf(name))).toMatchObject({
        kind: "workload",
        projectId: shop,
        environment: "production",
        issuer: documented(name).registration.issuer,
      });
    });

    test.each(Object.entries(VENDOR_TOKENS[name].accepted ?? {}))("passes: %s", async (_, changes) => {
      expect(await codeOf(await tokenOf(name, changes))).toBe("accepted");
    });

    test.each(Object.entries(VENDOR_TOKENS[name].refused))("%s is refused", async (what, changes) => {
      expect(await codeOf(await tokenOf(name, changes))).toBe(VENDOR_TOKENS[name].codes?.[what] ?? "forbidden");
    });

    test("B-09 a token without any one of the claims of the rule is refused", async () => {
      for (const key of Object.keys(presetOf(name).example.claims)) {
        const [claim = ""] = key.startsWith("/") ? key.slice(1).split("/") : [key];
        const code = await codeOf(await tokenOf(name, { [claim]: undefined }));
        expect([key, code]).toEqual([key, claim === "sub" ? "token_claims_invalid" : "forbidden"]);
      }
    });

    test("B-01 B-06 another algorithm, a foreign key and an old token are refused", async () => {
      const { algorithms, maxTokenAgeMs } = presetOf(name);
      const foreign = await generateKeyPair("ES256");
      if (!algorithms.includes("ES256")) {
        expect(await codeOf(await tokenOf(name, {}, { alg: "ES256" }))).toBe("token_alg_not_allowed");
      } else {
        const forged = { alg: "ES256", privateKey: foreign.privateKey };
        expect(await codeOf(await tokenOf(name, {}, forged))).toBe("token_signature_invalid");
        expect(await codeOf(await tokenOf(name, {}, { ...forged, kid: "unknown" }))).toBe("token_key_unknown");
      }
      const nowSeconds = Math.floor(Date.now() / 1000);
      const iat = nowSeconds - maxTokenAgeMs / 1000 - 60;
      expect(await codeOf(await tokenOf(name, { iat, nbf: iat, exp: nowSeconds + 30 }))).toBe("token_expired");
    });
  });

  test("B-21 another cluster's token with our cluster's issuer, names and uid is told by its key", async () => {
    const { privateKey } = await generateKeyPair("ES256");
    expect(await codeOf(await tokenOf("kubernetes", {}, { alg: "ES256", privateKey }))).toBe("token_signature_invalid");
    const again = await api.post("/v1/issuers", documented("kubernetes").registration, owner);
    expect([again.status, again.body.error.code]).toEqual([409, "conflict"]);
  });

  test("B-22 a second trust domain that is registered too cannot speak for the first", async () => {
    const issuer = "https://spire2.example.org";
    const jwksUri = `${issuer}/bundle`;
    const ec = await generateKeyPair("ES256", { extractable: true });
    const publicJwk = { ...(await exportJWK(ec.publicKey)), kid: "other" };
    documents.set(jwksUri, {
      spiffe_sequence: 12,
      spiffe_refresh_hint: 300,
      // As the bundle format has them: one key for each kind of document, and both under ids of their own.
      keys: [
        { ...publicJwk, use: "jwt-svid" },
        { ...publicJwk, kid: "x509", use: "x509-svid", x5c: ["MIIB"] },
      ],
    });
    const audience = documented("spiffe").registration.audience;
    const registered = await api.post("/v1/issuers", { issuer, audience, preset: "spiffe", jwksUri }, owner);
    expect([registered.status, registered.body.error?.message]).toEqual([201, undefined]);
    const claims = { sub: "spiffe://other.example.org/ns/production/sa/worker" };
    const rule = { issuer, environment: "preview", claims };
    expect((await api.post(`/v1/projects/${shop}/identities`, rule, owner)).status).toBe(201);

    const signed = { alg: "ES256", privateKey: ec.privateKey, kid: "other" };
    expect(await ask(await tokenOf("spiffe", { iss: issuer, ...claims }, signed))).toMatchObject({
      kind: "workload",
      environment: "preview",
    });
    expect(await codeOf(await tokenOf("spiffe", { iss: issuer }, signed))).toBe("forbidden");
    expect(await codeOf(await tokenOf("spiffe", {}, signed))).toBe("token_key_unknown");
    // The key for certificates signs no tokens.
    expect(await codeOf(await tokenOf("spiffe", { iss: issuer, ...claims }, { ...signed, kid: "x509" }))).toBe(
      "token_key_unknown",
    );
  });

  test("a preset's key address gives way to one that the operator gives", async () => {
    const issuer = "https://second.cloudflareaccess.com";
    const jwksUri = "https://keys.example.org/access";
    documents.set(jwksUri, { keys: [keys.get("RS256")?.publicJwk] });
    const { body } = await api.post(
      "/v1/issuers",
      { issuer, audience: "a", preset: "cloudflare-access", jwksUri },
      owner,
    );
    expect(body.jwksUri).toBe(jwksUri);
    const jwks = { keys: [keys.get("RS256")?.publicJwk] };
    const third = { issuer: "https://third.cloudflareaccess.com", audience: "a", preset: "cloudflare-access", jwks };
    expect((await api.post("/v1/issuers", third, owner)).body.jwksUri).toBeNull();
  });
});
