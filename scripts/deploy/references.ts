// By a variable path: the Worker's types are not those of these scripts.
const path = "../../src/keys/references.ts";
const { keyReferenceStatements }: { keyReferenceStatements: () => { sql: string }[] } = await import(path);

/** Statements that answer, one after the other, the master keys that rows of the control plane need. */
export const REFERENCES_SQL = keyReferenceStatements()
  .map(({ sql }) => sql.replaceAll(/\s+/g, " ").trim())
  .join("; ");
