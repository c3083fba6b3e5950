import { importRsaKey } from "../../../crypto/rsa-signature.ts";
import { parseCertificate } from "../../../crypto/x509.ts";
import type { GuardedFetch } from "../../../outbound/guarded-fetch.ts";
import { LruMap } from "../../../store/lru.ts";
import type { RecipeDeps } from "../checked-recipe.ts";

export type SnsHash = "SHA-1" | "SHA-256";

interface Memory {
  /** By address and hash. */
  keys: LruMap<string, { key: CryptoKey; notBeforeMs: number; notAfterMs: number }>;
  /** Until when an address that gave no certificate is not asked again. */
  failedUntilMs: LruMap<string, number>;
  /** When the last fetches were started, at most `MAX_FETCHES`. */
  fetchesAtMs: number[];
}

const FETCH_TIMEOUT_MS = 5_000;
const MAX_BYTES = 16 * 1024;
export const FAILED_FOR_MS = 30_000;
/** In one minute and isolate. AWS changes its certificate about once a year; who names more addresses is guessing. */
export const MAX_FETCHES = 5;
const FETCHES_WITHIN_MS = 60_000;

const memories = new WeakMap<GuardedFetch, Memory>();

/** The key of the certificate at an address that has been checked; null when it cannot be had, or is not valid now. */
export async function snsKey(certificateUrl: string, hash: SnsHash, deps: RecipeDeps): Promise<CryptoKey | null> {
  const memory = memoryOf(deps.fetch);
  const name = `${hash} ${certificateUrl}`;
  const nowMs = deps.now();
  const known = memory.keys.get(name) ?? (await fetchKey(certificateUrl, hash, memory, deps));
  if (known === null) return null;
  memory.keys.set(name, known);
  return nowMs >= known.notBeforeMs && nowMs <= known.notAfterMs ? known.key : null;
}

async function fetchKey(certificateUrl: string, hash: SnsHash, memory: Memory, deps: RecipeDeps) {
  const nowMs = deps.now();
  if (nowMs < (memory.failedUntilMs.get(certificateUrl) ?? 0)) return null;
  memory.fetchesAtMs = memory.fetchesAtMs.filter((startedAtMs) => nowMs - startedAtMs < FETCHES_WITHIN_MS);
  if (memory.fetchesAtMs.length >= MAX_FETCHES) return null;
  memory.fetchesAtMs.push(nowMs);

  const response = await deps.fetch({ url: certificateUrl, timeoutMs: FETCH_TIMEOUT_MS, maxBytes: MAX_BYTES });
  const pem = response.ok && response.value.status === 200 ? new TextDecoder().decode(response.value.body) : "";
  const certificate = parseCertificate(pem);
  const key = certificate === null ? null : await importRsaKey(certificate.spki, hash);
  if (certificate !== null && key !== null) return { ...certificate, key };
  memory.failedUntilMs.set(certificateUrl, nowMs + FAILED_FOR_MS);
  return null;
}

function memoryOf(fetch: GuardedFetch): Memory {
  const memory = memories.get(fetch) ?? { keys: new LruMap(16), failedUntilMs: new LruMap(16), fetchesAtMs: [] };
  memories.set(fetch, memory);
  return memory;
}
