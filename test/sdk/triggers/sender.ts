import { exportJWK, generateKeyPair, type JSONWebKeySet, type JWTPayload, SignJWT } from "jose";
import { utf8 } from "../../../src/crypto/bytes.ts";
import { sha256Base64url } from "../../../src/crypto/digest.ts";
import type { VerifyTriggerOptions } from "../../../src/sdk/triggers/index.ts";

export const ISSUER = "https://connect.example.com";
export const URL_A = "https://app.example.com/github?team=a";
export const AUDIENCE = "https://app.example.com/github";
export const CONNECTOR = "scl_0123456789abcdefghjk";
export const NOW_MS = 1_800_000_000_000;
export const BODY = '{"action":"opened","text":"ünï"}';

const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
export const publicJwk = { ...(await exportJWK(publicKey)), kid: "current", alg: "ES256", use: "sig" };
export const jwks: JSONWebKeySet = { keys: [publicJwk] };
export const options: VerifyTriggerOptions = { issuer: ISSUER, audience: AUDIENCE, jwks, now: () => NOW_MS };

/** The claims of contract's forward token for one delivery to `URL_A`. */
export async function claims(overrides: Record<string, unknown> = {}): Promise<JWTPayload> {
  const iat = NOW_MS / 1000;
  return {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: `connector:${CONNECTOR}`,
    jti: "att_1",
    iat,
    nbf: iat - 5,
    exp: iat + 300,
    htm: "POST",
    htu: URL_A,
    body_sha256: await sha256Base64url(utf8(BODY)),
    event_id: "evt_1",
    delivery_id: "dlv_1",
    tenant_id: "T1",
    trigger: { id: CONNECTOR, uid: "github/acme", type: "github", service: "github" },
    ...overrides,
  };
}

export async function token(
  overrides: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  key: CryptoKey = privateKey,
): Promise<string> {
  const made = Object.entries(await claims(overrides)).filter(([, value]) => value !== undefined);
  return new SignJWT(Object.fromEntries(made))
    .setProtectedHeader({ alg: "ES256", kid: "current", typ: "connect-webhook+jwt", ...header })
    .sign(key);
}

export function request(bearer: string | null, { url = URL_A, method = "POST", body = BODY as BodyInit | null } = {}) {
  const headers = { "content-type": "application/json", ...(bearer !== null && { authorization: `Bearer ${bearer}` }) };
  return new Request(url, { method, headers, body });
}
