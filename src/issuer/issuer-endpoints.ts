import * as z from "zod/mini";
import { ApiError } from "../errors.ts";
import { managementEndpoint, publicEndpoint } from "../http/endpoint.ts";
import { requireProject } from "../projects/project-store.ts";
import { findAccessToken } from "../team/access-token-store.ts";
import { findTeam } from "../team/team-store.ts";
import { JWKS_MAX_AGE_MS, MAX_WORKLOAD_TOKEN_SECONDS } from "./key-schedule.ts";
import { publicJwks } from "./signing-keys.ts";
import { issueWorkloadToken } from "./workload-token.ts";

const CACHEABLE = { "cache-control": `public, max-age=${JWKS_MAX_AGE_MS / 1000}` };

const CLAIMS = "iss sub aud exp iat jti owner_id project_id environment access_token_id user_id".split(" ");

/** OpenID Connect Discovery 1.0 §3, as far as an issuer without end users has anything to say. */
export const openidConfiguration = publicEndpoint({
  async handle({ services }) {
    const issuer = services.settings.publicOrigin;
    return {
      status: 200,
      headers: CACHEABLE,
      body: {
        issuer,
        jwks_uri: `${issuer}/.well-known/jwks.json`,
        response_types_supported: ["id_token"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["ES256"],
        claims_supported: CLAIMS,
      },
    };
  },
});

export const jwks = publicEndpoint({
  async handle({ services }) {
    const set = await publicJwks(services);
    // Before setup there is no key yet; that answer must not be remembered past it.
    return { status: 200, body: set, ...(set.keys.length > 0 && { headers: CACHEABLE }) };
  },
});

export const createWorkloadToken = managementEndpoint("developer", {
  bodyOptional: true,
  body: z.strictObject({
    expiresInSeconds: z._default(
      z.int().check(z.gte(60), z.lte(MAX_WORKLOAD_TOKEN_SECONDS)),
      MAX_WORKLOAD_TOKEN_SECONDS,
    ),
  }),
  async handle({ services, caller, params, body }) {
    const project = await requireProject(services.db, params.p);
    if (caller.environment !== null && caller.environment !== "development") {
      throw new ApiError("forbidden", {
        message: "This access token is bound to another environment; workload tokens are issued for development only.",
      });
    }
    const team = await findTeam(services.db);
    if (team === null) throw new ApiError("setup_required");
    // From the database: what the caller's lease still shows may have been deleted.
    const made = await findAccessToken(services.db, caller.tokenId);
    if (made === null) throw new ApiError("unauthorized", { reason: "deleted access token" });
    const token = await issueWorkloadToken(
      {
        teamId: team.id,
        projectId: project.id,
        environment: "development",
        developer: { accessTokenId: made.id, userId: made.userId },
        notAfterMs: made.expiresAtMs,
        ...body,
      },
      services,
    );
    return { status: 200, body: { token } };
  },
});
