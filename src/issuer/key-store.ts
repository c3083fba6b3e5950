import { type Database, sql } from "../store/database.ts";

/** One signing key of our own issuer as it is stored. */
export interface StoredKey {
  kid: string;
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
}

/** Writes the first key; does nothing when another isolate has been faster. */
export async function insertFirstKey(db: Database, key: StoredKey): Promise<void> {
  await db.run(
    sql(
      `INSERT INTO issuer_keys (kid, alg, public_jwk, private_jwk_sealed, private_jwk_kid, created_at_ms)
       SELECT ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM issuer_keys)`,
      key.kid,
      key.alg,
      key.publicJwk,
      key.privateJwkSealed,
      key.privateJwkKid,
      key.createdAtMs,
    ),
  );
}

/** All keys, the one to sign with first. */
export async function listKeys(db: Database): Promise<StoredKey[]> {
  const rows = await db.all<Row>(
    sql(
      `SELECT kid, alg, public_jwk, private_jwk_sealed, private_jwk_kid, created_at_ms FROM issuer_keys
       ORDER BY created_at_ms DESC, kid DESC LIMIT 20`,
    ),
  );
  return rows.map((row) => ({
    kid: row.kid,
    alg: row.alg,
    publicJwk: row.public_jwk,
    privateJwkSealed: row.private_jwk_sealed,
    privateJwkKid: row.private_jwk_kid,
    createdAtMs: row.created_at_ms,
  }));
}
