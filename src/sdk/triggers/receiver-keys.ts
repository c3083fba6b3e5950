import { createLocalJWKSet, type JWTVerifyGetKey } from "jose";
import { TriggerError } from "./errors.ts";
import { issuerKeys } from "./issuer-keys.ts";
import type { VerifyTriggerOptions } from "./verify-delivery.ts";

/** By URL; for every receiver in this process that asks with the platform's own fetch and clock. */
const keySets = new Map<string, JWTVerifyGetKey>();

/** The keys that a receiver's options bring, or else the deployment's own. Throws `invalid_configuration`. */
export function receiverKeys(options: VerifyTriggerOptions, now: () => number): JWTVerifyGetKey {
  if (options.audience === "" || !URL.canParse(options.issuer)) {
    throw new TriggerError(
      "invalid_configuration",
      "Give the deployment's origin as issuer, and the destination's audience.",
    );
  }
  const url = new URL(`${options.issuer.replace(/\/$/, "")}/.well-known/jwks.json`);
  if (options.jwks !== undefined || options.fetch !== undefined || options.now !== undefined) {
    return ownKeys(url, options, now);
  }
  const known = keySets.get(url.href) ?? issuerKeys({ url, now });
  keySets.set(url.href, known);
  return known;
}

/** Of receivers with keys, a fetch or a clock of their own: by their options, which they make once. */
const ownKeySets = new WeakMap<VerifyTriggerOptions, JWTVerifyGetKey>();

function ownKeys(url: URL, options: VerifyTriggerOptions, now: () => number): JWTVerifyGetKey {
  const { jwks, fetch } = options;
  const made = () => (jwks === undefined ? issuerKeys({ url, now, ...(fetch && { fetch }) }) : createLocalJWKSet(jwks));
  const known = ownKeySets.get(options) ?? made();
  ownKeySets.set(options, known);
  return known;
}
