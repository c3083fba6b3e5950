import * as z from "zod/mini";
import { open, seal } from "../crypto/envelope.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import { Secret } from "../crypto/secret.ts";
import type { LeasedToken } from "../grants/protocol.ts";

/** What a KV entry holds. The kind is bound into the envelope, so one never opens as another. */
export type LeaseKind = "snapshot" | "token";

const scalar = z.union([z.string(), z.number(), z.boolean()]);

/** A leased token as it travels through KV. */
export const leasedToken = z.object({
  token: z.string(),
  tokenId: z.string(),
  expiresAtMs: z.number(),
  static: z.boolean(),
  lifetimeMs: z.number(),
  scopes: z.array(z.string()),
  resources: z.array(z.string()),
  authorizationDetails: z.array(z.looseObject({ type: z.string() })),
  authorizationId: z.string(),
  metadata: z.optional(z.record(z.string(), z.union([scalar, z.record(z.string(), z.string())]))),
  claims: z.optional(z.record(z.string(), z.union([scalar, z.array(z.string()), z.null()]))),
  externalSubject: z.optional(z.string()),
  installationId: z.optional(z.string()),
  tenantId: z.optional(z.string()),
  groupId: z.string(),
  snapshotVersion: z.string(),
  revokedBeforeMs: z.number(),
  leaseFromMs: z.number(),
  leaseUntilMs: z.number(),
});

// KV is read before the team is known, and a deployment has one team: the namespace is the tenant.
const context = (kind: LeaseKind, key: string) => ({
  team: "kv",
  table: "leases",
  column: kind,
  rowId: key,
  generation: 0,
});

export async function sealLease(
  keys: KeyRing,
  kind: LeaseKind,
  key: string,
  value: unknown,
  randomBytes: (length: number) => Uint8Array<ArrayBuffer>,
): Promise<string> {
  return seal(keys, context(kind, key), Secret.of(JSON.stringify(value)), randomBytes);
}

/** The opened value, or null for whatever does not open or does not fit: KV is a cache, never an authority. */
export async function openLease<T>(
  keys: KeyRing,
  kind: LeaseKind,
  key: string,
  sealed: string,
  shape: z.ZodMiniType<T>,
): Promise<T | null> {
  const opened = await open(keys, context(kind, key), sealed);
  if (!opened.ok) return null;
  const parsed = shape.safeParse(JSON.parse(opened.value.expose()));
  return parsed.success ? parsed.data : null;
}

export type { LeasedToken };
