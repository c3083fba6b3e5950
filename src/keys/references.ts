import type { Services } from "../services.ts";
import { type Database, type Statement, sql } from "../store/database.ts";

/** What names a master key: rows whose column holds its id, by the name that the status gives them. */
const REFERENCES = {
  connectors: counted("connectors", "secrets_kid"),
  issuerKeys: counted("issuer_keys", "private_jwk_kid"),
  issuerLogins: counted("issuers", "login_secret_kid"),
  authorizationRequests: counted("authorization_requests", "secrets_kid"),
  installationRequests: counted("installation_requests", "secrets_kid"),
  accessTokens: counted("access_tokens", "secret_mac_kid"),
  idempotencyKeys: counted("idempotency_keys", "answer_kid"),
  grants: counted("grant_keys", "kid"),
  triggers: counted("triggers", "secrets_kid"),
  destinations: counted("destinations", "secrets_kid"),
};

/** In the event log: payloads, which are not re-sealed, because they expire. */
const EVENT_REFERENCES = {
  events: counted("events", "body_kid"),
  deadLetters: counted("dead_letters", "body_kid"),
};

type ControlPlaneReferrer = keyof typeof REFERENCES;
type EventReferrer = keyof typeof EVENT_REFERENCES;
export type Referrer = ControlPlaneReferrer | EventReferrer;
const CONTROL_PLANE: readonly ControlPlaneReferrer[] = [
  "connectors",
  "issuerKeys",
  "issuerLogins",
  "authorizationRequests",
  "installationRequests",
  "accessTokens",
  "idempotencyKeys",
  "grants",
  "triggers",
  "destinations",
];
const EVENT_LOG: readonly EventReferrer[] = ["events", "deadLetters"];
export const REFERRERS: readonly Referrer[] = [...CONTROL_PLANE, ...EVENT_LOG];

/** The kid of what needs one that nobody knows: Grants that alone know it, and dead letters that nobody could read. */
export const UNKNOWN_KID = "";

/** How many rows of each kind need a master key. */
export type ReferenceCounts = Record<Referrer, number>;

// Distinct values by walking the index from each to the next: as many steps as there are keys, however many rows. Names
// are qualified because a table may have a column of the same name, which would win and make the walk endless.
function distinct(table: string, column: string): string {
  return `WITH RECURSIVE kids (kid) AS (
    SELECT min(${column}) FROM ${table} WHERE ${column} IS NOT NULL
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

/** The statements behind `referencedKeyIds` for the control plane. */
export function keyReferenceStatements(): Statement[] {
  return CONTROL_PLANE.map((referrer) => sql(REFERENCES[referrer].distinct));
}

/** The same for the event log. */
export function eventKeyReferenceStatements(): Statement[] {
  return EVENT_LOG.map((referrer) => sql(EVENT_REFERENCES[referrer].distinct));
}

/** Ids of the master keys that stored rows still need. */
export async function referencedKeyIds({ db, events }: Pick<Services, "db" | "events">): Promise<Set<string>> {
  const results = [
    ...(await db.batch<{ kid: string }[]>(keyReferenceStatements())),
    ...(await events.batch<{ kid: string }[]>(eventKeyReferenceStatements())),
  ];
  return new Set(results.flatMap(({ rows }) => rows.map(({ kid }) => kid)).filter((kid) => kid !== UNKNOWN_KID));
}

interface Count {
  kid: string;
  count: number;
}

/**
 * By master key, how many rows of the control plane need it, of those that can be re-sealed; counts indexes, so it takes
 * as long as there are rows.
 */
export async function countReferences(db: Database): Promise<Map<string, ReferenceCounts>> {
  const counts = new Map<string, ReferenceCounts>();
  const results = await db.batch<Count[]>(CONTROL_PLANE.map((referrer) => sql(REFERENCES[referrer].counts)));
  add(counts, CONTROL_PLANE, results);
  return counts;
}

/** The same with the payloads of the event log. */
export async function countAllReferences({
  db,
  events,
}: Pick<Services, "db" | "events">): Promise<Map<string, ReferenceCounts>> {
  const counts = await countReferences(db);
  add(counts, EVENT_LOG, await events.batch<Count[]>(EVENT_LOG.map((each) => sql(EVENT_REFERENCES[each].counts))));
  return counts;
}

function add(
  counts: Map<string, ReferenceCounts>,
  referrers: readonly Referrer[],
  results: readonly { rows: Count[] }[],
): void {
  for (const [index, referrer] of referrers.entries()) {
    for (const { kid, count } of results[index]?.rows ?? []) {
      counts.set(kid, { ...(counts.get(kid) ?? noReferences()), [referrer]: count });
    }
  }
}

export function noReferences(): ReferenceCounts {
  return {
    connectors: 0,
    issuerKeys: 0,
    issuerLogins: 0,
    authorizationRequests: 0,
    installationRequests: 0,
    accessTokens: 0,
    idempotencyKeys: 0,
    grants: 0,
    triggers: 0,
    destinations: 0,
    events: 0,
    deadLetters: 0,
  };
}
