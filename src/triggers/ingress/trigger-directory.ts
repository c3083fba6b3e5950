import { ApiError } from "../../errors.ts";
import type { Services } from "../../services.ts";
import { withOneLoader } from "../../store/one-loader.ts";
import { markVerified } from "../settings/trigger-store.ts";
import { loadTriggerByIngressId, type TriggerConfig } from "./trigger-config.ts";

/** What was read is used without a question for this long … */
const FRESH_MS = 30_000;
/** … and up to here while it is read anew in the background: how long a disabled trigger may still receive. */
const STALE_MS = 60_000;
/** While the database does not answer, the last known settings go on: providers that never repeat would lose events. */
const STALE_IF_ERROR_MS = 15 * 60_000;
const ABSENT_MS = 5_000;
/** Between two readings that refusals cause. */
const REREAD_INTERVAL_MS = 10_000;
/** After which a renewal counts as lost, and the next request starts another. */
const RENEWAL_RETRY_MS = 5_000;
/** 128 bits in hex. */
const INGRESS_ID = /^[0-9a-f]{32}$/;

type Deps = Pick<Services, "db" | "keys" | "now" | "log" | "triggerMemory"> & {
  defer: (work: Promise<unknown>) => void;
};

/**
 * The receiving side of a connector: from memory, or the database. Straight from there, without a rung in KV: most
 * connectors are called seldom, and would only pay for the miss. Throws `storage_unavailable`.
 */
export async function findTriggerConfig(ingressId: string, deps: Deps): Promise<TriggerConfig | null> {
  const { known, absent, loading } = deps.triggerMemory;
  if (!INGRESS_ID.test(ingressId)) return null;
  const remembered = () => {
    const entry = known.get(ingressId);
    return entry !== undefined && deps.now() < entry.readAtMs + STALE_MS ? entry : null;
  };
  const entry = remembered();
  if (entry !== null) {
    if (deps.now() >= entry.renewAtMs) {
      entry.renewAtMs = deps.now() + RENEWAL_RETRY_MS;
      deps.defer(readTriggerConfig(ingressId, deps));
    }
    return entry.config;
  }
  if (deps.now() < (absent.get(ingressId) ?? 0)) return null;
  try {
    return await withOneLoader(
      loading,
      ingressId,
      () => remembered()?.config ?? null,
      () => readTriggerConfig(ingressId, deps),
    );
  } catch (thrown) {
    const last = known.get(ingressId);
    if (!(thrown instanceof ApiError) || last === undefined) throw thrown;
    if (deps.now() >= last.readAtMs + STALE_IF_ERROR_MS) throw thrown;
    deps.log.warn("ingress.settings_stale", {
      connectorId: last.config.connector.id,
      errorCode: thrown.failure.code,
      ageMs: deps.now() - last.readAtMs,
    });
    return last.config;
  }
}

/** The same as the database has it now. */
export async function readTriggerConfig(ingressId: string, deps: Deps): Promise<TriggerConfig | null> {
  const { known, absent, forgotten } = deps.triggerMemory;
  // The clock is read first: what changes while we read must not count as newer than it is.
  const readAtMs = deps.now();
  const config = await loadTriggerByIngressId(deps.db, deps.keys, ingressId);
  const isCurrent = deps.triggerMemory.forgotten === forgotten;
  if (config === null) {
    known.delete(ingressId);
    if (isCurrent) absent.set(ingressId, readAtMs + ABSENT_MS);
    return null;
  }
  // An older read that took longer must not replace a newer one.
  if (isCurrent && (known.get(ingressId)?.readAtMs ?? 0) <= readAtMs) {
    known.set(ingressId, { config, readAtMs, renewAtMs: readAtMs + FRESH_MS });
  }
  absent.delete(ingressId);
  return config;
}

/**
 * For a request that `refused` does not accept: what the database says, if that is something else. So a rotated secret
 * works at once, and forged requests cost a reading in 10 s. Undefined = nothing new. Throws `storage_unavailable`, also
 * for 10 s after such a reading failed: nobody knows then whether the request is to be refused.
 */
export async function rereadTriggerConfig(
  ingressId: string,
  refused: TriggerConfig,
  deps: Deps,
): Promise<TriggerConfig | null | undefined> {
  const { known, rereads } = deps.triggerMemory;
  const last = rereads.get(ingressId);
  const waitMs = last === undefined ? 0 : last.atMs + REREAD_INTERVAL_MS - deps.now();
  let current: TriggerConfig | null | undefined;
  if (waitMs <= 0) {
    const reread = { atMs: deps.now(), isDone: false };
    rereads.set(ingressId, reread);
    current = await readTriggerConfig(ingressId, deps);
    reread.isDone = true;
  } else if (last?.isDone === true) {
    current = known.get(ingressId)?.config;
  } else {
    throw new ApiError("storage_unavailable", { reason: "settings not read again", retryAfterMs: waitMs });
  }
  return current && versionOf(current) === versionOf(refused) ? undefined : current;
}

function versionOf({ revision, secretsGeneration, pendingVerification }: TriggerConfig): string {
  return `${revision} ${secretsGeneration} ${pendingVerification}`;
}

/** Something was verified by these settings for the first time: from now on unsigned handshakes are refused. */
export function noteVerified(ingressId: string, { connector, revision }: TriggerConfig, deps: Deps): void {
  const entry = deps.triggerMemory.known.get(ingressId);
  if (entry?.config.revision === revision) entry.config = { ...entry.config, pendingVerification: false };
  deps.defer(markVerified(deps.db, { connectorId: connector.id, revision }));
}
