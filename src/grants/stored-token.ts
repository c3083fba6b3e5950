import * as z from "zod";
import type { AuthorizationDetail } from "../catalog/driver.ts";
import { NEVER_MS } from "../tokens/lease.ts";
import type { StoredFacts } from "./freshness.ts";
import type { Minted } from "./mint.ts";
import type { GrantTokenRequest, LeasedToken } from "./protocol.ts";
import type { SupersededToken } from "./superseded-tokens.ts";

/** A static value is read anew after this time, whoever asks for it and for how long. */
const STATIC_KEPT_MS = 60 * 60_000;

/** The current token of a token group. */
export interface StoredToken extends StoredFacts, SupersededToken {
  groupId: string;
  /** A value that an operator stored: there is nothing to revoke upstream. */
  static: boolean;
  granted: {
    scopes: string[];
    resources: string[];
    authorizationDetails: AuthorizationDetail[];
    metadata?: Record<string, string | number | boolean> | undefined;
  };
}

const strings = z.array(z.string());
const granted = z.object({
  scopes: strings,
  resources: strings,
  authorizationDetails: z.array(z.looseObject({ type: z.string() })),
  metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
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
  keep_until_ms: number | null;
  link_id: string | null;
  provider: string | null;
};

/** What a mint brought home, as it is stored. */
export function mintedToken(
  { groupId, linkId, revokedBeforeMs }: Pick<GrantTokenRequest, "groupId" | "linkId" | "revokedBeforeMs">,
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
    revokedBeforeMs: row.revoked_before_ms,
    scopes: grantedThen.scopes,
    granted: grantedThen,
    linkId: row.link_id,
    provider: row.provider,
  };
}

/** A stored token as the edge may hold it, for as long as the connector leases. */
export function leasedToken(
  { snapshotVersion, connector }: Pick<GrantTokenRequest, "snapshotVersion" | "connector">,
  stored: StoredToken,
  { token, authorizationId, leaseFromMs }: Pick<LeasedToken, "token" | "authorizationId" | "leaseFromMs">,
): LeasedToken {
  const { groupId, tokenId, expiresAtMs, lifetimeMs, revokedBeforeMs } = stored;
  const { metadata, ...granted } = stored.granted;
  return {
    token,
    tokenId,
    expiresAtMs,
    static: stored.static,
    lifetimeMs,
    ...granted,
    ...(metadata === undefined ? {} : { metadata }),
    authorizationId,
    groupId,
    snapshotVersion,
    revokedBeforeMs,
    leaseFromMs,
    leaseUntilMs: leaseFromMs + connector.leaseSeconds * 1000,
  };
}
