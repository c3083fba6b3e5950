// By a variable path: the Worker's types are not those of these scripts.
const path = "../../src/keys/references.ts";
type Statements = () => { sql: string }[];
const references: { keyReferenceStatements: Statements; eventKeyReferenceStatements: Statements } = await import(path);

/** Statements that answer, one after the other, the master keys that rows of the control plane need. */
export const REFERENCES_SQL = inOneLine(references.keyReferenceStatements);
/** The same of the event log. */
export const EVENT_REFERENCES_SQL = inOneLine(references.eventKeyReferenceStatements);

function inOneLine(statements: Statements): string {
  return statements()
    .map(({ sql }) => sql.replaceAll(/\s+/g, " ").trim())
    .join("; ");
}
