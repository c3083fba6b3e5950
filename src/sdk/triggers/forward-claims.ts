import { errors, type JWTPayload, jwtVerify } from "jose";
import { TriggerError } from "./errors.ts";
import { receiverKeys } from "./receiver-keys.ts";
import type { Trigger, VerifyTriggerOptions } from "./verify-delivery.ts";

const TYPE = "connect-webhook+jwt";
const MAX_LIFETIME_S = 300;
/** How far the clocks of the deployment and the receiver may be apart. */
export const CLOCK_TOLERANCE_S = 30;

/** What a forward token says. Times are seconds. */
export interface ForwardClaims extends JWTPayload {
  sub: string;
  jti: string;
  exp: number;
  iat: number;
  htm: string;
  htu: string;
  body_sha256: string;
  event_id: string;
  delivery_id: string;
  trigger: Trigger["connector"];
  tenant_id?: string;
  installation_id?: string;
  project_id?: string;
  environment?: string;
}

const REQUIRED = ["sub", "jti", "htm", "htu", "body_sha256", "event_id", "delivery_id"];
const OPTIONAL = ["tenant_id", "installation_id", "project_id", "environment"];

/**
 * The claims of a forward token (`connect-webhook+jwt`, ES256) that the deployment made for this audience, and that is
 * valid now. Throws a `TriggerError`.
 */
export async function forwardClaims(
  token: string,
  options: VerifyTriggerOptions,
  now: () => number,
): Promise<ForwardClaims> {
  const { issuer, audience } = options;
  const keys = receiverKeys(options, now);
  const expected = {
    algorithms: ["ES256"],
    typ: TYPE,
    issuer,
    audience,
    requiredClaims: ["exp", "iat"],
    clockTolerance: CLOCK_TOLERANCE_S,
    currentDate: new Date(now()),
  };
  const { payload } = await jwtVerify(token, keys, expected).catch((error: unknown) => {
    throw refused(error);
  });
  // A token for two audiences could be presented by one to the other.
  if (typeof payload.aud !== "string") throw new TriggerError("audience_mismatch");
  if (!isForwardClaims(payload)) throw new TriggerError("token_invalid");
  if (payload.exp - payload.iat > MAX_LIFETIME_S) throw new TriggerError("token_invalid");
  if (payload.iat > now() / 1000 + CLOCK_TOLERANCE_S) throw new TriggerError("token_expired");
  return payload;
}

function isForwardClaims(claims: JWTPayload): claims is ForwardClaims {
  const { trigger } = claims;
  if (typeof trigger !== "object" || trigger === null) return false;
  const connector: Record<string, unknown> = { ...trigger };
  return (
    typeof claims.iat === "number" &&
    REQUIRED.every((name) => typeof claims[name] === "string") &&
    OPTIONAL.every((name) => claims[name] === undefined || typeof claims[name] === "string") &&
    ["id", "uid", "type", "service"].every((name) => typeof connector[name] === "string") &&
    claims.sub === `connector:${connector.id}`
  );
}

function refused(error: unknown): TriggerError {
  if (error instanceof TriggerError) return error;
  if (error instanceof errors.JWTExpired) return new TriggerError("token_expired");
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "iss") return new TriggerError("issuer_mismatch");
    if (error.claim === "aud") return new TriggerError("audience_mismatch");
    if (error.claim === "nbf" && error.reason === "check_failed") return new TriggerError("token_expired");
  }
  return new TriggerError("token_invalid");
}
