import { DurableObject } from "cloudflare:workers";
import { fail, ok, type Result } from "../errors.ts";
import { startDeadline } from "../outbound/deadline.ts";
import { newId } from "../store/ids.ts";
import { AppAssertion, type AssertionRequest } from "./app-assertion.ts";
import { type BackgroundAsker, BackgroundQueue } from "./background-queue.ts";
import type { GrantDeps } from "./deps.ts";

/** How a call to the provider ended, as far as other grants of the connector are concerned. */
export type ProviderOutcome =
  | { kind: "ok" }
  | { kind: "rate-limited"; retryAfterMs: number }
  | { kind: "invalid-client"; configRevision: number }
  | { kind: "other" };

/** Somebody waits for `foreground`; work in the `background` has its turn. */
export type PermitRequest = { configRevision: number } & (
  | { priority: "foreground" }
  | ({ priority: "background" } & BackgroundAsker)
);

/** How long rejected client credentials are left alone before one call may probe them again. */
const BREAKER_PROBE_MS = 60_000;
/** How long work in the background waits here for its permit, before it is told when to come back. */
const LONGEST_WAIT_MS = 5_000;

type GateDeps = Pick<GrantDeps, "now" | "randomBytes" | "db" | "keys" | "driverOf">;

/**
 * One per connector: what its grants must know of each other before they call the provider. Permits and
 * back-off live in memory (losing them costs one extra call); nothing here is on the warm path.
 */
export class ConnectorGateObject extends DurableObject<unknown> {
  readonly #deps: GateDeps;
  readonly #assertion: AppAssertion;
  readonly #background = new BackgroundQueue((permit) => this.#inLine.get(permit)?.());
  readonly #inLine = new Map<string, () => void>();
  #backOffUntilMs = 0;
  #breaker: { configRevision: number; probeAtMs: number } | null = null;

  constructor(ctx: DurableObjectState, env: unknown, deps: GateDeps) {
    super(ctx, env);
    this.#deps = deps;
    this.#assertion = new AppAssertion(ctx.storage, deps);
  }

  /**
   * May a grant call the provider now? Refusals: `upstream_rate_limited` while the provider asked for quiet,
   * `upstream_invalid_client` while these very credentials are known to be rejected, `rate_limited` for
   * background work above its share. The background is told when its turn is, whatever it is refused for, and may have
   * to wait a few seconds for the answer. Every permit is given back through `report`.
   */
  async acquire(request: PermitRequest): Promise<Result<{ permit: string }>> {
    const permit = newId("prm", this.#deps.randomBytes);
    let refused = this.#refusal(request);
    if (refused === null && request.priority === "background") {
      refused = await this.#enter(permit, request);
      // What others were answered meanwhile counts, too.
      refused ??= this.#refusal(request);
      if (refused !== null) this.#background.leave(permit, this.#deps.now(), false);
    }
    if (refused !== null) return refused;
    const rejected = this.#rejected(request);
    if (rejected !== null) rejected.probeAtMs = this.#deps.now() + BREAKER_PROBE_MS; // this caller is the probe; others go on waiting
    return ok({ permit });
  }

  #refusal(request: PermitRequest): Result<never> | null {
    const nowMs = this.#deps.now();
    const retryAfterMs = (fromMs: number) =>
      request.priority === "background" ? this.#background.away(request, fromMs, nowMs) : fromMs - nowMs;
    if (nowMs < this.#backOffUntilMs) {
      return fail("upstream_rate_limited", { reason: "back-off", retryAfterMs: retryAfterMs(this.#backOffUntilMs) });
    }
    const rejected = this.#rejected(request);
    if (rejected === null || nowMs >= rejected.probeAtMs) return null;
    return fail("upstream_invalid_client", {
      reason: "breaker open",
      retryAfterMs: retryAfterMs(rejected.probeAtMs),
    });
  }

  #rejected({ configRevision }: PermitRequest) {
    return this.#breaker?.configRevision === configRevision ? this.#breaker : null;
  }

  async #enter(permit: string, asker: BackgroundAsker): Promise<Result<never> | null> {
    const entry = this.#background.enter(permit, asker, this.#deps.now());
    if (entry.kind === "in") return null;
    if (entry.kind === "away") return inUse(entry.waitMs);
    const admitted = Promise.withResolvers<void>();
    this.#inLine.set(permit, admitted.resolve);
    const deadline = startDeadline(LONGEST_WAIT_MS);
    try {
      await deadline.race(admitted.promise);
    } catch {
      const nowMs = this.#deps.now();
      if (this.#background.giveUp(permit)) return inUse(this.#background.away(asker, nowMs, nowMs));
    } finally {
      deadline.end();
      this.#inLine.delete(permit);
    }
    return null;
  }

  /** What the provider knows this connector by, at most one signature for several minutes. */
  async assertion(request: AssertionRequest): Promise<Result<string>> {
    return this.#assertion.get(request);
  }

  /** Give the permit back and tell what happened. */
  async report(permit: string, outcome: ProviderOutcome): Promise<void> {
    this.#background.leave(permit, this.#deps.now());
    switch (outcome.kind) {
      case "ok":
        this.#breaker = null;
        return;
      case "rate-limited":
        this.#backOffUntilMs = Math.max(this.#backOffUntilMs, this.#deps.now() + outcome.retryAfterMs);
        return;
      case "invalid-client":
        this.#breaker = { configRevision: outcome.configRevision, probeAtMs: this.#deps.now() + BREAKER_PROBE_MS };
        return;
      case "other":
        return;
    }
  }
}

function inUse(retryAfterMs: number): Result<never> {
  return fail("rate_limited", { reason: "background permits in use", retryAfterMs });
}
