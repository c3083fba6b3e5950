import * as z from "zod";
import { fail, ok, type Result } from "../errors.ts";
import type { AuthenticateDeps } from "./authenticate.ts";
import { type Identified, workloadCaller } from "./identified.ts";
import { selectKey } from "./jwks-keys.ts";
import type { UnverifiedToken } from "./unverified-token.ts";
import { verifyWorkloadToken } from "./verify-workload-token.ts";

/** The header `typ` of the tokens that our own issuer makes for workloads; no other token of ours is a caller. */
export const WORKLOAD_TOKEN_TYP = "workload+jwt";

/** Longest accepted age of our own issuer's tokens. */
const OWN_MAX_TOKEN_AGE_MS = 12 * 60 * 60_000;

const ownClaims = z.object({ project_id: z.string().min(1), environment: z.string().min(1) });

/** Whom a token of our own issuer names. Its keys are asked in process, and its claims are the identity: no rules. */
export async function identifyOwn(
  token: UnverifiedToken,
  deps: Pick<AuthenticateDeps, "settings" | "now" | "ownIssuer">,
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
  const { project_id: projectId, environment } = claims.data;
  return ok({
    caller: workloadCaller({ projectId, environment }, verified.value),
    rememberUntilMs: verified.value.expiresAtMs,
  });
}
