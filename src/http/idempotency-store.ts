import * as z from "zod/mini";
import { kidOf, open, type SealContext, seal } from "../crypto/envelope.ts";
import { Secret } from "../crypto/secret.ts";
import { unwrap } from "../errors.ts";
import type { Services } from "../services.ts";
import { sql } from "../store/database.ts";

/** How long an answer is kept for repeats. */
export const KEPT_MS = 24 * 3_600_000;
/** A request that has not answered by then died with its invocation, and its key is free again. */
export const CLAIM_MS = 60_000;

type StoreServices = Pick<Services, "db" | "keys" | "randomBytes">;

const KeptAnswer = z.object({
  /** Of the body that was answered. */
  fingerprint: z.string(),
  status: z.literal(201),
  body: z.unknown(),
  headers: z.record(z.string(), z.string()),
});
export type KeptAnswer = z.output<typeof KeptAnswer>;

export interface KeptRow {
  claimedAtMs: number;
  /** Null while the request that claimed the key is under way. */
  answerSealed: string | null;
}

/** Claims a key at `nowMs`; false when somebody holds it, or its answer is still kept. */
export async function claimKey({ db }: Pick<Services, "db">, id: string, nowMs: number): Promise<boolean> {
  const changes = await db.run(
    sql(
      `INSERT INTO idempotency_keys (id, claimed_at_ms, expires_at_ms) VALUES (?1, ?2, ?3)
       ON CONFLICT (id) DO UPDATE SET claimed_at_ms = excluded.claimed_at_ms, expires_at_ms = excluded.expires_at_ms,
         answer_sealed = NULL, answer_kid = NULL
       WHERE idempotency_keys.expires_at_ms <= ?2`,
      id,
      nowMs,
      nowMs + CLAIM_MS,
    ),
  );
  return changes === 1;
}

export async function findKey({ db }: Pick<Services, "db">, id: string): Promise<KeptRow | null> {
  return db.first<KeptRow>(
    sql("SELECT claimed_at_ms AS claimedAtMs, answer_sealed AS answerSealed FROM idempotency_keys WHERE id = ?", id),
  );
}

/** Keeps the answer of the request that claimed the key at `claimedAtMs`, sealed: it may show a secret once. */
export async function keepAnswer(
  services: StoreServices,
  teamId: string,
  claim: { id: string; claimedAtMs: number },
  answer: KeptAnswer,
): Promise<void> {
  const { db, keys, randomBytes } = services;
  const sealed = await seal(keys, answerContext(teamId, claim), Secret.of(JSON.stringify(answer)), randomBytes);
  await db.run(
    sql(
      `UPDATE idempotency_keys SET answer_sealed = ?, answer_kid = ?, expires_at_ms = ?
       WHERE id = ? AND claimed_at_ms = ? AND answer_sealed IS NULL`,
      sealed,
      kidOf(sealed),
      claim.claimedAtMs + KEPT_MS,
      claim.id,
      claim.claimedAtMs,
    ),
  );
}

/** Gives a key back whose request failed. */
export async function releaseKey(
  { db }: Pick<Services, "db">,
  claim: { id: string; claimedAtMs: number },
): Promise<void> {
  await db.run(
    sql(
      "DELETE FROM idempotency_keys WHERE id = ? AND claimed_at_ms = ? AND answer_sealed IS NULL",
      claim.id,
      claim.claimedAtMs,
    ),
  );
}

/** The kept answer. `key_missing` or `decryption_failed` are thrown. */
export async function openAnswer(
  { keys }: Pick<Services, "keys">,
  teamId: string,
  claim: { id: string; claimedAtMs: number },
  sealed: string,
): Promise<KeptAnswer> {
  const opened = unwrap(await open(keys, answerContext(teamId, claim), sealed));
  return KeptAnswer.parse(JSON.parse(opened.expose()));
}

/** Deletes what is kept no longer. */
export async function purgeKeys(db: Services["db"], nowMs: number): Promise<void> {
  await db.run(sql("DELETE FROM idempotency_keys WHERE expires_at_ms <= ?", nowMs));
}

/**
 * Where a kept answer lies. The time of the claim numbers the uses of one key: an answer of an earlier use does not open
 * as a later one's.
 */
export function answerContext(team: string, { id, claimedAtMs }: { id: string; claimedAtMs: number }): SealContext {
  return { team, table: "idempotency_keys", column: "answer", rowId: id, generation: claimedAtMs };
}
