import * as z from "zod/mini";
import type { AuthorizationDetail, Claims, IssuedToken, TokenMetadata } from "../catalog/driver.ts";
import { NEVER_MS } from "../tokens/lease.ts";
import type { StoredFacts } from "./freshness.ts";
import type { GrantTokenRequest, LeasedToken } from "./protocol.ts";
import type { SupersededToken } from "./superseded-tokens.ts";

/** A static value is read anew after this time, whoever asks for it and for how long. */
const STATIC_KEPT_MS = 60 * 60_000;

/** A token, and who issued it (`Driver.provider`). */
export interface Minted {
  issued: IssuedToken;
  provider: string;
}

/** The current token of a token group. */
export interface StoredToken extends StoredFacts, SupersededToken {
  groupId: string;
  /** A value that an operator stored: there is nothing to revoke upstream. */
  static: boolean;
  /** When somebody was given it last (ms), or a stand-in from before it came. */
  askedAtMs: number;
  granted: {
    scopes: string[];
    resources: string[];
    /** Of a user's tokens: for whom they are. */
    audience?: string[] | undefined;
    authorizationDetails: AuthorizationDetail[];
    metadata?: TokenMetadata | undefined;
  };
}

const strings = z.array(z.string());
const granted = z.object({
  scopes: strings,
  resources: strings,
  audience: z.optional(strings),
  authorizationDetails: z.array(z.looseObject({ type: z.string() })),
  metadata: z.optional(
    z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.record(z.string(), z.string())])),
  ),
});
/** As it lies in the table. */
export type TokenRow = {
  group_id: string;
  token_id: string;
  token_sealed: string;
  generation: number;
  minted_at_ms: number;
  expires_at_ms: number;
  static: number;
  revoked_before_ms: number;
  granted: string;
  asked_at_ms: number;
  keep_until_ms: number | null;
  link_id: string | null;
  provider: string | null;
};

/** What a provider issued, as it is stored. */
export function mintedToken(
  { groupId, linkId, revokedBeforeMs }: Pick<StoredToken, "groupId" | "linkId" | "revokedBeforeMs">,
  { issued, provider }: Minted,
  place: Pick<StoredToken, "tokenId" | "sealed" | "generation" | "mintedAtMs">,
): StoredToken {
  const { scopes, resources, authorizationDetails, metadata } = issued;
  const expiresAtMs = issued.expiresAtMs ?? NEVER_MS;
  return {
    ...place,
    groupId,
    linkId,
    provider,
    expiresAtMs,
    lifetimeMs: expiresAtMs - place.mintedAtMs,
    keepUntilMs: issued.static ? Math.min(expiresAtMs, place.mintedAtMs + STATIC_KEPT_MS) : expiresAtMs,
    static: issued.static,
    askedAtMs: place.mintedAtMs,
    revokedBeforeMs,
    scopes,
    granted: { scopes, resources, authorizationDetails, metadata },
  };
}

export function storedToken(row: TokenRow): StoredToken {
  const grantedThen = granted.parse(JSON.parse(row.granted));
  return {
    groupId: row.group_id,
    tokenId: row.token_id,
    sealed: row.token_sealed,
    generation: row.generation,
    mintedAtMs: row.minted_at_ms,
    expiresAtMs: row.expires_at_ms,
    lifetimeMs: row.expires_at_ms - row.minted_at_ms,
    keepUntilMs: row.keep_until_ms ?? row.expires_at_ms,
    static: row.static === 1,
    askedAtMs: row.asked_at_ms,
    revokedBeforeMs: row.revoked_before_ms,
    scopes: grantedThen.scopes,
    granted: grantedThen,
    linkId: row.link_id,
    provider: row.provider,
  };
}

/** What an answer says beyond the stored token itself. */
export interface LeaseTerms extends Pick<LeasedToken, "token" | "authorizationId" | "leaseFromMs"> {
  claims?: Claims | null;
  externalSubject?: string | null;
  /** Null = as the provider says. */
  toldExpiryMs?: number | null;
}

/** A stored token as the edge may hold it, for as long as the connector leases. */
export function leasedToken(
  {
    groupId,
    snapshotVersion,
    connector,
    identity: { installationId },
    tenantId,
  }: Pick<GrantTokenRequest, "groupId" | "snapshotVersion" | "connector" | "identity" | "tenantId">,
  stored: StoredToken,
  { token, authorizationId, leaseFromMs, claims, externalSubject, toldExpiryMs = null }: LeaseTerms,
): LeasedToken {
  const { tokenId, expiresAtMs, lifetimeMs, revokedBeforeMs } = stored;
  const { metadata, scopes, resources, authorizationDetails } = stored.granted;
  return {
    token,
    tokenId,
    expiresAtMs: toldExpiryMs ?? expiresAtMs,
    static: stored.static,
    lifetimeMs,
    scopes,
    resources,
    authorizationDetails,
    ...(metadata === undefined ? {} : { metadata }),
    ...(claims ? { claims } : {}),
    ...(externalSubject ? { externalSubject } : {}),
    ...(installationId === null ? {} : { installationId }),
    ...(tenantId === null ? {} : { tenantId }),
    authorizationId,
    groupId,
    snapshotVersion,
    revokedBeforeMs,
    leaseFromMs,
    // What a refresh ends must not be anywhere that the refresh does not reach.
    leaseUntilMs: toldExpiryMs === null ? leaseFromMs + connector.leaseSeconds * 1000 : leaseFromMs,
  };
}
