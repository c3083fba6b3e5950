import type { JSONWebKeySet } from "jose";
import * as z from "zod/mini";

/** A trusted issuer as the verifier needs it. */
export interface IssuerRecord {
  id: string;
  /** Exact `iss`, compared byte for byte. */
  issuer: string;
  /** The one `aud` that its tokens must carry. */
  audience: string;
  /** The claim (name, or JSON Pointer) that every identity rule of this issuer pins. */
  selectorClaim: string;
  algorithms: string[];
  /** Longest accepted time between a token's `iat` and now (ms). */
  maxTokenAgeMs: number;
  /** Each token is good for one request; it must carry a `jti`. */
  oneTimeTokens: boolean;
  /** Empty = the key set was given by the operator: it is never fetched and never grows stale. */
  jwksUri: string;
  jwks: JSONWebKeySet;
  jwksFetchedAtMs: number;
}

/** Values that an identity rule may compare with. */
export type ClaimValue = string | number | boolean;

/** Tokens of an issuer whose claims equal all of `claims` are this project's, in this environment. */
export interface IdentityRule {
  id: string;
  projectId: string;
  environment: string;
  claims: Record<string, ClaimValue>;
}

const jwkSchema = z.looseObject({ kty: z.string() });

export const issuerRecordSchema: z.ZodMiniType<IssuerRecord> = z.object({
  id: z.string(),
  issuer: z.string(),
  audience: z.string(),
  selectorClaim: z.string(),
  algorithms: z.array(z.string()),
  maxTokenAgeMs: z.number(),
  oneTimeTokens: z.boolean(),
  jwksUri: z.string(),
  jwks: z.object({ keys: z.array(jwkSchema) }),
  jwksFetchedAtMs: z.number(),
});

export const identityRuleSchema: z.ZodMiniType<IdentityRule> = z.object({
  id: z.string(),
  projectId: z.string(),
  environment: z.string(),
  claims: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
