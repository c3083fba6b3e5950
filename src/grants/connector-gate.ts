import { DurableObject } from "cloudflare:workers";
import type { Result } from "../errors.ts";
import { fail, ok } from "../errors.ts";
import type { Services } from "../services.ts";
import { newId } from "../store/ids.ts";

/** How a call to the provider ended, as far as other grants of the connector are concerned. */
export type ProviderOutcome =
  | { kind: "ok" }
  | { kind: "rate-limited"; retryAfterMs: number }
  | { kind: "invalid-client"; configRevision: number }
  | { kind: "other" };

export interface PermitRequest {
  /** Somebody waits for `foreground`; `background` work yields to it. */
  priority: "foreground" | "background";
  configRevision: number;
}

/** Background calls under way at once for one connector; a caller who waits is never counted against them. */
export const BACKGROUND_PERMITS = 8;
/** A permit whose holder died is given back after this long. */
const PERMIT_TTL_MS = 30_000;
/** How long rejected client credentials are left alone before one call may probe them again. */
const BREAKER_PROBE_MS = 60_000;

/**
 * One per connector: what its grants must know of each other before they call the provider. Permits and
 * back-off live in memory (losing them costs one extra call); nothing here is on the warm path.
 */
export class ConnectorGateObject extends DurableObject<unknown> {
  readonly #deps: Pick<Services, "now" | "randomBytes">;
  readonly #background = new Map<string, number>();
  #backOffUntilMs = 0;
  #breaker: { configRevision: number; probeAtMs: number } | null = null;

  constructor(ctx: DurableObjectState, env: unknown, deps: Pick<Services, "now" | "randomBytes">) {
    super(ctx, env);
    this.#deps = deps;
  }

  /**
   * May a grant call the provider now? Refusals: `upstream_rate_limited` while the provider asked for quiet,
   * `upstream_invalid_client` while these very credentials are known to be rejected, `rate_limited` for
   * background work above its share. Every permit is given back through `report`.
   */
  async acquire(request: PermitRequest): Promise<Result<{ permit: string }>> {
    const nowMs = this.#deps.now();
    if (nowMs < this.#backOffUntilMs) {
      return fail("upstream_rate_limited", { reason: "back-off", retryAfterMs: this.#backOffUntilMs - nowMs });
    }
    if (this.#breaker?.configRevision === request.configRevision) {
      if (nowMs < this.#breaker.probeAtMs) {
        return fail("upstream_invalid_client", {
          reason: "breaker open",
          retryAfterMs: this.#breaker.probeAtMs - nowMs,
        });
      }
      this.#breaker.probeAtMs = nowMs + BREAKER_PROBE_MS; // this caller is the probe; others go on waiting
    }
    const permit = newId("prm", this.#deps.randomBytes);
    if (request.priority === "background") {
      this.#dropExpiredPermits(nowMs);
      if (this.#background.size >= BACKGROUND_PERMITS) {
        return fail("rate_limited", { reason: "background permits in use", retryAfterMs: 1000 });
      }
      this.#background.set(permit, nowMs + PERMIT_TTL_MS);
    }
    return ok({ permit });
  }

  /** Give the permit back and tell what happened. */
  async report(permit: string, outcome: ProviderOutcome): Promise<void> {
    this.#background.delete(permit);
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

  #dropExpiredPermits(nowMs: number): void {
    for (const [permit, expiresAtMs] of this.#background) {
      if (expiresAtMs <= nowMs) this.#background.delete(permit);
    }
  }
}
