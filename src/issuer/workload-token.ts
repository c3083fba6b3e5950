import type { Developer } from "../callers/caller.ts";
import { WORKLOAD_TOKEN_TYP } from "../callers/identify-own.ts";
import { base64url } from "../crypto/bytes.ts";
import { signJwt } from "../crypto/signing-key.ts";
import type { Services } from "../services.ts";
import { currentSigner } from "./signing-keys.ts";

export interface WorkloadTokenRequest {
  teamId: string;
  projectId: string;
  environment: "development";
  /** Whose access token it is made with; it ends with that. */
  developer: Developer;
  expiresInSeconds: number;
  /** When the access token ends (ms); null = never. */
  notAfterMs: number | null;
}

/** A signed workload token of our own issuer, for `aud` = ourselves. */
export async function issueWorkloadToken(
  request: WorkloadTokenRequest,
  services: Pick<Services, "db" | "keys" | "now" | "randomBytes" | "settings">,
): Promise<string> {
  const { teamId, projectId, environment, developer, notAfterMs } = request;
  const { publicOrigin } = services.settings;
  const { key, kid, alg } = await currentSigner(services);
  const issuedAt = Math.floor(services.now() / 1000);
  return signJwt(
    key,
    { alg, kid, typ: WORKLOAD_TOKEN_TYP },
    {
      iss: publicOrigin,
      aud: publicOrigin,
      sub: `owner:${teamId}:project:${projectId}:environment:${environment}`,
      owner_id: teamId,
      project_id: projectId,
      environment,
      access_token_id: developer.accessTokenId,
      ...(developer.userId !== null && { user_id: developer.userId }),
      jti: base64url(services.randomBytes(16)),
      iat: issuedAt,
      exp: Math.min(issuedAt + request.expiresInSeconds, Math.floor((notAfterMs ?? Number.MAX_SAFE_INTEGER) / 1000)),
    },
  );
}
