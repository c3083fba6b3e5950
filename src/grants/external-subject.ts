import type { ExternalSubject } from "../catalog/driver.ts";
import { lengthPrefixed } from "../crypto/bytes.ts";
import { sha256Base64url } from "../crypto/digest.ts";
import { type Database, sql } from "../store/database.ts";
import type { AuthorizationState, GrantIdentity } from "./protocol.ts";

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

/**
 * Whether another active grant of the connector is of the same user at the provider; where that user is unknown,
 * whether one is of the same user of the app, who mostly is the same there, too.
 */
export async function isSubjectShared(
  db: Database,
  { connectorId, subject }: Pick<GrantIdentity, "connectorId" | "subject">,
  subjectHash: string | null,
  ownName: string,
): Promise<boolean> {
  if (subjectHash === null && subject.type !== "user") return false;
  const other = await db.first(
    subjectHash !== null
      ? sql(
          `SELECT 1 FROM grants WHERE connector_id = ? AND external_subject = ? AND authorization_state = 'active'
             AND name <> ? LIMIT 1`,
          connectorId,
          subjectHash,
          ownName,
        )
      : sql(
          `SELECT 1 FROM grants WHERE connector_id = ? AND subject_type = 'user' AND subject_id = ?
             AND subject_issuer IS ? AND authorization_state = 'active' AND name <> ? LIMIT 1`,
          connectorId,
          subject.type === "user" ? subject.id : null,
          subject.type === "user" ? subject.issuer : null,
          ownName,
        ),
  );
  return other !== null;
}
