import type { Driver } from "../catalog/driver.ts";
import { loadCredentials } from "../connectors/credentials.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { GrantDeps } from "./deps.ts";

/** Whose assertion is wanted, and what became of the last one. It crosses object boundaries. */
export interface AssertionRequest {
  teamId: string;
  connectorId: string;
  configRevision: number;
  /** The provider did not take this one; and the provider's clock, where its answer told it. */
  refused: { assertion: string; providerNowMs: number | null } | null;
}

/** How soon another one is signed because the provider refused the last. */
const RESIGN_AFTER_MS = 30_000;
/** A clock that differs by less is right. */
const TOLERATED_SKEW_MS = 5_000;

interface Current {
  configRevision: number;
  assertion: string;
  reuseUntilMs: number;
  signedAtMs: number;
}

/**
 * What a provider knows a connector by (`Driver.assertion`), signed once for all of its grants and kept in memory only.
 * A provider whose clock differs is followed.
 */
export class AppAssertion {
  readonly #deps: Pick<GrantDeps, "db" | "keys" | "driverOf" | "now">;
  #current: Current | null = null;
  #signing: { configRevision: number; result: Promise<Result<string>> } | null = null;
  #skewMs = 0;

  constructor(deps: Pick<GrantDeps, "db" | "keys" | "driverOf" | "now">) {
    this.#deps = deps;
  }

  /** The current one, or a new one. `unresolved_token` where the connector's driver signs nothing. */
  async get(request: AssertionRequest): Promise<Result<string>> {
    const { configRevision, refused } = request;
    const nowMs = this.#deps.now();
    const current = this.#current;
    if (current?.configRevision === configRevision && nowMs < current.reuseUntilMs) {
      if (current.assertion !== refused?.assertion) return ok(current.assertion);
      const providerNowMs = refused.providerNowMs ?? nowMs;
      const isSkewed = Math.abs(providerNowMs - nowMs - this.#skewMs) > TOLERATED_SKEW_MS;
      if (!isSkewed && nowMs - current.signedAtMs < RESIGN_AFTER_MS) return ok(current.assertion);
      this.#skewMs = isSkewed ? providerNowMs - nowMs : this.#skewMs;
      this.#current = null;
    }
    // One object has one I/O context: whoever asks meanwhile waits for the same signature.
    if (this.#signing?.configRevision === configRevision) return this.#signing.result;
    const result = this.#sign(request).finally(() => {
      this.#signing = null;
    });
    this.#signing = { configRevision, result };
    return result;
  }

  async #sign({ teamId, connectorId }: AssertionRequest): Promise<Result<string>> {
    const { db, keys, driverOf, now } = this.#deps;
    const credentials = await loadCredentials(db, await keys(), teamId, connectorId, { includeDeleted: true });
    if (!credentials.ok) return credentials;
    const { type, configRevision } = credentials.value;
    const sign: Driver["assertion"] = driverOf(type)?.assertion ?? null;
    if (sign === null) return fail("unresolved_token", { reason: "the driver signs nothing" });
    const signedAtMs = now();
    const signed = await sign(credentials.value, signedAtMs + this.#skewMs);
    if (!signed.ok) return signed;
    const assertion = signed.value.assertion.expose();
    // As long as that by the provider's clock is as long by ours.
    const reuseUntilMs = signed.value.reuseUntilMs - this.#skewMs;
    this.#current = { configRevision, assertion, reuseUntilMs, signedAtMs };
    return ok(assertion);
  }
}
