import { loadSnapshot } from "../connectors/snapshot-query.ts";
import { ApiError, causeOf, type Failure, fail, ok, type Result, unwrap } from "../errors.ts";
import type { GrantTokenAnswer, LeasedToken } from "../grants/protocol.ts";
import type { WorkBudget } from "../limits/work-budget.ts";
import type { Services } from "../services.ts";
import { withOneLoader } from "../store/one-loader.ts";
import type { CallerScope } from "./authorize.ts";
import { type Decision, decide, placeOf } from "./decision.ts";
import { publishSnapshot, readLeases } from "./kv-rung.ts";
import { isBelievable, type Leased, mayServe, renewalDue, snapshotLeaseMs } from "./lease.ts";
import { snapshotMemoryKey, tokenMemoryKey } from "./lease-keys.ts";
import { type ConnectorSnapshot, toSnapshot } from "./snapshot.ts";
import { recall, remember } from "./token-caches.ts";
import type { TokenRequest } from "./token-request.ts";

export type LadderServices = Pick<
  Services,
  "db" | "leases" | "keys" | "grants" | "now" | "randomBytes" | "random" | "tokenCaches" | "log"
>;

export interface TokenQuestion {
  connectorRef: string;
  scope: CallerScope;
  /** With the effective subject filled in. */
  request: TokenRequest & { subject: NonNullable<TokenRequest["subject"]> };
  /** Ask the Grant whatever is cached (`Cache-Control: no-cache`, or a rejected token). */
  bypassCaches: boolean;
  /** Set when the Grant must not be asked: what is cached, or else this. */
  grantClosed: Failure | null;
  budget: WorkBudget;
  /** Called once the connector is known and may be asked for by this caller's project. */
  onSnapshot: (snapshot: ConnectorSnapshot) => void;
}

export interface TokenAnswer {
  token: LeasedToken;
  snapshot: ConnectorSnapshot;
  /** Which rung answered; for the log and the metrics. */
  rung: "memory" | "kv" | "grant";
  /** Whether the provider was called on the way. */
  minted: boolean;
}

type Defer = (work: Promise<unknown>) => void;

/** One climb: the question, its keys, and the floor below which leases are ignored. */
interface Climb extends TokenQuestion {
  keys: { snapshot: string; token: string };
  /** A renewal climbs past the very leases that it is about to replace. */
  leaseFloorMs: number;
  services: LadderServices;
  defer: Defer;
}

/**
 * The token look-up, rung by rung: memory, KV lease, Grant. A rung serves only inside an absolute lease that the
 * authority granted, so a stale rung is an expired one and revocation needs no invalidation anywhere.
 */
export function tokenFor(
  question: TokenQuestion,
  services: LadderServices,
  defer: Defer,
): Promise<Result<TokenAnswer>> {
  const keys = {
    snapshot: snapshotMemoryKey(question.connectorRef, question.scope.projectId),
    token: tokenMemoryKey(question.connectorRef, question.scope, question.request),
  };
  return answerOf({ ...question, keys, leaseFloorMs: 0, services, defer });
}

async function answerOf(climb: Climb): Promise<Result<TokenAnswer>> {
  const { services, keys, leaseFloorMs, bypassCaches, request } = climb;
  const { snapshots, tokens } = services.tokenCaches;
  let snapshot = recall(snapshots, keys.snapshot, leaseFloorMs, services.now());
  let token = bypassCaches ? null : recall(tokens, keys.token, leaseFloorMs, services.now());
  let rung: TokenAnswer["rung"] = "memory";
  if (snapshot === null) {
    snapshot = await withOneLoader(
      services.tokenCaches.loading,
      keys.snapshot,
      () => recall(snapshots, keys.snapshot, leaseFloorMs, services.now()),
      () => loadLeases(climb, token === null && !bypassCaches),
    );
    if (snapshot === null) return fail("not_found");
    if (token === null && !bypassCaches) {
      token = recall(tokens, keys.token, leaseFloorMs, services.now());
      rung = "kv";
    }
  }

  if (!isRenewal(climb)) climb.onSnapshot(snapshot);
  const decision = decide(services.tokenCaches.decisions, keys.token, snapshot, climb);
  if (!decision.authorized.ok) return decision.authorized;
  const servable = (candidate: LeasedToken | null): candidate is LeasedToken =>
    candidate !== null &&
    candidate.tokenId !== request.rejectedTokenId &&
    candidate.snapshotVersion === snapshot.version &&
    mayServe(
      candidate,
      { validityBufferMs: request.validityBufferMs, revokedBeforeMs: snapshot.revokedBeforeMs, leaseFloorMs },
      services.now(),
    );
  if (servable(token)) {
    if (rung === "memory" && !isRenewal(climb)) renewInBackground(climb);
    return ok({ token, snapshot, rung, minted: false });
  }
  if (bypassCaches || snapshot.connector.leaseSeconds === 0) {
    return askGrant(climb, decision, snapshot);
  }
  return withOneLoader<Result<TokenAnswer>>(
    services.tokenCaches.loading,
    keys.token,
    () => {
      const known = recall(tokens, keys.token, leaseFloorMs, services.now());
      return servable(known) ? ok({ token: known, snapshot, rung: "memory", minted: false }) : null;
    },
    async () => {
      const inKv = rung === "kv" ? null : await tokenInKv(climb);
      if (servable(inKv)) return ok({ token: inKv, snapshot, rung: "kv", minted: false });
      return askGrant(climb, decision, snapshot);
    },
  );
}

/** The snapshot from KV or the database; a token that KV holds beside it is remembered on the way. */
async function loadLeases(climb: Climb, withToken: boolean): Promise<ConnectorSnapshot | null> {
  const { services, keys, leaseFloorMs } = climb;
  const { tokenCaches, random } = services;
  const { snapshot, token } = await readLeases(
    { snapshot: keys.snapshot, token: withToken ? keys.token : null },
    services,
    isLive(services, leaseFloorMs),
  );
  if (token !== null) remember(tokenCaches.tokens, keys.token, token.value, token, random());
  if (snapshot === null) return readSnapshot(climb);
  remember(tokenCaches.snapshots, keys.snapshot, snapshot.value, snapshot, random());
  return snapshot.value;
}

async function tokenInKv({ services, keys, leaseFloorMs }: Climb): Promise<LeasedToken | null> {
  const wanted = { snapshot: null, token: keys.token };
  const { token } = await readLeases(wanted, services, isLive(services, leaseFloorMs));
  if (token === null) return null;
  remember(services.tokenCaches.tokens, keys.token, token.value, token, services.random());
  return token.value;
}

function isLive({ now }: LadderServices, leaseFloorMs: number): (lease: Leased) => boolean {
  return (lease) => isBelievable(lease, leaseFloorMs, now());
}

/** The authority on connectors and links. What does not exist is never leased to anyone. */
async function readSnapshot(climb: Climb): Promise<ConnectorSnapshot | null> {
  const { services, keys, connectorRef, scope, defer } = climb;
  const { tokenCaches, random } = services;
  if (!isRenewal(climb)) unwrap(await climb.budget.spend());
  const leaseFromMs = services.now();
  const row = await loadSnapshot(services.db, { ref: connectorRef, projectId: scope.projectId });
  if (row === null) return null;
  const snapshot = toSnapshot(row);
  const lease = { leaseFromMs, leaseUntilMs: leaseFromMs + snapshotLeaseMs(snapshot.connector.leaseSeconds) };
  remember(tokenCaches.snapshots, keys.snapshot, snapshot, lease, random());
  defer(publishSnapshot(keys.snapshot, snapshot, lease, services));
  return snapshot;
}

/** A renewal is nobody's request: there is one for each lease and isolate, whoever asks and how often. */
function isRenewal({ leaseFloorMs }: Climb): boolean {
  return leaseFloorMs > 0;
}

async function askGrant(climb: Climb, decision: Decision, snapshot: ConnectorSnapshot): Promise<Result<TokenAnswer>> {
  const { services, keys, request, grantClosed, budget } = climb;
  const { connector, link, teamId, version } = snapshot;
  const { type, configRevision, region, leaseSeconds } = connector;
  if (grantClosed !== null) return { ok: false, failure: grantClosed };
  if (!isRenewal(climb)) {
    const affordable = await budget.askGrant(connector.id);
    if (!affordable.ok) return affordable;
  }
  const { validityBufferMs, rejectedTokenId } = request;
  const placed = await placeOf(decision, { memoryKey: keys.token, snapshot, request }, services);
  if (!placed.ok) return placed;
  const { identity, group, installation } = placed.value.request;
  const { grantName, groupId, leaseKey } = placed.value.address;
  const stub = services.grants.grant(grantName, region);
  try {
    const answer: GrantTokenAnswer = await stub.token({
      teamId,
      identity,
      tenantId: installation?.tenantId ?? null,
      connector: { type, configRevision, region, leaseSeconds },
      linkId: link.id,
      scopeCeiling: link.scopes,
      groupId,
      group,
      narrow: request.scopes.length > 0,
      snapshotVersion: version,
      revokedBeforeMs: Math.max(snapshot.revokedBeforeMs, installation?.revokedBeforeMs ?? 0),
      validityBufferMs,
      rejectedTokenId,
      leaseKey,
    });
    if (!answer.ok) return answer;
    const { value: token, minted } = answer;
    remember(services.tokenCaches.tokens, keys.token, token, token, services.random());
    return ok({ token, snapshot, rung: "grant", minted });
  } catch (error) {
    // The object died or is overloaded: whatever it was doing is journaled, and the caller may ask again.
    const cause = causeOf(error);
    throw new ApiError("storage_unavailable", { reason: `grant object: ${cause}`, retryAfterMs: 1000 });
  }
}

/** After two thirds of a lease, one request of this isolate climbs again for everybody, after its own answer. */
function renewInBackground(climb: Climb): void {
  const { services, keys, defer } = climb;
  const nowMs = services.now();
  const token = services.tokenCaches.tokens.get(keys.token);
  const snapshot = services.tokenCaches.snapshots.get(keys.snapshot);
  if (token === undefined || snapshot === undefined || token.renewing || snapshot.renewing) return;
  if (!renewalDue(token, nowMs) && !renewalDue(snapshot, nowMs)) return;
  token.renewing = true;
  snapshot.renewing = true;
  // Both at once: they were obtained together, and would otherwise fall due one after the other.
  const leaseFloorMs = Math.max(token.leaseUntilMs, snapshot.leaseUntilMs) + 1;
  defer(answerOf({ ...climb, leaseFloorMs, grantClosed: null }));
}
