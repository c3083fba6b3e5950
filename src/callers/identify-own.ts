import * as z from "zod/mini";
import { fail, ok, type Result } from "../errors.ts";
import type { AccessTokenRow } from "./access-token.ts";
import type { IdentifyDeps } from "./authenticate.ts";
import { type Identified, workloadCaller } from "./identified.ts";
import { selectKey } from "./jwks-keys.ts";
import { roleIncludes } from "./roles.ts";
import type { UnverifiedToken } from "./unverified-token.ts";
import { verifyWorkloadToken } from "./verify-workload-token.ts";

/** The header `typ` of the tokens that our own issuer makes for workloads; no other token of ours is a caller. */
export const WORKLOAD_TOKEN_TYP = "workload+jwt";

/** Longest accepted age of our own issuer's tokens. */
const OWN_MAX_TOKEN_AGE_MS = 12 * 60 * 60_000;

const ownClaims = z.object({
  project_id: z.string().check(z.minLength(1)),
  environment: z.string().check(z.minLength(1)),
  access_token_id: z.string().check(z.minLength(1)),
  user_id: z._default(z.nullable(z.string().check(z.minLength(1))), null),
});

/**
 * Whom a token of our own issuer names. Its keys are asked in process, and its claims are the identity: no rules. It is
 * worth as much as the access token that it was made with: 401 `unauthorized` when that is gone, 403 `forbidden` when
 * that may not make it any more.
 */
export async function identifyOwn(
  token: UnverifiedToken,
  deps: Pick<IdentifyDeps, "settings" | "now" | "ownIssuer" | "directory">,
): Promise<Result<Identified>> {
  const { publicOrigin } = deps.settings;
  const verified = await verifyWorkloadToken(
    token,
    {
      issuer: publicOrigin,
      audience: publicOrigin,
      selectorClaim: "sub",
      algorithms: ["ES256"],
      maxTokenAgeMs: OWN_MAX_TOKEN_AGE_MS,
    },
    {
      now: deps.now,
      typ: WORKLOAD_TOKEN_TYP,
      findKey: async (alg, kid) => {
        const selected = selectKey(await deps.ownIssuer.publicKeys(), alg, kid);
        return selected.kind === "key" ? ok(selected.key) : fail("token_key_unknown");
      },
    },
  );
  if (!verified.ok) return verified;
  const claims = ownClaims.safeParse(verified.value.all);
  if (!claims.success) return fail("token_claims_invalid");
  const { project_id: projectId, environment, access_token_id: accessTokenId, user_id: userId } = claims.data;
  const found = await deps.directory.accessToken(accessTokenId);
  if (!found.ok) return found;
  const refusal = refusalOf(found.value?.value ?? null, claims.data, deps.now());
  if (refusal !== null) return refusal;
  return ok({
    caller: { ...workloadCaller({ projectId, environment }, verified.value), developer: { accessTokenId, userId } },
    rememberUntilMs: Math.min(
      verified.value.expiresAtMs,
      found.value?.holdUntilMs ?? 0,
      found.value?.value.expiresAtMs ?? Number.POSITIVE_INFINITY,
    ),
  });
}

/** Why the access token behind a development token does not carry it any more; null = it does. */
function refusalOf(
  made: AccessTokenRow | null,
  claims: z.infer<typeof ownClaims>,
  nowMs: number,
): ReturnType<typeof fail> | null {
  if (made === null) return fail("unauthorized", { reason: "the access token behind it is gone" });
  if (made.expiresAtMs !== null && nowMs >= made.expiresAtMs) {
    return fail("unauthorized", { reason: "the access token behind it has expired" });
  }
  const mayMakeIt =
    roleIncludes(made.role, "developer") &&
    made.userId === claims.user_id &&
    (made.projectId === null || made.projectId === claims.project_id) &&
    (made.environment === null || made.environment === claims.environment);
  return mayMakeIt
    ? null
    : fail("forbidden", { message: "The access token behind this token may not act for this project any more." });
}
