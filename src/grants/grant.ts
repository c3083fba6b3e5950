import { DurableObject } from "cloudflare:workers";
import type { IssuedToken } from "../catalog/driver.ts";
import { ApiError, type Failure, fail, ok, type Result } from "../errors.ts";
import { newId } from "../store/ids.ts";
import type { GrantDeps } from "./deps.ts";
import { asFailure, type RememberedFailure, rememberFailure } from "./failure-memory.ts";
import { decideFreshness } from "./freshness.ts";
import { GrantDatabase } from "./grant-database.ts";
import { GrantStore, type StoredToken } from "./grant-store.ts";
import { assertIndexRow } from "./index-row.ts";
import { LeasePublisher } from "./lease-publisher.ts";
import { mintPoint, revocationPoint } from "./metric-points.ts";
import { ATTEMPT_TIMEOUT_MS, mint } from "./mint.ts";
import { grantName } from "./name.ts";
import { PendingRevocations } from "./pending-revocations.ts";
import type { GrantReseal, GrantRevocation, GrantTokenAnswer, GrantTokenRequest, LeasedToken } from "./protocol.ts";
import { ProviderNotices } from "./provider-notices.ts";
import { Resealer } from "./resealer.ts";
import { TokenVault } from "./token-vault.ts";

/** How often a caller may find that what it waited for does not suit it, before it is told to come back. */
const MAX_ROUNDS = 4;

/**
 * The single writer of one grant. It alone talks to the provider for it, so that a thousand callers of an expired
 * token cause one call; it commits before it answers, so that what anyone was given is known here.
 */
export class GrantObject extends DurableObject<unknown> {
  readonly #deps: GrantDeps;
  readonly #store: GrantStore;
  readonly #vault: TokenVault;
  readonly #leases: LeasePublisher;
  readonly #notices: ProviderNotices;
  readonly #resealer: Resealer;
  /** Mints under way by token group. One object has one I/O context, so its callers may share a promise. */
  readonly #minting = new Map<string, Promise<Result<void>>>();
  readonly #failures = new Map<string, RememberedFailure>();
  /** Advances with every revocation; what a mint that began before one brings home is not stored. */
  #revocations = 0;

  constructor(ctx: DurableObjectState, env: unknown, deps: GrantDeps) {
    super(ctx, env);
    this.#deps = deps;
    const db = new GrantDatabase(ctx.storage);
    const revocations = new PendingRevocations(db);
    this.#store = new GrantStore(db, revocations);
    this.#vault = new TokenVault(ctx.id.name ?? "", deps);
    this.#leases = new LeasePublisher(deps);
    this.#notices = new ProviderNotices(ctx.storage, revocations, this.#vault, deps);
    this.#resealer = new Resealer(ctx.id.name ?? "", { db, store: this.#store, vault: this.#vault }, deps);
    for (const attempt of this.#store.openAttempts()) {
      // The provider may have issued a token that nobody holds; it expires by itself, and minting again is safe.
      deps.log.warn("grant.attempt_abandoned", { kind: attempt.kind, startedAtMs: attempt.startedAtMs });
      this.#store.endAttempt(attempt.id);
    }
  }

  /** A token for the request, from this grant's store or from the provider, with a lease to serve it under. */
  async token(request: GrantTokenRequest): Promise<GrantTokenAnswer> {
    if ((await grantName(request.identity)) !== this.ctx.id.name) {
      return fail("internal_error", { reason: "a request reached the wrong grant" });
    }
    const { log, now } = this.#deps;
    const leaseFromMs = now();
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const stored = this.#store.token(request.groupId);
      if (stored !== null && decideFreshness(stored, request, now()) === "fresh") {
        return this.#lease(request, stored, { leaseFromMs, minted: round > 0 });
      }
      if (request.identity.subject.type === "user") return fail("user_authorization_required");

      const minted = await this.#mintOnce(request);
      if (minted.ok) continue;
      const still = this.#store.token(request.groupId);
      if (still === null || decideFreshness(still, request, now()) === "dead") return minted;
      log.warn("grant.served_while_failing", { errorCode: minted.failure.code, reason: minted.failure.reason });
      return this.#lease(request, still, { leaseFromMs, minted: false });
    }
    return fail("storage_unavailable", { reason: "revoked again and again while minting", retryAfterMs: 1000 });
  }

  /**
   * Forget tokens obtained under a revocation value below `revokedBeforeMs` (null = all of them) and tell the
   * provider. Local effect is immediate; what the provider does not confirm now is retried by the alarm.
   */
  async revoke(revokedBeforeMs: number | null): Promise<GrantRevocation> {
    const dropped = this.#drop((token) => revokedBeforeMs === null || token.revokedBeforeMs < revokedBeforeMs);
    const identity = this.#store.identity();
    const told = await this.#notices.send(identity);
    const local = dropped.filter((token) => token.static || token.expiresAtMs <= this.#deps.now()).length;
    const revocation: GrantRevocation = {
      tokensFound: dropped.length,
      deleted: dropped.length,
      providerRevoked: told.revoked,
      providerSkipped: local + told.unsupported,
      providerFailed: told.failed,
      // What a mint under way brings home was revoked before it came, and is still to be told.
      providerPending: told.pending + this.#minting.size,
    };
    this.#deps.metrics.record(revocationPoint(identity?.identity ?? null, revocation));
    return revocation;
  }

  /** Seal everything under this primary key, and forget in the index that other keys were needed. */
  async reseal(primaryKid: string): Promise<GrantReseal> {
    return this.#resealer.run(primaryKid, this.#store.identity());
  }

  /** The one alarm of this object. It re-arms for what is left, whatever happened. */
  override async alarm(): Promise<void> {
    await this.#notices.sendFromAlarm(this.#store.identity());
  }

  /** Joins the mint under way for this group, or starts one that outlives its caller. */
  async #mintOnce(request: GrantTokenRequest): Promise<Result<void>> {
    const { groupId } = request;
    const underWay = this.#minting.get(groupId);
    if (underWay !== undefined) return underWay;
    const nowMs = this.#deps.now();
    const remembered = this.#failures.get(groupId);
    if (remembered !== undefined && nowMs < remembered.retryAtMs) {
      return { ok: false, failure: asFailure(remembered, nowMs) };
    }
    const minting = this.#mint(request).finally(() => this.#minting.delete(groupId));
    this.#minting.set(groupId, minting);
    this.ctx.waitUntil(minting);
    return minting;
  }

  /** One attempt, journaled. Never rejects: what is thrown on the way is a failure like any other. */
  async #mint(request: GrantTokenRequest): Promise<Result<void>> {
    const { groupId } = request;
    const attemptId = newId("att", this.#deps.randomBytes);
    const startedAtMs = this.#deps.now();
    let result: Result<void>;
    try {
      result = await this.#attempt(request, attemptId);
    } catch (error) {
      this.#store.endAttempt(attemptId);
      const failure: Failure =
        error instanceof ApiError ? error.failure : { code: "internal_error", reason: reasonOf(error) };
      result = { ok: false, failure };
    }
    if (result.ok) this.#failures.delete(groupId);
    else this.#failures.set(groupId, rememberFailure(this.#failures.get(groupId), result.failure, this.#deps.now()));
    this.#deps.metrics.record(mintPoint(request, result, this.#deps.now() - startedAtMs));
    return result;
  }

  async #attempt(request: GrantTokenRequest, attemptId: string): Promise<Result<void>> {
    const { db, now, randomBytes } = this.#deps;
    const { identity, groupId, teamId, connector } = request;
    const revocations = this.#revocations;
    const startedAtMs = now();
    const keys = await this.#deps.keys();
    if (!(await assertIndexRow(db, this.ctx.id.name ?? "", identity, keys.primaryKid, startedAtMs))) {
      this.#drop(() => true);
      await this.#notices.schedule();
      return fail("not_found", { reason: "the connector is gone" });
    }
    const journal = {
      begin: () => {
        this.#store.open({ identity, teamId, region: connector.region, authorizationId: newId("aut", randomBytes) });
        const deadlineMs = startedAtMs + ATTEMPT_TIMEOUT_MS;
        this.#store.beginAttempt({ id: attemptId, kind: "mint", groupId, fingerprint: "", startedAtMs, deadlineMs });
      },
      commit: async (issued: IssuedToken) => {
        const token = await this.#sealed(request, issued, startedAtMs);
        if (this.#revocations === revocations) return this.#store.commit(attemptId, token);
        this.#store.discard(attemptId, token, now());
        return this.#notices.schedule();
      },
      fail: () => this.#store.endAttempt(attemptId),
    };
    return mint(request, keys, this.#deps, journal, (work) => this.ctx.waitUntil(work));
  }

  async #sealed(
    { teamId, groupId, revokedBeforeMs }: GrantTokenRequest,
    issued: IssuedToken,
    mintedAtMs: number,
  ): Promise<StoredToken> {
    const { accessToken, expiresAtMs, scopes, resources, authorizationDetails, metadata } = issued;
    const tokenId = newId("stk", this.#deps.randomBytes);
    const generation = this.#store.nextGeneration();
    return {
      groupId,
      tokenId,
      sealed: await this.#vault.seal({ teamId, tokenId, generation }, accessToken),
      generation,
      mintedAtMs,
      expiresAtMs,
      lifetimeMs: expiresAtMs - mintedAtMs,
      static: issued.static,
      revokedBeforeMs,
      granted: { scopes, resources, authorizationDetails, metadata },
    };
  }

  async #lease(
    request: GrantTokenRequest,
    stored: StoredToken,
    { leaseFromMs, minted }: { leaseFromMs: number; minted: boolean },
  ): Promise<GrantTokenAnswer> {
    const { teamId, leaseKey, snapshotVersion, connector } = request;
    const { groupId, tokenId, generation, expiresAtMs, lifetimeMs, revokedBeforeMs } = stored;
    const { metadata, ...granted } = stored.granted;
    try {
      const leased: LeasedToken = {
        token: (await this.#vault.open({ teamId, tokenId, generation }, stored.sealed)).expose(),
        tokenId,
        expiresAtMs,
        lifetimeMs,
        ...granted,
        ...(metadata === undefined ? {} : { metadata }),
        authorizationId: this.#store.identity()?.authorizationId ?? "",
        groupId,
        snapshotVersion,
        revokedBeforeMs,
        leaseFromMs,
        leaseUntilMs: leaseFromMs + connector.leaseSeconds * 1000,
      };
      if (leaseKey !== null && this.#leases.asked(leased)) {
        this.#store.touch(groupId, leaseFromMs);
        this.ctx.waitUntil(this.#leases.publish(leaseKey, leased));
      }
      return { ...ok(leased), minted };
    } catch (error) {
      // Classes do not survive the way back to the caller; failures as data do.
      if (error instanceof ApiError) return { ok: false, failure: error.failure };
      throw error;
    }
  }

  #drop(which: (token: StoredToken) => boolean): StoredToken[] {
    this.#revocations++;
    this.#failures.clear();
    const dropped = this.#store.dropTokens(which, this.#deps.now());
    for (const { groupId, tokenId } of dropped) {
      this.#leases.forget(groupId);
      this.#vault.forget(tokenId);
    }
    return dropped;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : "unknown";
}
