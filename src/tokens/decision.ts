import { driverOf } from "../catalog/registry.ts";
import { ok, type Result } from "../errors.ts";
import { grantName } from "../grants/name.ts";
import type { Services } from "../services.ts";
import type { LruMap } from "../store/lru.ts";
import { oncePerObject } from "../store/once-per-object.ts";
import { type AuthorizedRequest, authorize, type CallerScope } from "./authorize.ts";
import { type PlacedRequest, place } from "./installed.ts";
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
  placed: (Placed & { untilMs: number }) | null;
}

/** Where a decided request is answered. */
interface Placed {
  request: PlacedRequest;
  address: GrantAddress;
}

/** For how long the edge believes what it read of an installation, beyond the lease (ms). */
const PLACE_MEMORY_MS = 1000;

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
  const decision: Decision = { mark, authorized, placed: null };
  decisions.set(memoryKey, decision);
  return decision;
}

/** Where to ask for what was decided. An installation is looked up anew every second, so that its end is noticed. */
export async function placeOf(
  decision: Decision,
  { memoryKey, snapshot, request }: { memoryKey: string; snapshot: ConnectorSnapshot; request: TokenRequest },
  { db, keys, now }: Pick<Services, "db" | "keys" | "now">,
): Promise<Result<Placed>> {
  const { authorized, placed: known } = decision;
  if (!authorized.ok) return authorized;
  const nowMs = now();
  if (known !== null && nowMs < known.untilMs) return ok(known);
  const placed = await place(authorized.value, snapshot, driverOf(snapshot.connector.type), { db, nowMs });
  if (!placed.ok) return placed;
  const { identity, group, installation } = placed.value;
  // The canonical narrowing, and our id of the installation: however they were written, the token is the same.
  const { authorizationDetails } = group;
  const { installationId } = identity;
  const address = {
    grantName: await grantName(identity),
    groupId: await tokenGroupId(keys, snapshot, identity, { ...request, authorizationDetails, installationId }),
    leaseKey: await leaseKeyFor(memoryKey, snapshot.connector.leaseSeconds, { keys }),
  };
  const untilMs = installation === null ? Number.POSITIVE_INFINITY : nowMs + PLACE_MEMORY_MS;
  decision.placed = { request: placed.value, address, untilMs };
  return ok(decision.placed);
}
