import { type Database, sql } from "../store/database.ts";
import type { KeyTimes } from "./key-schedule.ts";

/** One signing key of our own issuer as it is stored. */
export interface StoredKey extends KeyTimes {
  alg: string;
  /** JSON. */
  publicJwk: string;
  privateJwkSealed: string;
  /** The master key that the envelope needs. */
  privateJwkKid: string;
  createdAtMs: number;
}

interface Row {
  kid: string;
  alg: string;
  public_jwk: string;
  private_jwk_sealed: string;
  private_jwk_kid: string;
  created_at_ms: number;
  not_before_ms: number;
  retired_at_ms: number | null;
}

/** Writes the first key; does nothing when another isolate has been faster. */
export async function insertFirstKey(db: Database, key: StoredKey): Promise<void> {
  await db.run(
    sql(
      `INSERT INTO issuer_keys
         (kid, alg, public_jwk, private_jwk_sealed, private_jwk_kid, created_at_ms, not_before_ms)
       SELECT ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM issuer_keys)`,
      ...columnsOf(key),
    ),
  );
}

/**
 * Writes a key that begins later, and lets the present ones end when it does. Returns false, and changes nothing, while
 * another key is still to begin.
 */
export async function insertNextKey(db: Database, key: StoredKey, nowMs: number): Promise<boolean> {
  const [inserted] = await db.batch([
    sql(
      `INSERT INTO issuer_keys
         (kid, alg, public_jwk, private_jwk_sealed, private_jwk_kid, created_at_ms, not_before_ms)
       SELECT ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM issuer_keys WHERE not_before_ms > ?)`,
      ...columnsOf(key),
      nowMs,
    ),
    sql(
      `UPDATE issuer_keys SET retired_at_ms = ?1
       WHERE retired_at_ms IS NULL AND kid <> ?2 AND EXISTS (SELECT 1 FROM issuer_keys WHERE kid = ?2)`,
      key.notBeforeMs,
      key.kid,
    ),
  ]);
  return inserted?.changes === 1;
}

/**
 * Deletes a key for good, in one transaction with what follows from it: if nothing that is left may sign, the key that
 * was to begin later begins now; if the successor is gone, the key that it was to replace stays. Returns false, and
 * changes nothing, when no signer would be left.
 */
export async function deleteKey(db: Database, kid: string, nowMs: number): Promise<boolean> {
  const [deleted] = await db.batch([
    sql(
      `DELETE FROM issuer_keys WHERE kid = ?1 AND EXISTS
         (SELECT 1 FROM issuer_keys WHERE kid <> ?1 AND (retired_at_ms IS NULL OR retired_at_ms > ?2))`,
      kid,
      nowMs,
    ),
    sql(
      `UPDATE issuer_keys SET not_before_ms = ?1 WHERE not_before_ms > ?1 AND NOT EXISTS
         (SELECT 1 FROM issuer_keys
          WHERE not_before_ms <= ?1 AND (retired_at_ms IS NULL OR retired_at_ms > ?1))`,
      nowMs,
    ),
    sql(
      `UPDATE issuer_keys SET retired_at_ms = NULL WHERE retired_at_ms > ?1 AND NOT EXISTS
         (SELECT 1 FROM issuer_keys WHERE not_before_ms > ?1)`,
      nowMs,
    ),
  ]);
  return deleted?.changes === 1;
}

/** Deletes the keys that retired at or before that time. */
export async function purgeIssuerKeys(db: Database, retiredBeforeMs: number): Promise<void> {
  await db.run(sql("DELETE FROM issuer_keys WHERE retired_at_ms <= ?", retiredBeforeMs));
}

/** All keys, the latest to begin first. There is a handful: the next one cannot be made before the last has begun. */
export async function listKeys(db: Database): Promise<StoredKey[]> {
  const rows = await db.all<Row>(
    sql(
      `SELECT kid, alg, public_jwk, private_jwk_sealed, private_jwk_kid, created_at_ms, not_before_ms, retired_at_ms
       FROM issuer_keys LIMIT 100`,
    ),
  );
  return rows.map(keyOf).sort((a, b) => b.notBeforeMs - a.notBeforeMs || (a.kid < b.kid ? 1 : -1));
}

function columnsOf(key: StoredKey): (string | number)[] {
  const { kid, alg, publicJwk, privateJwkSealed, privateJwkKid, createdAtMs, notBeforeMs } = key;
  return [kid, alg, publicJwk, privateJwkSealed, privateJwkKid, createdAtMs, notBeforeMs];
}

function keyOf(row: Row): StoredKey {
  return {
    kid: row.kid,
    alg: row.alg,
    publicJwk: row.public_jwk,
    privateJwkSealed: row.private_jwk_sealed,
    privateJwkKid: row.private_jwk_kid,
    createdAtMs: row.created_at_ms,
    notBeforeMs: row.not_before_ms,
    retiredAtMs: row.retired_at_ms,
  };
}
