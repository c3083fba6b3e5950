import { DurableObject } from "cloudflare:workers";
import { fail } from "../errors.ts";
import { AppTokens } from "./app-tokens.ts";
import type { GrantDeps } from "./deps.ts";
import { Exchange } from "./exchange.ts";
import { FailureMemory } from "./failure-memory.ts";
import { GrantAlarm } from "./grant-alarm.ts";
import { GrantDatabase } from "./grant-database.ts";
import { GrantStore } from "./grant-store.ts";
import { LeasePublisher } from "./lease-publisher.ts";
import { Leasing } from "./leasing.ts";
import { revocationPoint } from "./metric-points.ts";
import { MintsUnderWay } from "./mints-under-way.ts";
import { grantName } from "./name.ts";
import type { GrantParts } from "./parts.ts";
import { PendingRevocations } from "./pending-revocations.ts";
import type {
  GrantAuthorizationAnswer,
  GrantAuthorizationRequest,
  GrantDescription,
  GrantIdentity,
  GrantReseal,
  GrantRevocation,
  GrantTokenAnswer,
  GrantTokenRequest,
} from "./protocol.ts";
import { ProviderNotices } from "./provider-notices.ts";
import type { RevocationReach } from "./reach.ts";
import { Refreshing } from "./refreshing.ts";
import { Resealer } from "./resealer.ts";
import { TokenVault } from "./token-vault.ts";
import { UserAuthorization } from "./user-authorization.ts";
import { UserTokens } from "./user-tokens.ts";

const EVERYTHING: RevocationReach = { revokedBeforeMs: null, linkId: null };

/**
 * The single writer of one grant. It alone talks to the provider for it, so that a thousand callers of an expired
 * token cause one call; it commits before it answers, so that what anyone was given is known here.
 */
export class GrantObject extends DurableObject<unknown> {
  readonly #parts: GrantParts;
  readonly #publisher: LeasePublisher;
  readonly #notices: ProviderNotices;
  readonly #alarm: GrantAlarm;
  readonly #resealer: Resealer;
  readonly #appTokens: AppTokens;
  readonly #userTokens: UserTokens;
  readonly #exchange: Exchange;
  readonly #authorization: UserAuthorization;
  /** As the last request put it, in JSON; the next one nearly always does, and a digest costs more. */
  #ownIdentity = "";

  constructor(ctx: DurableObjectState, env: unknown, deps: GrantDeps) {
    super(ctx, env);
    const name = ctx.id.name ?? "";
    const db = new GrantDatabase(ctx.storage);
    const revocations = new PendingRevocations(db);
    const store = new GrantStore(db, revocations);
    const vault = new TokenVault(name, deps);
    const defer = (work: Promise<unknown>) => ctx.waitUntil(work);
    this.#publisher = new LeasePublisher(deps);
    this.#parts = {
      name,
      deps,
      store,
      vault,
      leasing: new Leasing({ store, vault, publisher: this.#publisher }, defer),
      underWay: new MintsUnderWay(),
      failures: new FailureMemory(),
      schedule: () => this.#alarm.schedule(),
      defer,
    };
    const dropAll = () => void this.#drop(EVERYTHING);
    const authorization = new UserAuthorization(this.#parts);
    const effects = { dropAll, syncIndex: () => authorization.syncIndex() };
    const refreshing = new Refreshing(this.#parts, effects);
    this.#authorization = authorization;
    this.#notices = new ProviderNotices(name, { revocations, store, vault }, deps);
    this.#alarm = new GrantAlarm(ctx.storage, { store, notices: this.#notices, authorization, refreshing }, deps);
    this.#resealer = new Resealer(name, { db, store, vault }, deps);
    this.#appTokens = new AppTokens(this.#parts, dropAll);
    this.#userTokens = new UserTokens(this.#parts, refreshing);
    this.#exchange = new Exchange(this.#parts, effects);
    authorization.adopt();
  }

  /** A token for the request, from this grant's store or from the provider, with a lease to serve it under. */
  async token(request: GrantTokenRequest): Promise<GrantTokenAnswer> {
    if (!(await this.#isFor(request.identity))) return fail("internal_error", WRONG_GRANT);
    return request.identity.subject.type === "user" ? this.#userTokens.token(request) : this.#appTokens.token(request);
  }

  /** Bring a user's authorization home, in the place of the one before it. */
  async authorize(request: GrantAuthorizationRequest): Promise<GrantAuthorizationAnswer> {
    if (!(await this.#isFor(request.identity))) return fail("internal_error", WRONG_GRANT);
    if (request.identity.subject.type !== "user") return fail("unresolved_token");
    return this.#exchange.authorize(request);
  }

  /** What an operator may know of the user's authorization; null = there was none. */
  async describe(): Promise<GrantDescription | null> {
    return this.#authorization.describe();
  }

  /**
   * Forget the tokens that are meant, those included that a newer one has replaced, and tell the provider; with the
   * link that it was authorized through, the authorization ends. Local effect is immediate; what the provider does not
   * confirm now is retried by the alarm.
   */
  async revoke(reach: RevocationReach): Promise<GrantRevocation> {
    const { store, deps, underWay, schedule } = this.#parts;
    const { current, superseded, refreshTokens } = this.#drop(reach);
    const identity = store.identity();
    // Grants of the same user at the provider look there before they tell it anything.
    await this.#authorization.syncIndex();
    const told = await this.#notices.send(identity);
    await schedule();
    const found = current.length + superseded.length + refreshTokens;
    const local = current.filter((token) => token.static || token.expiresAtMs <= deps.now()).length;
    const revocation: GrantRevocation = {
      tokensFound: found,
      deleted: found,
      providerRevoked: told.revoked,
      providerSkipped: local + told.unsupported,
      providerFailed: told.failed,
      // What a mint under way brings home was revoked before it came, and is still to be told.
      providerPending: told.pending + underWay.revokedCount(),
    };
    deps.metrics.record(revocationPoint(identity?.identity ?? null, revocation));
    return revocation;
  }

  /** Seal everything under this primary key, and forget in the index that other keys were needed. */
  async reseal(primaryKid: string): Promise<GrantReseal> {
    return this.#resealer.run(primaryKid, this.#parts.store.identity());
  }

  /** The one alarm of this object. It re-arms for what is left, whatever happened. */
  override async alarm(): Promise<void> {
    await this.#alarm.run();
  }

  async #isFor(identity: GrantIdentity): Promise<boolean> {
    const text = JSON.stringify(identity);
    if (text === this.#ownIdentity) return true;
    const isOwn = (await grantName(identity)) === this.ctx.id.name;
    if (isOwn) this.#ownIdentity = text;
    return isOwn;
  }

  #drop(asked: RevocationReach) {
    const { store, vault, underWay, failures, deps } = this.#parts;
    const endsAll = this.#authorization.isMeant(asked);
    // Nothing that came from an authorization outlives it.
    const reach = endsAll ? EVERYTHING : asked;
    underWay.revoke(reach);
    failures.clear();
    const dropped = store.dropTokens(reach, deps.now());
    const refreshTokens = endsAll && this.#authorization.end(dropped.current) ? 1 : 0;
    for (const { groupId } of dropped.current) this.#publisher.forget(groupId);
    for (const { tokenId } of [...dropped.current, ...dropped.superseded]) vault.forget(tokenId);
    return { ...dropped, refreshTokens };
  }
}

const WRONG_GRANT = { reason: "a request reached the wrong grant" };
