import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import type { Api } from "./api.ts";
import { clock } from "./clock.ts";
import type { Scene } from "./connect.ts";

export const AUDIENCE = "https://connect.example.com";

/** A registered OIDC issuer with an identity rule for the scene's project: what it signs is that project's workload. */
export async function trustedWorkload(
  api: Api,
  { owner, projectId, name }: Pick<Scene, "owner" | "projectId" | "name">,
  environment = "production",
) {
  const issuer = `https://${name}.issuer.example.org`;
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const key = { ...(await exportJWK(publicKey)), kid: "key-1", alg: "RS256", use: "sig" };
  const registered = await api.post("/v1/issuers", { issuer, audience: AUDIENCE, jwks: { keys: [key] } }, owner);
  const rule = await api.post(
    `/v1/projects/${projectId}/identities`,
    { issuer, environment, claims: { sub: "workload" } },
    owner,
  );
  if (registered.status !== 201 || rule.status !== 201) throw new Error(`${registered.text} ${rule.text}`);
  return {
    issuer,
    sign: (claims: JWTPayload = {}) =>
      new SignJWT({ jti: crypto.randomUUID(), ...claims })
        .setProtectedHeader({ alg: "RS256", kid: "key-1" })
        .setIssuer(issuer)
        .setAudience(AUDIENCE)
        .setSubject("workload")
        .setIssuedAt(Math.floor(clock.now() / 1000))
        .setExpirationTime(Math.floor(clock.now() / 1000) + 300)
        .sign(privateKey),
  };
}
