import type { ExternalSubject } from "../catalog/driver.ts";
import { lengthPrefixed } from "../crypto/bytes.ts";
import { sha256Base64url } from "../crypto/digest.ts";
import { type Database, sql } from "../store/database.ts";
import type { AuthorizationState } from "./protocol.ts";

/** What the index knows of the provider's user: equal for equal users of one connector, and readable to nobody. */
export async function externalSubjectHash(
  connectorId: string,
  subject: ExternalSubject | null,
): Promise<string | null> {
  return subject === null ? null : sha256Base64url(lengthPrefixed(connectorId, subject.issuer, subject.subject));
}

/** Write into the index whose a grant is at the provider, and whether tokens can come from it. */
export async function indexAuthorization(
  db: Database,
  name: string,
  { subjectHash, state }: { subjectHash: string | null; state: AuthorizationState },
): Promise<void> {
  await db.run(
    sql("UPDATE grants SET external_subject = ?, authorization_state = ? WHERE name = ?", subjectHash, state, name),
  );
}

/** Whether another active grant of the connector is of the same user at the provider. */
export async function isSubjectShared(
  db: Database,
  connectorId: string,
  subjectHash: string,
  ownName: string,
): Promise<boolean> {
  const other = await db.first(
    sql(
      `SELECT 1 FROM grants WHERE connector_id = ? AND external_subject = ? AND authorization_state = 'active'
         AND name <> ? LIMIT 1`,
      connectorId,
      subjectHash,
      ownName,
    ),
  );
  return other !== null;
}
