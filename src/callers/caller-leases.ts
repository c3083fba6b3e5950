import * as z from "zod/mini";
import { lengthPrefixed } from "../crypto/bytes.ts";
import { open, seal } from "../crypto/envelope.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import { mac } from "../crypto/mac.ts";
import { Secret } from "../crypto/secret.ts";
import { ApiError, ok, type Result } from "../errors.ts";
import { KV_TTL_SECONDS, type LeaseStore } from "../store/lease-store.ts";
import type { LruMap } from "../store/lru.ts";
import { type Loading, withOneLoader } from "../store/one-loader.ts";
import type { LeasedEntry } from "./caller-caches.ts";

/** How long what was read of a caller holds; deleting a rule, an issuer or an access token takes this long to bite. */
export const CALLER_LEASE_MS = 60_000;
/** A renewal that got lost is tried again after this time. */
const RENEWAL_RETRY_MS = 5_000;

export interface LeaseDeps {
  now: () => number;
  randomBytes: (length: number) => Uint8Array<ArrayBuffer>;
  keys: KeyRing;
  leases: LeaseStore;
  loading: Loading;
  defer: (work: Promise<unknown>) => void;
  /** Asked before anything beyond memory is read; a failure is the answer then. */
  mayLookUp?: () => Result<null>;
}

/** One kind of thing that is looked up in memory, then KV, then the database. */
export interface LeaseSource<T> {
  memory: LruMap<string, LeasedEntry<T>>;
  memoryKey: string;
  /** What it is, unambiguously; the KV key is a MAC over it, so that a key listing tells nothing. */
  name: string[];
  schema: z.ZodMiniType<T>;
  /** The authority. Null = there is none, which is never remembered anywhere. */
  read: () => Promise<T | null>;
}

export interface Leased<T> {
  value: T;
  /** Until when a conclusion drawn from it may be kept without asking here again. */
  holdUntilMs: number;
  /** Read from the database for this very question. */
  current: boolean;
}

/**
 * The value from the first rung that holds an unexpired lease on it: memory, KV, database. `current` skips to the
 * database. Null when there is none; `storage_unavailable` when only the database could tell and does not answer.
 */
export async function lookUp<T>(
  source: LeaseSource<T>,
  deps: LeaseDeps,
  options: { current: boolean } = { current: false },
): Promise<Result<Leased<T> | null>> {
  const remembered = options.current ? null : recall(source, deps);
  if (remembered !== null) return remembered;
  const allowed = deps.mayLookUp?.() ?? ok(null);
  if (!allowed.ok) return allowed;
  if (options.current) return askAuthority(source, deps);
  // A cold isolate may see a thousand requests of one workload at once; the stores should see one.
  return withOneLoader(
    deps.loading,
    source.name.join(" "),
    () => recall(source, deps),
    async () => {
      const leased = await readKv(source, deps);
      return leased === null ? askAuthority(source, deps) : ok(remember(source, leased, deps, false));
    },
  );
}

function recall<T>(source: LeaseSource<T>, deps: LeaseDeps): Result<Leased<T>> | null {
  const remembered = source.memory.get(source.memoryKey);
  if (remembered === undefined || deps.now() >= remembered.leaseUntilMs) return null;
  // Held conclusions end when a renewal is due: who comes back after that is the one to start it.
  const holdUntilMs = Math.min(remembered.renewAtMs, remembered.leaseUntilMs);
  if (deps.now() >= remembered.renewAtMs) renew(source, remembered, deps);
  return ok({ value: remembered.value, holdUntilMs, current: false });
}

async function askAuthority<T>(source: LeaseSource<T>, deps: LeaseDeps): Promise<Result<Leased<T> | null>> {
  try {
    const leased = await readAuthority(source, deps);
    return ok(leased === null ? null : remember(source, leased, deps, true));
  } catch (error) {
    if (error instanceof ApiError) return { ok: false, failure: error.failure };
    throw error;
  }
}

interface Lease<T> {
  value: T;
  leaseFromMs: number;
  leaseUntilMs: number;
}

function remember<T>(source: LeaseSource<T>, lease: Lease<T>, deps: LeaseDeps, current: boolean): Leased<T> {
  // Isolates that started together must not renew together.
  const jitter = (deps.randomBytes(1)[0] ?? 0) / 255;
  const renewAtMs = lease.leaseFromMs + Math.floor((lease.leaseUntilMs - lease.leaseFromMs) * (0.8 - 0.2 * jitter));
  const known = source.memory.get(source.memoryKey);
  // An older read that took longer must not replace a newer one.
  if (known === undefined || known.leaseFromMs <= lease.leaseFromMs) {
    source.memory.set(source.memoryKey, { ...lease, renewAtMs });
  }
  return { value: lease.value, holdUntilMs: renewAtMs, current };
}

/** One request asks the database again, after its own answer; the others go on with what they have. */
function renew<T>(source: LeaseSource<T>, entry: LeasedEntry<T>, deps: LeaseDeps): void {
  entry.renewAtMs = deps.now() + RENEWAL_RETRY_MS;
  deps.defer(askAuthority(source, deps));
}

async function readAuthority<T>(source: LeaseSource<T>, deps: LeaseDeps): Promise<Lease<T> | null> {
  // The clock is read first: a change that commits while we read must not get a lease that began after it.
  const leaseFromMs = deps.now();
  const value = await source.read();
  if (value === null) {
    source.memory.delete(source.memoryKey);
    return null;
  }
  const lease = { value, leaseFromMs, leaseUntilMs: leaseFromMs + CALLER_LEASE_MS };
  if (worthWriting(source, lease)) deps.defer(writeKv(source, lease, deps));
  return lease;
}

/** KV takes one write a second per key: what it already holds, unchanged and for a while yet, is not written again. */
function worthWriting<T>({ memory, memoryKey }: LeaseSource<T>, lease: Lease<T>): boolean {
  const known = memory.get(memoryKey);
  if (known === undefined || lease.leaseFromMs - known.leaseFromMs > CALLER_LEASE_MS / 2) return true;
  return JSON.stringify(known.value) !== JSON.stringify(lease.value);
}

async function readKv<T>(source: LeaseSource<T>, deps: LeaseDeps): Promise<Lease<T> | null> {
  const key = await kvKey(source.name, deps.keys);
  const [sealed] = await deps.leases.get([key]);
  if (sealed === undefined || sealed === null) return null;
  const opened = await open(deps.keys, sealContext(key), sealed);
  if (!opened.ok) return null;
  const lease = leaseOf(source.schema, opened.value);
  const nowMs = deps.now();
  // A lease from the future is another machine's wrong clock; it may not last longer than ours would.
  return lease !== null && nowMs < lease.leaseUntilMs && lease.leaseUntilMs <= nowMs + CALLER_LEASE_MS ? lease : null;
}

function leaseOf<T>(schema: z.ZodMiniType<T>, opened: Secret): Lease<T> | null {
  const leaseSchema = z.object({ value: schema, leaseFromMs: z.number(), leaseUntilMs: z.number() });
  try {
    const parsed = leaseSchema.safeParse(JSON.parse(opened.expose()));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

async function writeKv<T>(source: LeaseSource<T>, lease: Lease<T>, deps: LeaseDeps): Promise<void> {
  const key = await kvKey(source.name, deps.keys);
  const sealed = await seal(deps.keys, sealContext(key), Secret.of(JSON.stringify(lease)), deps.randomBytes);
  await deps.leases.put(key, sealed, KV_TTL_SECONDS);
}

async function kvKey(name: string[], keys: KeyRing): Promise<string> {
  const made = await mac(keys, "cache", lengthPrefixed("caller", ...name));
  if (made === null) throw new ApiError("key_missing", { reason: "the ring lacks its primary key" });
  return `c1:${made.mac}`;
}

/** KV is read before the team is known; a deployment has one team and one namespace, so a constant stands for it. */
function sealContext(key: string) {
  return { team: "kv", table: "kv", column: "caller", rowId: key, generation: 0 };
}
