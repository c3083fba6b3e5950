import * as z from "zod/mini";
import { plainText } from "../connector-data.ts";
import type { ProviderPolicy } from "../provider-policy.ts";
import { scopeList } from "../scopes.ts";
import { isProtocolParameter, PROTOCOL_PARAMETERS } from "./authorization-parameters.ts";
import { type ServerMetadata, serverMetadata } from "./server-metadata.ts";

export const CLIENT_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"] as const;
export type ClientAuthMethod = (typeof CLIENT_AUTH_METHODS)[number];

const MAX_CLAIMS_CHARACTERS = 4096;
const ASSERTION_TTL_S = { min: 10, max: 3600 };
const CODE_LIFETIME_S = { min: 10, max: 600 };

/** Claims that the protocol itself sets: an override would change whom a signature is for. */
const ASSERTION_CLAIMS = ["iss", "sub", "aud", "jti", "iat", "nbf", "exp"];

/** Text that may be empty in a body, where it clears the member. */
const optionalText = (maxLength: number) => z.optional(plainText(maxLength));
const optionalChoice = <Choice extends string>(choices: readonly Choice[]) =>
  z.optional(z.union([z.enum(choices), z.literal("")]));

const without = (reserved: string[]) => (map: Record<string, unknown>) => reserved.every((name) => !(name in map));

const extraClaims = z.optional(
  z.record(z.string().check(z.minLength(1), z.maxLength(128)), z.json()).check(
    z.refine(
      (claims) => JSON.stringify(claims).length <= MAX_CLAIMS_CHARACTERS,
      "must be at most 4096 characters of JSON",
    ),
    z.refine(without(ASSERTION_CLAIMS), `must not set ${ASSERTION_CLAIMS.join(", ")}`),
  ),
);

const urlParams = z
  .record(z.string().check(z.minLength(1), z.maxLength(128)), plainText(2048))
  .check(z.refine((params) => Object.keys(params).length <= 30, "must have at most 30 members"));

const assertionTtl = z.optional(z.int().check(z.gte(ASSERTION_TTL_S.min), z.lte(ASSERTION_TTL_S.max)));

/** What an operator sets, without secrets. Every member is optional, so that the same shape describes an update. */
const settingsShape = {
  clientId: optionalText(512),
  clientName: optionalText(200),
  serverUrl: optionalText(2048),
  serverConfig: z.optional(serverMetadata),
  tokenEndpointAuthMethod: optionalChoice(CLIENT_AUTH_METHODS),
  responseType: optionalText(64),
  pkceRequired: z.optional(z.boolean()),
  codeChallengeMethod: optionalChoice(["S256", "plain"]),
  userAuthorization: z.optional(z.strictObject({ enabled: z.optional(z.boolean()), scopes: z.optional(scopeList) })),
  refreshTokens: z.optional(z.strictObject({ enabled: z.optional(z.boolean()) })),
  clientCredentials: z.optional(z.strictObject({ enabled: z.optional(z.boolean()), scopes: z.optional(scopeList) })),
  jwtBearer: z.optional(
    z.strictObject({
      enabled: z.optional(z.boolean()),
      scopes: z.optional(scopeList),
      sub: optionalText(512),
      iss: optionalText(2048),
      aud: optionalText(2048),
      additionalClaims: extraClaims,
      ttl: assertionTtl,
      useClientCredentials: z.optional(z.boolean()),
    }),
  ),
  clientAssertion: z.optional(z.strictObject({ type: optionalText(256), ttl: assertionTtl, claims: extraClaims })),
  forwardedClaims: z.optional(
    z.strictObject({ idToken: z.optional(z.array(plainText(128).check(z.minLength(1))).check(z.maxLength(50))) }),
  ),
  defaultAudience: optionalText(2048),
  /** Seconds. */
  defaultTokenExpiresIn: z.optional(z.int().check(z.gte(60), z.lte(365 * 24 * 3600))),
  authorizationUrlParams: z.optional(urlParams),
  /** Facts about the provider that no metadata tells. */
  grantPolicy: z.optional(
    z.strictObject({
      rotation: optionalChoice(["stable", "grace", "strict"]),
      oldAccessTokenDies: z.optional(z.boolean()),
      revocationScope: optionalChoice(["token", "grant"]),
      codeLifetimeSeconds: z.optional(z.int().check(z.gte(CODE_LIFETIME_S.min), z.lte(CODE_LIFETIME_S.max))),
    }),
  ),
};

/** `data` of a create or update body for type `oauth` (a `clientSecret` of "" removes it). */
export const oauthInput = z.strictObject({
  ...settingsShape,
  authorizationUrlParams: z.optional(
    urlParams.check(
      z.refine(
        (params) => !Object.keys(params).some(isProtocolParameter),
        `must not set ${PROTOCOL_PARAMETERS.join(", ")}`,
      ),
    ),
  ),
  clientSecret: optionalText(4096),
});

export const oauthSettings = z.object({ ...settingsShape, clientId: plainText(512).check(z.minLength(1)) });
export type OAuthSettings = z.output<typeof oauthSettings>;

/** The same of a draft, which may have no client yet: its `clientId` is empty. */
export const oauthDraftSettings = z.extend(oauthSettings, { clientId: z._default(plainText(512), "") });

/** An `oauth` connector as it is stored, without its secrets `clientSecret` and `clientPrivateKey`. */
export const oauthConfig = z.object({
  settings: oauthDraftSettings,
  /** The provider's metadata as it was when `serverUrl` was last set: pinned, never refreshed by itself. */
  discovered: z.nullable(serverMetadata),
  clientAuth: z.object({
    method: z.enum(CLIENT_AUTH_METHODS),
    /** The connector's own key pair, for `private_key_jwt`. */
    key: z.nullable(
      z.object({ alg: z.enum(["ES256", "RS256"]), kid: z.string(), publicJwk: z.record(z.string(), z.json()) }),
    ),
    /** Where the provider finds that key. */
    jwksUri: z.nullable(z.string()),
  }),
});
/** A driver of its own brings its provider's policy along; it is never stored. */
export type OAuthConfig = z.output<typeof oauthConfig> & { policy?: ProviderPolicy };

/** The authorization server as the connector uses it: what the operator set wins over what was discovered. */
export function effectiveServer({
  settings,
  discovered,
}: Pick<OAuthConfig, "settings" | "discovered">): ServerMetadata {
  return { ...discovered, ...settings.serverConfig };
}

/** Maps and documents that an update replaces as a whole; every other object is merged member by member. */
const REPLACED = ["authorizationUrlParams", "additionalClaims", "claims", "jwks"];

/** `patch` over `stored`: members not named stay, empty text removes a member. */
export function mergeSettings(
  stored: Record<string, unknown>,
  patch: Record<string, unknown>,
): Record<string, unknown> {
  const merged = new Map(Object.entries(stored));
  for (const [name, value] of Object.entries(patch)) {
    if (value === "") merged.delete(name);
    else if (isObject(value) && !REPLACED.includes(name)) {
      const before = merged.get(name);
      merged.set(name, mergeSettings(isObject(before) ? before : {}, value));
    } else if (value !== undefined) merged.set(name, value);
  }
  return Object.fromEntries(merged);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
