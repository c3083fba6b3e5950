import { type Database, type Statement, sql } from "../store/database.ts";

// Distinct values by walking the index from each to the next: as many steps as there are keys, however many rows.
const distinct = (column: string, table: string) => `WITH RECURSIVE kids (kid) AS (
    SELECT min(${column}) FROM ${table}
    UNION ALL
    SELECT (SELECT min(${column}) FROM ${table} WHERE ${column} > kid) FROM kids WHERE kid IS NOT NULL
  )
  SELECT kid FROM kids WHERE kid IS NOT NULL`;

/** Every column that names the master key which its row cannot be read without. */
const REFERENCES: string[] = [
  distinct("secrets_kid", "connectors"),
  distinct("private_jwk_kid", "issuer_keys"),
  distinct("secret_mac_kid", "access_tokens"),
  distinct("answer_kid", "idempotency_keys"),
];

/** The statements behind `referencedKeyIds`. */
export function keyReferenceStatements(): Statement[] {
  return REFERENCES.map((text) => sql(text));
}

/** Ids of the master keys that stored rows still need. */
export async function referencedKeyIds(db: Database): Promise<Set<string>> {
  const results = await db.batch<{ kid: string }[]>(keyReferenceStatements());
  return new Set(results.flatMap(({ rows }) => rows.map(({ kid }) => kid)));
}
