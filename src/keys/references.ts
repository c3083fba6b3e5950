import { type Database, type Statement, sql } from "../store/database.ts";

/** What names a master key: rows whose column holds its id, by the name that the status gives them. */
const REFERENCES = {
  connectors: counted("connectors", "secrets_kid"),
  issuerKeys: counted("issuer_keys", "private_jwk_kid"),
  issuerLogins: counted("issuers", "login_secret_kid"),
  authorizationRequests: counted("authorization_requests", "secrets_kid"),
  accessTokens: counted("access_tokens", "secret_mac_kid"),
  idempotencyKeys: counted("idempotency_keys", "answer_kid"),
  grants: counted("grant_keys", "kid"),
};

export type Referrer = keyof typeof REFERENCES;
export const REFERRERS: readonly Referrer[] = [
  "connectors",
  "issuerKeys",
  "issuerLogins",
  "authorizationRequests",
  "accessTokens",
  "idempotencyKeys",
  "grants",
];

/** The kid under which the index lists Grants that alone know what they need. */
export const UNKNOWN_KID = "";

/** How many rows of each kind need a master key. */
export type ReferenceCounts = Record<Referrer, number>;

// Distinct values by walking the index from each to the next: as many steps as there are keys, however many rows. Names
// are qualified because a table may have a column of the same name, which would win and make the walk endless.
function distinct(table: string, column: string): string {
  return `WITH RECURSIVE kids (kid) AS (
    SELECT min(${column}) FROM ${table}
    UNION ALL
    SELECT (SELECT min(t.${column}) FROM ${table} AS t WHERE t.${column} > kids.kid) FROM kids WHERE kids.kid IS NOT NULL
  )`;
}

function counted(table: string, column: string) {
  return {
    distinct: `${distinct(table, column)} SELECT kids.kid FROM kids WHERE kids.kid IS NOT NULL`,
    counts: `${distinct(table, column)}
      SELECT kids.kid, (SELECT count(*) FROM ${table} AS t WHERE t.${column} = kids.kid) AS count
      FROM kids WHERE kids.kid IS NOT NULL`,
  };
}

/** The statements behind `referencedKeyIds`. */
export function keyReferenceStatements(): Statement[] {
  return REFERRERS.map((referrer) => sql(REFERENCES[referrer].distinct));
}

/** Ids of the master keys that stored rows still need. */
export async function referencedKeyIds(db: Database): Promise<Set<string>> {
  const results = await db.batch<{ kid: string }[]>(keyReferenceStatements());
  return new Set(results.flatMap(({ rows }) => rows.map(({ kid }) => kid)).filter((kid) => kid !== UNKNOWN_KID));
}

/** By master key, how many rows need it; counts indexes, so it takes as long as there are rows. */
export async function countReferences(db: Database): Promise<Map<string, ReferenceCounts>> {
  const statements = REFERRERS.map((referrer) => sql(REFERENCES[referrer].counts));
  const results = await db.batch<{ kid: string; count: number }[]>(statements);
  const counts = new Map<string, ReferenceCounts>();
  for (const [index, referrer] of REFERRERS.entries()) {
    for (const { kid, count } of results[index]?.rows ?? []) {
      counts.set(kid, { ...(counts.get(kid) ?? noReferences()), [referrer]: count });
    }
  }
  return counts;
}

export function noReferences(): ReferenceCounts {
  return {
    connectors: 0,
    issuerKeys: 0,
    issuerLogins: 0,
    authorizationRequests: 0,
    accessTokens: 0,
    idempotencyKeys: 0,
    grants: 0,
  };
}
