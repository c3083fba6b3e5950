import type { ConnectorType } from "../catalog/connector-types.ts";
import type { IssuedAuthorization } from "../catalog/driver.ts";
import type { Secret } from "../crypto/secret.ts";
import { type Failure, fail, failureFrom, ok, type Result } from "../errors.ts";
import { startDeadline } from "../outbound/deadline.ts";
import { newId } from "../store/ids.ts";
import { openProfile, openRefreshToken } from "./authorization-seals.ts";
import type { Authorization } from "./authorization-store.ts";
import type { BackgroundPermit } from "./background-permit.ts";
import { assertIndexRow } from "./index-row.ts";
import { mintPoint } from "./metric-points.ts";
import type { MintUnderWay } from "./mints-under-way.ts";
import type { GrantParts } from "./parts.ts";
import { ATTEMPT_TIMEOUT_MS, callProvider, type Provider } from "./provider-call.ts";
import { type RefreshAttempt, RefreshCommit } from "./refresh-commit.ts";
import { waitBeforeRefresh } from "./refresh-decisions.ts";
import { type UserGroup, userGroupKey } from "./user-group.ts";

/** Who wants a fresh token of a group, and for whom it may be. */
export interface RefreshAsker {
  group: UserGroup;
  /** Null = somebody waits. */
  permit: BackgroundPermit | null;
  scopeCeiling: string[] | null;
  /** Whether meanwhile there is what was wanted. */
  isServed: () => boolean;
}

/**
 * Refreshes of one grant, one after the other: the refresh token is one, whatever tokens are wanted. Each outlives its
 * caller, is bounded in time, and is journaled before the provider hears of it.
 */
export class Refreshing {
  readonly #parts: GrantParts;
  readonly #commit: RefreshCommit;
  readonly #dropAll: () => void;
  #last: Promise<unknown> = Promise.resolve();
  /** What an asker is told until the next attempt; lost with the object, which then knows the code only. */
  #lastFailure: Failure | null = null;

  constructor(parts: GrantParts, { dropAll, syncIndex }: { dropAll: () => void; syncIndex: () => Promise<void> }) {
    this.#parts = parts;
    this.#commit = new RefreshCommit(parts, syncIndex);
    this.#dropAll = dropAll;
  }

  /** A success says that there is something new to look at; the asker decides whether it is what it wanted. */
  async refresh(asker: RefreshAsker): Promise<Result<void>> {
    const { underWay, failures, store, deps, defer } = this.#parts;
    const key = userGroupKey(asker.group);
    const groupId = `refresh ${key}`;
    const joined = underWay.get(groupId);
    if (joined !== undefined) return joined;
    const authorization = store.authorizations.read();
    if (authorization === null) return ok(undefined);
    const remembered = failures.recall(groupId, deps.now());
    if (remembered !== null) return { ok: false, failure: remembered };
    const notYet = this.#notYet(authorization, key);
    if (notYet !== null) return notYet;
    const { linkId } = asker.group;
    const { revokedBeforeMs } = authorization;
    const running = underWay.start({ groupId, linkId, revokedBeforeMs }, (mint) =>
      this.#inTurn(() => this.#run(asker, mint)),
    );
    defer(running);
    return running;
  }

  /** The code of the last failure, with the time that is left. */
  #notYet(authorization: Authorization, key: string): Result<never> | null {
    const { store, deps } = this.#parts;
    const nowMs = deps.now();
    const rotation = authorization.policy?.rotation ?? "strict";
    const replaced = store.token(key);
    const retryAfterMs = waitBeforeRefresh(authorization, rotation, replaced?.expiresAtMs ?? null, nowMs);
    if (retryAfterMs === 0) return null;
    const { lastOutcome } = authorization;
    const code = lastOutcome === null || lastOutcome === "ok" ? "upstream_unreachable" : lastOutcome;
    const last = this.#lastFailure?.code === code ? this.#lastFailure : { code };
    return { ok: false, failure: { ...last, retryAfterMs } };
  }

  #inTurn(work: () => Promise<Result<void>>): Promise<Result<void>> {
    const turn = this.#last.then(work);
    this.#last = turn;
    return turn;
  }

  /** Never rejects, and does not last. */
  async #run(asker: RefreshAsker, mint: MintUnderWay): Promise<Result<void>> {
    const { store, failures, deps } = this.#parts;
    const key = userGroupKey(asker.group);
    const authorization = store.authorizations.read();
    // What it was to be for may have ended, or come, while others had their turn.
    if (authorization?.state !== "active" || authorization.fingerprint === null || asker.isServed())
      return ok(undefined);
    const notYet = this.#notYet(authorization, key);
    if (notYet !== null) return notYet;

    const startedAtMs = deps.now();
    const attempt: RefreshAttempt = {
      id: newId("att", deps.randomBytes),
      key,
      group: asker.group,
      scopeCeiling: asker.scopeCeiling,
      startedAtMs,
      authorization,
      generation: 0,
      isOpen: false,
      isOver: false,
    };
    let type: ConnectorType | null = null;
    const deadline = startDeadline(ATTEMPT_TIMEOUT_MS);
    let result: Result<void>;
    try {
      const onType = (known: ConnectorType) => {
        type = known;
      };
      result = await deadline.race(this.#attempt(asker, mint, attempt, onType));
    } catch (error) {
      result = { ok: false, failure: deadline.signal.aborted ? OUT_OF_TIME : failureFrom(error) };
      // The provider may have been asked, and nobody saw its answer.
      if (attempt.isOpen) this.#commit.fail(attempt, result.failure);
    } finally {
      deadline.end();
      attempt.isOver = true;
    }
    if (!result.ok && result.failure.code === "conflict") result = ok(undefined);
    this.#lastFailure = result.ok ? null : result.failure;
    // A refused refresh token has its place in the table. Anything else is remembered for a moment.
    const isWritten = attempt.generation > 0 && !result.ok && result.failure.code !== "insufficient_scope";
    if (!isWritten && asker.permit === null) failures.note(`refresh ${key}`, result, deps.now());
    const { identity } = store.identity() ?? {};
    if (type !== null && identity !== undefined) {
      deps.metrics.record(mintPoint({ identity, connector: { type } }, result, deps.now() - startedAtMs));
    }
    return result;
  }

  async #attempt(
    asker: RefreshAsker,
    mint: MintUnderWay,
    attempt: RefreshAttempt,
    onType: (type: ConnectorType) => void,
  ): Promise<Result<void>> {
    const { name, store, vault, deps, defer, schedule } = this.#parts;
    const grant = store.identity();
    if (grant === null) return ok(undefined);
    const { identity, teamId, region } = grant;
    const { connectorId } = identity;
    const keys = await deps.keys();
    if (!(await assertIndexRow(deps.db, name, identity, keys.primaryKid, attempt.startedAtMs))) {
      this.#dropAll();
      await schedule();
      return fail("not_found", { reason: "the connector is gone" });
    }
    const refreshToken = await openRefreshToken(this.#parts);
    const { externalSubject } = await openProfile(this.#parts);
    const stored = store.token(attempt.key);
    const previous =
      stored === null
        ? null
        : { tokenId: stored.tokenId, token: await vault.open({ teamId, ...stored }, stored.sealed) };
    if (refreshToken === null) return ok(undefined);
    const spent = { keys, refreshToken, previous };
    const call = {
      teamId,
      connectorId,
      region,
      permit: asker.permit,
      begin: (provider: Provider) => {
        onType(provider.credentials.type);
        return this.#commit.begin(attempt, provider);
      },
      ask: (provider: Provider) => this.#ask(provider, attempt, refreshToken, externalSubject),
      commit: (issued: IssuedAuthorization, provider: Provider) =>
        this.#commit.commit(attempt, mint, { issued, provider }, spent),
      fail: (failure: Failure) => this.#commit.fail(attempt, failure),
    };
    return callProvider(call, keys, deps, defer);
  }

  #ask(
    { driver, credentials: { config, secrets } }: Provider,
    { group: { group, narrow }, authorization }: RefreshAttempt,
    refreshToken: Secret,
    externalSubject: Parameters<Provider["driver"]["refresh"]>[0]["externalSubject"],
  ): Promise<Result<IssuedAuthorization>> {
    const { store, deps } = this.#parts;
    const connectorId = store.identity()?.identity.connectorId ?? "";
    const grantedScopes = authorization.granted.scopes;
    return driver.refresh(
      { config, secrets, connectorId, refreshToken, group, narrow, grantedScopes, externalSubject },
      deps,
    );
  }
}

const OUT_OF_TIME: Failure = { code: "upstream_timeout", reason: `attempt_ms=${ATTEMPT_TIMEOUT_MS}` };
