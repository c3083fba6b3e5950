import { failureFrom, ok, type Result } from "../errors.ts";
import { startDeadline } from "../outbound/deadline.ts";
import type { BackgroundAsker } from "./background-queue.ts";
import type { GrantParts } from "./parts.ts";
import { ATTEMPT_TIMEOUT_MS } from "./provider-call.ts";

/** A permit that was got before the call that it is for was prepared. */
export interface BackgroundPermit {
  permit: string;
  /** Of the credentials that the gate was asked about. */
  configRevision: number;
  /** It was given back, with what the provider did. */
  isReported: boolean;
}

/**
 * Work that nobody waits for, once the gate has a permit for it: all that it costs, the reads and writes before the
 * provider is called, too, is bounded by that, and a refusal costs one question. The gate's refusal, otherwise.
 */
export async function withBackgroundPermit(
  { store, deps, defer }: Pick<GrantParts, "store" | "deps" | "defer">,
  asker: BackgroundAsker,
  work: (permit: BackgroundPermit) => Promise<Result<void>>,
): Promise<Result<void>> {
  const grant = store.identity();
  const authorization = store.authorizations.read();
  if (grant === null || authorization === null) return ok(undefined);
  const { configRevision } = authorization;
  const gate = deps.gate(grant.identity.connectorId, grant.region);
  const deadline = startDeadline(ATTEMPT_TIMEOUT_MS);
  let acquired: Awaited<ReturnType<typeof gate.acquire>>;
  try {
    const asked: PromiseLike<typeof acquired> = gate.acquire({ priority: "background", ...asker, configRevision });
    acquired = await deadline.race(Promise.resolve(asked));
  } catch (error) {
    return { ok: false, failure: failureFrom(error) };
  } finally {
    deadline.end();
  }
  if (!acquired.ok) return acquired;
  const permit = { permit: acquired.value.permit, configRevision, isReported: false };
  try {
    return await work(permit);
  } finally {
    if (!permit.isReported) defer(gate.report(permit.permit, { kind: "other" }));
  }
}
