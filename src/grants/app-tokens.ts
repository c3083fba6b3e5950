import type { IssuedToken } from "../catalog/driver.ts";
import { type ErrorCode, type Failure, fail, failureFrom, ok, type Result } from "../errors.ts";
import type { Installation, InstallationState } from "../installations/installation.ts";
import { recordNews } from "../installations/record-news.ts";
import { mintableInstallation } from "../installations/usable.ts";
import { newId } from "../store/ids.ts";
import { assertionSource } from "./assertion.ts";
import { decideFreshness } from "./freshness.ts";
import { assertIndexRow } from "./index-row.ts";
import { mintPoint } from "./metric-points.ts";
import type { MintUnderWay } from "./mints-under-way.ts";
import type { GrantParts } from "./parts.ts";
import type { GrantTokenAnswer, GrantTokenRequest } from "./protocol.ts";
import { ATTEMPT_TIMEOUT_MS, callProvider, type Provider } from "./provider-call.ts";
import { aboveCeilingMessage, scopesAbove } from "./reach.ts";
import { mintedToken, type StoredToken } from "./stored-token.ts";

/** What a provider's refusal says of the installation. */
const ENDS: { [Code in ErrorCode]?: "removed" | "suspended" } = {
  client_installation_required: "removed",
  installation_suspended: "suspended",
};
/** For so long (ms) a provider may not know everywhere of an installation that it has told of. */
const SPREADS_WITHIN_MS = 60_000;

/** How often a caller may find that what it waited for does not suit it, before it is told to come back. */
const MAX_ROUNDS = 4;

/** Tokens of the app itself, which can be minted at any time. */
export class AppTokens {
  readonly #parts: GrantParts;
  /** Forgets everything, because the connector is gone. */
  readonly #dropAll: () => void;

  constructor(parts: GrantParts, dropAll: () => void) {
    this.#parts = parts;
    this.#dropAll = dropAll;
  }

  async token(request: GrantTokenRequest): Promise<GrantTokenAnswer> {
    const { store, deps } = this.#parts;
    const { log, now } = deps;
    const leaseFromMs = now();
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const stored = store.token(request.groupId);
      if (stored !== null && decideFreshness(stored, request, now()) === "fresh") {
        return this.#lease(request, stored, { leaseFromMs, minted: round > 0 });
      }
      const minted = await this.#mintOnce(request);
      if (minted.ok) continue;
      const still = store.token(request.groupId);
      if (still === null || decideFreshness(still, request, now()) === "dead") return minted;
      log.warn("grant.served_while_failing", { errorCode: minted.failure.code, reason: minted.failure.reason });
      return this.#lease(request, still, { leaseFromMs, minted: false });
    }
    return fail("storage_unavailable", { reason: "revoked again and again while minting", retryAfterMs: 1000 });
  }

  #lease(
    request: GrantTokenRequest,
    stored: StoredToken,
    { leaseFromMs, minted }: { leaseFromMs: number; minted: boolean },
  ): Promise<GrantTokenAnswer> {
    const authorizationId = this.#parts.store.identity()?.authorizationId ?? "";
    return this.#parts.leasing.lease(request, stored, async () => ({ authorizationId, leaseFromMs }), minted);
  }

  /** Joins the mint under way for this group, or starts one that outlives its caller. */
  async #mintOnce(request: GrantTokenRequest): Promise<Result<void>> {
    const { underWay, failures, deps, defer } = this.#parts;
    const { groupId } = request;
    const joined = underWay.get(groupId);
    if (joined !== undefined) return joined;
    const failure = failures.recall(groupId, deps.now());
    if (failure !== null) return { ok: false, failure };
    const minting = underWay.start(request, (mint) => this.#mint(request, mint));
    defer(minting);
    return minting;
  }

  /** One attempt, journaled. Never rejects: what is thrown on the way is a failure like any other. */
  async #mint(request: GrantTokenRequest, mint: MintUnderWay): Promise<Result<void>> {
    const { store, failures, deps } = this.#parts;
    const { groupId } = request;
    const attemptId = newId("att", deps.randomBytes);
    const startedAtMs = deps.now();
    let result: Result<void>;
    try {
      result = await this.#attempt(request, mint, attemptId);
    } catch (error) {
      store.journal.end(attemptId);
      result = { ok: false, failure: failureFrom(error) };
    }
    failures.note(groupId, result, deps.now());
    deps.metrics.record(mintPoint(request, result, deps.now() - startedAtMs));
    return result;
  }

  async #attempt(request: GrantTokenRequest, mint: MintUnderWay, attemptId: string): Promise<Result<void>> {
    const { name, store, schedule, defer, deps } = this.#parts;
    const { db, now, randomBytes } = deps;
    const { identity, groupId, group, teamId, connector } = request;
    const { connectorId } = identity;
    const startedAtMs = now();
    const keys = await deps.keys();
    if (!(await assertIndexRow(db, name, identity, keys.primaryKid, startedAtMs))) {
      this.#dropAll();
      await schedule();
      return fail("not_found", { reason: "the connector is gone" });
    }
    const installation = await mintableInstallation(db, identity, startedAtMs);
    if (!installation.ok) return installation;
    const call = {
      teamId,
      connectorId,
      region: connector.region,
      permit: null,
      begin: () => {
        store.open({ identity, teamId, region: connector.region, authorizationId: newId("aut", randomBytes) });
        const deadlineMs = startedAtMs + ATTEMPT_TIMEOUT_MS;
        store.journal.begin({ id: attemptId, kind: "mint", groupId, fingerprint: "", startedAtMs, deadlineMs });
        return ok(undefined);
      },
      ask: async ({ driver, credentials: { config, configRevision, secrets } }: Provider) => {
        const gate = deps.gate(connectorId, connector.region);
        const assertion = assertionSource(gate, { teamId, connectorId, configRevision });
        const mint = { config, secrets, group, connectorId, installation: installation.value, assertion };
        return driver.mint(mint, deps);
      },
      commit: (issued: IssuedToken, { name: provider }: Provider) => {
        if (installation.value?.state === "suspended")
          defer(this.#note(installation.value, connector.region, "active"));
        return this.#commit(request, mint, { attemptId, startedAtMs }, { issued, provider });
      },
      fail: (failure: Failure) => {
        store.journal.end(attemptId);
        const state = ENDS[failure.code];
        if (installation.value === null || state === undefined) return;
        const isNew = startedAtMs - installation.value.updatedAtMs < SPREADS_WITHIN_MS;
        if (state === "suspended" || !isNew) defer(this.#note(installation.value, connector.region, state));
      },
    };
    return callProvider(call, keys, deps, defer);
  }

  /** What a mint has shown of the installation, so that everybody asks there, or nobody. */
  async #note(installation: Installation, region: string | null, state: InstallationState): Promise<void> {
    const { connectorId } = installation;
    // This Grant is the one that asked, and there is none for its users.
    const services = { ...this.#parts.deps, grants: null };
    await recordNews(services, { connectorId, region }, { ...installation, state }, { isOwn: false });
  }

  /** The token into the store, or, where it may not be kept, to those that the provider is told of. */
  async #commit(
    request: GrantTokenRequest,
    mint: MintUnderWay,
    { attemptId, startedAtMs }: { attemptId: string; startedAtMs: number },
    minted: { issued: IssuedToken; provider: string },
  ): Promise<Result<void>> {
    const { store, vault, schedule, deps } = this.#parts;
    const { now, log, randomBytes } = deps;
    const { teamId, identity, scopeCeiling } = request;
    const tokenId = newId("stk", randomBytes);
    const generation = store.nextGeneration();
    const sealed = await vault.seal({ teamId, tokenId, generation }, minted.issued.accessToken);
    const token = mintedToken(request, minted, { tokenId, sealed, generation, mintedAtMs: startedAtMs });
    const above = scopesAbove(token.scopes, scopeCeiling);
    if (mint.revoked || above.length > 0) store.discard(attemptId, token, now());
    else {
      const forgotten = store.commit(attemptId, token);
      if (forgotten > 0) log.warn("grant.superseded_forgotten", { connectorId: identity.connectorId, forgotten });
    }
    await schedule();
    if (above.length === 0) return ok(undefined);
    log.warn("grant.scopes_above_ceiling", { connectorId: identity.connectorId, scopes: above.length });
    return fail("insufficient_scope", { message: aboveCeilingMessage(above) });
  }
}
