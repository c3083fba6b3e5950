// By variable paths: the Worker's types are not those of these scripts.
const path = "../../src/keys/references.ts";
const wayPath = "../../src/keys/under-way.ts";
type Statements = () => { sql: string }[];
const references: { keyReferenceStatements: Statements; eventKeyReferenceStatements: Statements } = await import(path);
const { QUEUE_KEEPS_MS }: { QUEUE_KEEPS_MS: number } = await import(wayPath);

/** Statements that answer, one after the other, the master keys that rows of the control plane need. */
export const REFERENCES_SQL = inOneLine(references.keyReferenceStatements);
/** The same of the event log. */
export const EVENT_REFERENCES_SQL = inOneLine(references.eventKeyReferenceStatements);

/** Answers a row if anything was received in the last 30 days. */
export const RECEIVED_SQL = "SELECT 'received' AS kid FROM events WHERE id = (SELECT max(id) FROM events)";

/** Answers the primary under which re-sealing began before anything that the queue may still hold was sealed. */
export function resealedSql(nowMs: number): string {
  return `SELECT primary_kid AS kid FROM key_reseal WHERE started_at_ms <= ${nowMs - QUEUE_KEEPS_MS}`;
}

function inOneLine(statements: Statements): string {
  return statements()
    .map(({ sql }) => sql.replaceAll(/\s+/g, " ").trim())
    .join("; ");
}
