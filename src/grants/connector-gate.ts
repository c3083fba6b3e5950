import { DurableObject } from "cloudflare:workers";
import type { Result } from "../errors.ts";
import { fail, ok } from "../errors.ts";
import type { Services } from "../services.ts";
import { newId } from "../store/ids.ts";
import { BackgroundQueue } from "./background-queue.ts";

/** How a call to the provider ended, as far as other grants of the connector are concerned. */
export type ProviderOutcome =
  | { kind: "ok" }
  | { kind: "rate-limited"; retryAfterMs: number }
  | { kind: "invalid-client"; configRevision: number }
  | { kind: "other" };

export interface PermitRequest {
  /** Somebody waits for `foreground`; `background` work yields to it. */
  priority: "foreground" | "background";
  /** Of work in the background: it was told when to come back, and does. */
  hasWaited?: boolean;
  configRevision: number;
}

/** How long rejected client credentials are left alone before one call may probe them again. */
const BREAKER_PROBE_MS = 60_000;

/**
 * One per connector: what its grants must know of each other before they call the provider. Permits and
 * back-off live in memory (losing them costs one extra call); nothing here is on the warm path.
 */
export class ConnectorGateObject extends DurableObject<unknown> {
  readonly #deps: Pick<Services, "now" | "randomBytes">;
  readonly #background = new BackgroundQueue();
  #backOffUntilMs = 0;
  #breaker: { configRevision: number; probeAtMs: number } | null = null;

  constructor(ctx: DurableObjectState, env: unknown, deps: Pick<Services, "now" | "randomBytes">) {
    super(ctx, env);
    this.#deps = deps;
  }

  /**
   * May a grant call the provider now? Refusals: `upstream_rate_limited` while the provider asked for quiet,
   * `upstream_invalid_client` while these very credentials are known to be rejected, `rate_limited` for
   * background work above its share, with the time of its turn. Every permit is given back through `report`.
   */
  async acquire(request: PermitRequest): Promise<Result<{ permit: string }>> {
    const nowMs = this.#deps.now();
    if (nowMs < this.#backOffUntilMs) {
      return fail("upstream_rate_limited", { reason: "back-off", retryAfterMs: this.#backOffUntilMs - nowMs });
    }
    const rejected = this.#breaker?.configRevision === request.configRevision ? this.#breaker : null;
    if (rejected !== null && nowMs < rejected.probeAtMs) {
      return fail("upstream_invalid_client", { reason: "breaker open", retryAfterMs: rejected.probeAtMs - nowMs });
    }
    const permit = newId("prm", this.#deps.randomBytes);
    if (request.priority === "background") {
      const waitMs = this.#background.enter(permit, request.hasWaited ?? false, nowMs);
      if (waitMs > 0) return fail("rate_limited", { reason: "background permits in use", retryAfterMs: waitMs });
    }
    if (rejected !== null) rejected.probeAtMs = nowMs + BREAKER_PROBE_MS; // this caller is the probe; others go on waiting
    return ok({ permit });
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
