import { type Database, type Statement, sql } from "../store/database.ts";

/** Records that a Grant is going to need this master key; belongs in one batch with its index row, or after it. */
export function needKey(grantName: string, kid: string): Statement {
  return sql(
    "INSERT INTO grant_keys (grant_name, kid) SELECT name, ?2 FROM grants WHERE name = ?1 ON CONFLICT DO NOTHING",
    grantName,
    kid,
  );
}

/** Records that a Grant needs no other master key than this one any more. Only the Grant itself knows that. */
export async function needOnlyKey(db: Database, grantName: string, kid: string): Promise<void> {
  await db.run(sql("DELETE FROM grant_keys WHERE grant_name = ? AND kid <> ?", grantName, kid));
}

export interface WaitingGrant {
  kid: string;
  /** The Grant's name. */
  id: string;
  region: string | null;
}

// Two ranges of the index, one on each side of the primary: what needs only that is never read.
const WAITING = `
  SELECT kid, grant_name FROM grant_keys WHERE kid < ?1 AND (kid, grant_name) > (?2, ?3)
  UNION ALL
  SELECT kid, grant_name FROM grant_keys WHERE kid > ?1 AND (kid, grant_name) > (?2, ?3)
  ORDER BY 1, 2 LIMIT ?4`;

/** At most `limit` Grants that need another key than the primary, after (key, name), in that order. */
export async function waitingGrants(
  db: Database,
  { primaryKid, afterKid, afterId }: { primaryKid: string; afterKid: string; afterId: string },
  limit: number,
): Promise<WaitingGrant[]> {
  return db.all<WaitingGrant>(
    sql(
      `SELECT w.kid, w.grant_name AS id, c.region FROM (${WAITING}) AS w
         JOIN grants AS g ON g.name = w.grant_name JOIN connectors AS c ON c.id = g.connector_id
       ORDER BY w.kid, w.grant_name`,
      primaryKid,
      afterKid,
      afterId,
      limit,
    ),
  );
}
