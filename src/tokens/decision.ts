import { driverOf } from "../catalog/registry.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import type { Result } from "../errors.ts";
import { grantName } from "../grants/name.ts";
import type { LruMap } from "../store/lru.ts";
import { oncePerObject } from "../store/once-per-object.ts";
import { type AuthorizedRequest, authorize, type CallerScope } from "./authorize.ts";
import { leaseKeyFor } from "./kv-rung.ts";
import { tokenGroupId } from "./lease-keys.ts";
import type { ConnectorSnapshot } from "./snapshot.ts";
import type { RequestedSubject, TokenRequest } from "./token-request.ts";

/** What follows from a snapshot and a request, and from nothing else: worked out once while the snapshot is in use. */
export interface Decision {
  /** Of the very snapshot, which it does not keep in memory. */
  mark: object;
  authorized: Result<AuthorizedRequest>;
  /** Found out when it is needed: most requests never ask a Grant. */
  address: GrantAddress | null;
}

/** Where a request's Grant is, and under which names it and KV keep the token. */
export interface GrantAddress {
  grantName: string;
  groupId: string;
  leaseKey: string | null;
}

const markOf = oncePerObject((_: ConnectorSnapshot) => ({}));

/**
 * May this request have this token, by this snapshot? Known by the token's memory key, which tells all of scope and
 * request that is read here, and only for as long as the snapshot is the same object: that is no longer than its lease.
 */
export function decide(
  decisions: LruMap<string, Decision>,
  memoryKey: string,
  snapshot: ConnectorSnapshot,
  { scope, request }: { scope: CallerScope; request: TokenRequest & { subject: RequestedSubject } },
): Decision {
  const mark = markOf(snapshot);
  const known = decisions.get(memoryKey);
  if (known?.mark === mark) return known;
  const authorized = authorize(scope, request.subject, snapshot, request, driverOf(snapshot.connector.type));
  const decision: Decision = { mark, authorized, address: null };
  decisions.set(memoryKey, decision);
  return decision;
}

/** Where to ask for what was decided. */
export async function addressOf(
  { identity }: AuthorizedRequest,
  memoryKey: string,
  snapshot: ConnectorSnapshot,
  request: TokenRequest,
  keys: KeyRing,
): Promise<GrantAddress> {
  return {
    grantName: await grantName(identity),
    groupId: await tokenGroupId(keys, snapshot, identity, request),
    leaseKey: await leaseKeyFor(memoryKey, snapshot.connector.leaseSeconds, { keys }),
  };
}
