import { DurableObject } from "cloudflare:workers";
import { ApiError, causeOf, type Failure, fail, ok, type Result } from "../errors.ts";
import { newId } from "../store/ids.ts";
import type { GrantDeps } from "./deps.ts";
import { FailureMemory } from "./failure-memory.ts";
import { decideFreshness } from "./freshness.ts";
import { GrantDatabase } from "./grant-database.ts";
import { GrantStore } from "./grant-store.ts";
import { assertIndexRow } from "./index-row.ts";
import { LeasePublisher } from "./lease-publisher.ts";
import { mintPoint, revocationPoint } from "./metric-points.ts";
import { ATTEMPT_TIMEOUT_MS, type Minted, mint } from "./mint.ts";
import { MintsUnderWay, type MintUnderWay } from "./mints-under-way.ts";
import { grantName } from "./name.ts";
import { PendingRevocations } from "./pending-revocations.ts";
import type { GrantReseal, GrantRevocation, GrantTokenAnswer, GrantTokenRequest } from "./protocol.ts";
import { ProviderNotices } from "./provider-notices.ts";
import { type RevocationReach, scopesAbove } from "./reach.ts";
import { Resealer } from "./resealer.ts";
import { leasedToken, mintedToken, type StoredToken } from "./stored-token.ts";
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
  readonly #minting = new MintsUnderWay();
  readonly #failures = new FailureMemory();

  constructor(ctx: DurableObjectState, env: unknown, deps: GrantDeps) {
    super(ctx, env);
    this.#deps = deps;
    const db = new GrantDatabase(ctx.storage);
    const revocations = new PendingRevocations(db);
    this.#store = new GrantStore(db, revocations);
    this.#vault = new TokenVault(ctx.id.name ?? "", deps);
    this.#leases = new LeasePublisher(deps);
    this.#notices = new ProviderNotices(ctx.storage, revocations, this.#store, this.#vault, deps);
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
   * Forget the tokens that are meant, those included that a newer one has replaced, and tell the provider. Local effect
   * is immediate; what the provider does not confirm now is retried by the alarm.
   */
  async revoke(reach: RevocationReach): Promise<GrantRevocation> {
    const { current, superseded } = this.#drop(reach);
    const identity = this.#store.identity();
    const told = await this.#notices.send(identity);
    const found = current.length + superseded.length;
    const local = current.filter((token) => token.static || token.expiresAtMs <= this.#deps.now()).length;
    const revocation: GrantRevocation = {
      tokensFound: found,
      deleted: found,
      providerRevoked: told.revoked,
      providerSkipped: local + told.unsupported,
      providerFailed: told.failed,
      // What a mint under way brings home was revoked before it came, and is still to be told.
      providerPending: told.pending + this.#minting.revokedCount(),
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
    const failure = this.#failures.recall(groupId, this.#deps.now());
    if (failure !== null) return { ok: false, failure };
    const minting = this.#minting.start(request, (mint) => this.#mint(request, mint));
    this.ctx.waitUntil(minting);
    return minting;
  }

  /** One attempt, journaled. Never rejects: what is thrown on the way is a failure like any other. */
  async #mint(request: GrantTokenRequest, underWay: MintUnderWay): Promise<Result<void>> {
    const { groupId } = request;
    const attemptId = newId("att", this.#deps.randomBytes);
    const startedAtMs = this.#deps.now();
    let result: Result<void>;
    try {
      result = await this.#attempt(request, underWay, attemptId);
    } catch (error) {
      this.#store.endAttempt(attemptId);
      const failure: Failure =
        error instanceof ApiError ? error.failure : { code: "internal_error", reason: causeOf(error) };
      result = { ok: false, failure };
    }
    this.#failures.note(groupId, result, this.#deps.now());
    this.#deps.metrics.record(mintPoint(request, result, this.#deps.now() - startedAtMs));
    return result;
  }

  async #attempt(request: GrantTokenRequest, underWay: MintUnderWay, attemptId: string): Promise<Result<void>> {
    const { db, now, randomBytes } = this.#deps;
    const { identity, groupId, teamId, connector } = request;
    const startedAtMs = now();
    const keys = await this.#deps.keys();
    if (!(await assertIndexRow(db, this.ctx.id.name ?? "", identity, keys.primaryKid, startedAtMs))) {
      this.#drop({ revokedBeforeMs: null, linkId: null });
      await this.#notices.schedule();
      return fail("not_found", { reason: "the connector is gone" });
    }
    const journal = {
      begin: () => {
        this.#store.open({ identity, teamId, region: connector.region, authorizationId: newId("aut", randomBytes) });
        const deadlineMs = startedAtMs + ATTEMPT_TIMEOUT_MS;
        this.#store.beginAttempt({ id: attemptId, kind: "mint", groupId, fingerprint: "", startedAtMs, deadlineMs });
      },
      commit: (minted: Minted) => this.#commit(request, underWay, { attemptId, startedAtMs }, minted),
      fail: () => this.#store.endAttempt(attemptId),
    };
    return mint(request, keys, this.#deps, journal, (work) => this.ctx.waitUntil(work));
  }

  /** The token into the store, or, where it may not be kept, to those that the provider is told of. */
  async #commit(
    request: GrantTokenRequest,
    underWay: MintUnderWay,
    { attemptId, startedAtMs }: { attemptId: string; startedAtMs: number },
    minted: Minted,
  ): Promise<Result<void>> {
    const { now, log, randomBytes } = this.#deps;
    const { teamId, identity, scopeCeiling } = request;
    const tokenId = newId("stk", randomBytes);
    const generation = this.#store.nextGeneration();
    const sealed = await this.#vault.seal({ teamId, tokenId, generation }, minted.issued.accessToken);
    const token = mintedToken(request, minted, { tokenId, sealed, generation, mintedAtMs: startedAtMs });
    const above = scopesAbove(token.scopes, scopeCeiling);
    if (underWay.revoked || above.length > 0) this.#store.discard(attemptId, token, now());
    else {
      const forgotten = this.#store.commit(attemptId, token);
      if (forgotten > 0)
        log.warn("grant.superseded_forgotten", { connectorId: identity.connectorId, tokens: forgotten });
    }
    await this.#notices.schedule();
    if (above.length === 0) return ok(undefined);
    log.warn("grant.scopes_above_ceiling", { connectorId: identity.connectorId, scopes: above.length });
    return fail("insufficient_scope", {
      message: `The provider granted more than the project's link allows: ${above.join(" ").slice(0, 500)}.`,
    });
  }

  async #lease(
    request: GrantTokenRequest,
    stored: StoredToken,
    { leaseFromMs, minted }: { leaseFromMs: number; minted: boolean },
  ): Promise<GrantTokenAnswer> {
    const { teamId, leaseKey } = request;
    const { groupId, tokenId, generation, sealed } = stored;
    try {
      const token = await this.#vault.open({ teamId, tokenId, generation }, sealed);
      const authorizationId = this.#store.identity()?.authorizationId ?? "";
      const leased = leasedToken(request, stored, { token: token.expose(), authorizationId, leaseFromMs });
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

  #drop(reach: RevocationReach): ReturnType<GrantStore["dropTokens"]> {
    this.#minting.revoke(reach);
    this.#failures.clear();
    const dropped = this.#store.dropTokens(reach, this.#deps.now());
    for (const { groupId } of dropped.current) this.#leases.forget(groupId);
    for (const { tokenId } of [...dropped.current, ...dropped.superseded]) this.#vault.forget(tokenId);
    return dropped;
  }
}
