import type { LeasedToken } from "../grants/protocol.ts";
import type { Services } from "../services.ts";
import { KV_TTL_SECONDS } from "../store/lease-store.ts";
import { type Leased, SHORTEST_KV_LEASE_SECONDS } from "./lease.ts";
import { leasedToken, openLease, sealLease } from "./lease-envelope.ts";
import { kvKey } from "./lease-keys.ts";
import { type ConnectorSnapshot, leasedSnapshot } from "./snapshot.ts";

type KvServices = Pick<Services, "keys" | "leases" | "randomBytes">;

export interface LeasesInKv {
  snapshot: ({ value: ConnectorSnapshot } & Leased) | null;
  token: ({ value: LeasedToken } & Leased) | null;
}

/**
 * The leases that KV holds for a snapshot and a token, by their memory keys; null = not asked for. One KV operation.
 * An entry that is absent, stale, unreadable or of another kind is null: KV is a hint, never an authority.
 */
export async function readLeases(
  memoryKeys: { snapshot: string | null; token: string | null },
  { keys, leases }: KvServices,
  isLive: (lease: Leased) => boolean,
): Promise<LeasesInKv> {
  const [snapshotKey, tokenKey] = await Promise.all(
    [memoryKeys.snapshot, memoryKeys.token].map((key) => (key === null ? null : kvKey(keys, key))),
  );
  const asked = [snapshotKey, tokenKey].filter((key) => typeof key === "string");
  if (asked.length === 0) return { snapshot: null, token: null };
  const values = await leases.get(asked);
  const sealedUnder = (key: string | null | undefined) => (key ? (values[asked.indexOf(key)] ?? null) : null);

  const sealedSnapshot = sealedUnder(snapshotKey);
  const snapshot =
    snapshotKey && sealedSnapshot
      ? await openLease(keys, "snapshot", snapshotKey, sealedSnapshot, leasedSnapshot)
      : null;
  const sealedToken = sealedUnder(tokenKey);
  const token = tokenKey && sealedToken ? await openLease(keys, "token", tokenKey, sealedToken, leasedToken) : null;
  return {
    snapshot: snapshot !== null && isLive(snapshot) ? { ...snapshot, value: snapshot.snapshot } : null,
    token: token !== null && isLive(token) ? { ...token, value: token } : null,
  };
}

/** Where the Grant publishes the lease of a token; null where the lease is too short to be worth it. */
export async function leaseKeyFor(
  memoryKey: string,
  leaseSeconds: number,
  { keys }: Pick<Services, "keys">,
): Promise<string | null> {
  return leaseSeconds < SHORTEST_KV_LEASE_SECONDS ? null : kvKey(keys, memoryKey);
}

/** Lease a snapshot to the other isolates. */
export async function publishSnapshot(
  memoryKey: string,
  snapshot: ConnectorSnapshot,
  lease: Leased,
  services: KvServices,
): Promise<void> {
  const key = await leaseKeyFor(memoryKey, snapshot.connector.leaseSeconds, services);
  if (key === null) return;
  const sealed = await sealLease(services.keys, "snapshot", key, { snapshot, ...lease }, services.randomBytes);
  await services.leases.put(key, sealed, KV_TTL_SECONDS);
}
