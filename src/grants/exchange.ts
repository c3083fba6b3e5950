import type { GrantPolicy, IssuedAuthorization } from "../catalog/driver.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import { Secret } from "../crypto/secret.ts";
import { type Failure, fail, failureFrom, ok, type Result } from "../errors.ts";
import { newId } from "../store/ids.ts";
import { CLOCK_MARGIN_MS } from "../tokens/lease.ts";
import { GENERATIONS_PER_ANSWER, openRefreshToken, sealAnswer } from "./authorization-seals.ts";
import { type Authorization, noticeFacts } from "./authorization-store.ts";
import { externalSubjectHash } from "./external-subject.ts";
import { assertIndexRow } from "./index-row.ts";
import { mintPoint } from "./metric-points.ts";
import type { MintUnderWay } from "./mints-under-way.ts";
import { authorizationOf, firstToken, pastedKey, pastedKeyProvider, policyOf } from "./new-authorization.ts";
import type { GrantParts } from "./parts.ts";
import type { GrantAuthorizationAnswer, GrantAuthorizationRequest } from "./protocol.ts";
import { ATTEMPT_TIMEOUT_MS, callProvider, type Provider } from "./provider-call.ts";
import { aboveCeilingMessage, scopesAbove } from "./reach.ts";
import { replacementOf } from "./replacement.ts";
import { mintedToken, type StoredToken } from "./stored-token.ts";
import { firstGroup, userGroupKey } from "./user-group.ts";

interface Attempt {
  id: string;
  startedAtMs: number;
  /** The first of the numbers that its writes will have. */
  generation: number;
}

/** Brings an authorization home: a code is exchanged, or a pasted key is kept. */
export class Exchange {
  readonly #parts: GrantParts;
  readonly #dropAll: () => void;
  readonly #syncIndex: () => Promise<void>;
  /** A code is good for one exchange, however often it is brought. */
  readonly #byOrdinal = new Map<number, Promise<GrantAuthorizationAnswer>>();

  constructor(parts: GrantParts, { dropAll, syncIndex }: { dropAll: () => void; syncIndex: () => Promise<void> }) {
    this.#parts = parts;
    this.#dropAll = dropAll;
    this.#syncIndex = syncIndex;
  }

  /**
   * `superseded` when a later authorization was completed; `insufficient_scope` when more was granted than the link
   * allows; else what the provider said to the code.
   */
  authorize(request: GrantAuthorizationRequest): Promise<GrantAuthorizationAnswer> {
    const { ordinal } = request;
    const joined = this.#byOrdinal.get(ordinal);
    if (joined !== undefined) return joined;
    const { underWay, defer, store } = this.#parts;
    let authorizationId = "";
    const done = underWay
      .start({ ...request, groupId: `authorization ${ordinal}` }, (mint) =>
        this.#attempt(request, mint, (id) => {
          authorizationId = id;
        }),
      )
      .then((result): GrantAuthorizationAnswer => {
        const scopes = store.authorizations.read()?.granted.scopes ?? [];
        return result.ok ? ok({ authorizationId, scopes }) : result;
      })
      .finally(() => this.#byOrdinal.delete(ordinal));
    this.#byOrdinal.set(ordinal, done);
    // Whoever brought the code may be gone before the provider has answered.
    defer(done);
    return done;
  }

  /** Never rejects. */
  async #attempt(
    request: GrantAuthorizationRequest,
    mint: MintUnderWay,
    onStored: (authorizationId: string) => void,
  ): Promise<Result<void>> {
    const { store, deps } = this.#parts;
    const attempt: Attempt = { id: newId("att", deps.randomBytes), startedAtMs: deps.now(), generation: 0 };
    let result: Result<void>;
    try {
      result = await this.#bringHome(request, mint, attempt, onStored);
    } catch (error) {
      result = { ok: false, failure: failureFrom(error) };
    }
    store.journal.end(attempt.id);
    deps.metrics.record(mintPoint(request, result, deps.now() - attempt.startedAtMs));
    return result;
  }

  async #bringHome(
    request: GrantAuthorizationRequest,
    mint: MintUnderWay,
    attempt: Attempt,
    onStored: (authorizationId: string) => void,
  ): Promise<Result<void>> {
    const { name, deps, schedule, defer } = this.#parts;
    const { identity, teamId, connector, credential } = request;
    const { connectorId } = identity;
    if (this.#isSuperseded(request)) return fail("superseded");
    const keys = await deps.keys();
    if (!(await assertIndexRow(deps.db, name, identity, keys.primaryKid, attempt.startedAtMs))) {
      this.#dropAll();
      await schedule();
      return fail("not_found", { reason: "the connector is gone" });
    }
    const commit = (issued: IssuedAuthorization, policy: GrantPolicy | null, provider: Provider) =>
      this.#commit(request, mint, attempt, keys, { issued, policy, provider }, onStored);
    if (credential.kind === "key") {
      const provider = await pastedKeyProvider(request, keys, deps);
      if (!provider.ok) return provider;
      const begun = this.#begin(request, attempt);
      return begun.ok ? commit(pastedKey(credential.key), null, provider.value) : begun;
    }
    const { code, codeVerifier, redirectUri, nonce } = credential;
    const call = {
      teamId,
      connectorId,
      region: connector.region,
      permit: null,
      begin: (provider: Provider) =>
        policyOf(provider) === null ? fail("unresolved_token") : this.#begin(request, attempt),
      ask: ({ driver, credentials: { config, secrets } }: Provider) =>
        driver.exchange(
          {
            config,
            secrets,
            connectorId,
            code: Secret.of(code),
            codeVerifier: Secret.of(codeVerifier),
            redirectUri,
            nonce,
            group: request.group,
          },
          deps,
        ),
      commit: (issued: IssuedAuthorization, provider: Provider) => commit(issued, policyOf(provider), provider),
      fail: () => {},
    };
    return callProvider(call, keys, deps, defer);
  }

  #isSuperseded({ ordinal }: GrantAuthorizationRequest): boolean {
    const current = this.#parts.store.authorizations.read();
    return current !== null && ordinal <= current.ordinal;
  }

  #begin(request: GrantAuthorizationRequest, attempt: Attempt): Result<void> {
    const { store, deps } = this.#parts;
    const { identity, teamId, connector, ordinal } = request;
    if (this.#isSuperseded(request)) return fail("superseded");
    const { id, startedAtMs } = attempt;
    store.open({ identity, teamId, region: connector.region, authorizationId: newId("aut", deps.randomBytes) });
    const deadlineMs = startedAtMs + ATTEMPT_TIMEOUT_MS;
    const groupId = `authorization ${ordinal}`;
    store.journal.begin({ id, kind: "exchange", groupId, fingerprint: "", startedAtMs, deadlineMs });
    attempt.generation = store.reserveGenerations(GENERATIONS_PER_ANSWER);
    return ok(undefined);
  }

  /** Everything in one transaction, in place of what was authorized before; or nothing, and the provider is told. */
  async #commit(
    request: GrantAuthorizationRequest,
    mint: MintUnderWay,
    attempt: Attempt,
    keys: KeyRing,
    { issued, policy, provider }: { issued: IssuedAuthorization; policy: GrantPolicy | null; provider: Provider },
    onStored: (authorizationId: string) => void,
  ): Promise<Result<void>> {
    const { store, vault, deps, schedule } = this.#parts;
    const { identity, linkId, teamId, group, revokedBeforeMs, connector } = request;
    const { connectorId } = identity;
    const { externalSubject, claims } = issued;
    const place = { teamId, generation: attempt.generation, keys };
    const sealed = await sealAnswer(this.#parts, place, { issued, profile: { externalSubject, claims } });
    const subjectHash = await externalSubjectHash(connectorId, externalSubject);
    const before = await openRefreshToken(this.#parts);
    const authorization = authorizationOf(request, { issued, policy, provider }, attempt.startedAtMs, {
      authorizationId: newId("aut", deps.randomBytes),
      subjectHash,
      fingerprint: sealed.refresh?.fingerprint ?? null,
    });
    const first = firstGroup(group, linkId, policy?.oldAccessTokenDies ?? false);
    const facts = { groupId: userGroupKey(first), linkId: first.linkId, revokedBeforeMs };
    const minted = { issued, provider: provider.name };
    const token = firstToken(mintedToken(facts, minted, { ...sealed.access, mintedAtMs: attempt.startedAtMs }), group);

    // From here on nothing is awaited until all is written.
    const nowMs = deps.now();
    const above = scopesAbove(issued.scopes, request.scopeCeiling);
    const refusal = this.#refusal(request, mint, above);
    if (refusal !== null) {
      store.discard(attempt.id, token, nowMs, noticeFacts(authorization, "access_token"), () => {
        if (sealed.refresh === null) return;
        store.oweRefreshToken(sealed.refresh, provider.name, nowMs, noticeFacts(authorization, "refresh_token"));
      });
      await schedule();
      return { ok: false, failure: refusal };
    }
    const isSameToken = issued.refreshToken !== null && before?.expose() === issued.refreshToken.expose();
    let retired: StoredToken[] = [];
    store.commit(attempt.id, token, () => {
      retired = this.#retire(authorization, { isSameToken, leaseMs: connector.leaseSeconds * 1000 });
      store.authorizations.write(authorization);
      store.authorizations.setSecret("refresh_token", sealed.refresh);
      store.authorizations.setSecret("profile", sealed.profile);
    });
    for (const { tokenId } of retired) vault.forget(tokenId);
    this.#parts.failures.clear();
    onStored(authorization.authorizationId);
    deps.log.info("grant.authorized", { connectorId, refreshable: authorization.fingerprint !== null });
    await schedule();
    await this.#syncIndex();
    return ok(undefined);
  }

  #refusal(request: GrantAuthorizationRequest, mint: MintUnderWay, above: string[]): Failure | null {
    const { log } = this.#parts.deps;
    if (this.#isSuperseded(request)) return { code: "superseded" };
    if (mint.revoked) return { code: "user_authorization_required", reason: "revoked during the exchange" };
    if (above.length === 0) return null;
    log.warn("grant.scopes_above_ceiling", { connectorId: request.identity.connectorId, scopes: above.length });
    return { code: "insufficient_scope", message: aboveCeilingMessage(above) };
  }

  /** What becomes of the authorization before this one. */
  #retire(next: Authorization, facts: { isSameToken: boolean; leaseMs: number }): StoredToken[] {
    const { store, deps } = this.#parts;
    const nowMs = deps.now();
    const before = store.authorizations.read();
    if (before === null) return [];
    const how = replacementOf(before, next);
    const secret = store.authorizations.secret("refresh_token");
    if (secret !== null && !facts.isSameToken && how.refreshToken !== "forget") {
      // A provider may end access tokens with it, and edges serve those until their leases end.
      const dueAtMs = how.refreshToken === "owe" ? nowMs : nowMs + facts.leaseMs + CLOCK_MARGIN_MS;
      store.oweRefreshToken(secret, before.provider, dueAtMs, noticeFacts(before, "refresh_token"));
    }
    return store.retire(how.accessTokens, nowMs);
  }
}
