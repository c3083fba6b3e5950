import * as z from "zod/mini";
import type { Driver } from "../catalog/driver.ts";
import { loadCredentials } from "../connectors/credentials.ts";
import { open, type SealContext, seal } from "../crypto/envelope.ts";
import { Secret } from "../crypto/secret.ts";
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

const facts = z.object({
  configRevision: z.number(),
  reuseUntilMs: z.number(),
  signedAtMs: z.number(),
});
const kept = z.extend(facts, { skewMs: z.number(), sealed: z.string() });

interface Current extends z.output<typeof facts> {
  assertion: string;
}

type Deps = Pick<GrantDeps, "db" | "keys" | "driverOf" | "now" | "randomBytes">;
type Storage = Pick<DurableObjectStorage, "get" | "put">;

const KEPT_AS = "assertion";

/**
 * What a provider knows a connector by (`Driver.assertion`), signed once for all of its grants. It is kept sealed, since
 * an object that nobody asks for a while leaves memory. A provider whose clock differs is followed.
 */
export class AppAssertion {
  readonly #storage: Storage;
  readonly #deps: Deps;
  #current: Current | null = null;
  #signing: { configRevision: number; result: Promise<Result<string>> } | null = null;
  /** By how much the provider's clock is ahead. */
  #skewMs = 0;
  /** What was kept has been read. */
  #isAwake = false;

  constructor(storage: Storage, deps: Deps) {
    this.#storage = storage;
    this.#deps = deps;
  }

  /** The current one, or a new one. `unresolved_token` where the connector's driver signs nothing. */
  async get(request: AssertionRequest): Promise<Result<string>> {
    const { configRevision, refused } = request;
    if (!this.#isAwake) await this.#wake(request);
    const nowMs = this.#deps.now();
    const current = this.#current;
    if (current?.configRevision === configRevision && nowMs < current.reuseUntilMs) {
      if (current.assertion !== refused?.assertion) return ok(current.assertion);
      const providerNowMs = refused.providerNowMs ?? nowMs;
      const isSkewed = Math.abs(providerNowMs - nowMs - this.#skewMs) > TOLERATED_SKEW_MS;
      if (!isSkewed && nowMs - current.signedAtMs < RESIGN_AFTER_MS) return ok(current.assertion);
      if (isSkewed) this.#skewMs = providerNowMs - nowMs;
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

  /** Anything else than what this code has kept under a key that is still there is as good as nothing. */
  async #wake({ teamId, connectorId }: AssertionRequest): Promise<void> {
    const stored = kept.safeParse(await this.#storage.get(KEPT_AS));
    if (stored.success) {
      const { sealed, skewMs, ...known } = stored.data;
      const opened = await open(await this.#deps.keys(), placeOf(teamId, connectorId, known), sealed);
      // Somebody else may have been quicker.
      if (opened.ok && !this.#isAwake) {
        this.#current = { ...known, assertion: opened.value.expose() };
        this.#skewMs = skewMs;
      }
    }
    this.#isAwake = true;
  }

  async #keep({ teamId, connectorId }: AssertionRequest, { assertion, ...known }: Current): Promise<void> {
    const { keys, randomBytes } = this.#deps;
    const sealed = await seal(await keys(), placeOf(teamId, connectorId, known), Secret.of(assertion), randomBytes);
    await this.#storage.put(KEPT_AS, { ...known, skewMs: this.#skewMs, sealed });
  }

  async #sign(request: AssertionRequest): Promise<Result<string>> {
    const { teamId, connectorId } = request;
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
    await this.#keep(request, this.#current);
    return ok(assertion);
  }
}

function placeOf(team: string, rowId: string, { signedAtMs }: { signedAtMs: number }): SealContext {
  return { team, table: "connector_gates", column: "assertion", rowId, generation: signedAtMs };
}
