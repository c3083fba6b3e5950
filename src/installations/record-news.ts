import type { InstallationNews } from "../catalog/installations.ts";
import { ApiError } from "../errors.ts";
import type { GrantDirectory } from "../grants/directory.ts";
import { grantNamesOfSubject } from "../grants/index-row.ts";
import type { Services } from "../services.ts";
import { type Statement, sql, UniqueViolation } from "../store/database.ts";
import { newId } from "../store/ids.ts";
import { advanceRevocationClock } from "../store/revocation-clock.ts";
import { tellGrants } from "../tokens/tell-grants.ts";
import type { Installation, InstallationState } from "./installation.ts";
import { INSTALLATION_COLUMNS, type InstallationRow, installationOfRow } from "./installation-store.ts";

export interface NewsServices extends Pick<Services, "db" | "now" | "randomBytes" | "log"> {
  /** Null = nobody is told: whoever holds tokens finds out by the revocation value. */
  grants: GrantDirectory | null;
}

/** The connector, by whose configuration the provider was asked; of an event nobody knows. */
interface NewsOf {
  connectorId: string;
  region: string | null;
  configRevision?: number | null;
}

const EVERYBODY = { subject: null, namespace: "any", partitions: null } as const;
/** Grants told at once. */
const GRANTS_AT_ONCE = 25;

/**
 * Keeps what the provider has told of an installation: one record for each tenant, which a re-install keeps. Older news is
 * ignored, and so is the end of what is not known. Where it was removed or suspended, or is another one by now, all
 * tokens from before are dead, and its Grants are told. `isOwn` = it came of a flow or an operator: it is the connector's
 * default where there is none, and may answer those who name none. `isSeen` = the provider has just said so itself: a
 * removal that is dated alike was none. A new record is of the connector with the configuration (`configRevision`) that the
 * provider was asked with; after another one it may be another provider's.
 * Answers the record as it is then; null = there is none, no such connector, or the installation was another tenant's until
 * now. May be repeated. Throws `storage_unavailable`.
 */
export async function recordNews(
  services: NewsServices,
  { connectorId, region, configRevision = null }: NewsOf,
  news: InstallationNews,
  { isOwn, isSeen = false }: { isOwn: boolean; isSeen?: boolean },
): Promise<Installation | null> {
  const { db, log } = services;
  const { before, row } = await keep(services, { connectorId, configRevision }, news, { isOwn, isSeen });
  if (row === undefined) return null;
  const installation = installationOfRow(row);
  const { id: installationId, tenantId, state } = installation;
  if (state === "active") return installation;
  if (state !== before) {
    const fields = { connectorId, installationId, tenantId };
    if (state === "removed") log.warn("installation.removed", fields);
    else log.warn("installation.suspended", fields);
  }
  const { grants } = services;
  if (grants !== null) await endGrants({ db, log, grants }, installation, region);
  return installation;
}

/** The row as it is then, and the state before. An installation that was another tenant's until now is nobody's news. */
async function keep(
  { db, log, now, randomBytes }: NewsServices,
  { connectorId, configRevision }: Pick<Required<NewsOf>, "connectorId" | "configRevision">,
  news: InstallationNews,
  { isOwn, isSeen }: { isOwn: boolean; isSeen: boolean },
): Promise<{ before?: InstallationState | undefined; row?: InstallationRow | undefined }> {
  const nowMs = now();
  const { tenantId } = news;
  try {
    const [before, , , , , after] = await db.batch<
      [{ state: InstallationState }, unknown, unknown, unknown, unknown, InstallationRow]
    >([
      sql("SELECT i.state FROM installations AS i WHERE i.connector_id = ? AND i.tenant_id = ?", connectorId, tenantId),
      advanceRevocationClock(nowMs),
      upsert(newId("ins", randomBytes), connectorId, news, { configRevision, isSeen, nowMs }),
      // Also where what is known already is newer.
      sql(
        "UPDATE installations SET is_own = 1 WHERE connector_id = ? AND tenant_id = ?",
        connectorId,
        isOwn ? tenantId : null,
      ),
      makeDefault(connectorId, isOwn ? tenantId : null, nowMs),
      sql(
        `SELECT ${INSTALLATION_COLUMNS} FROM installations AS i WHERE i.connector_id = ? AND i.tenant_id = ?`,
        connectorId,
        tenantId,
      ),
    ]);
    return { before: before?.rows[0]?.state, row: after?.rows[0] };
  } catch (thrown) {
    if (!(thrown instanceof UniqueViolation)) throw thrown;
    // Our ids mean one tenant for ever, so the record does not move; and to ask again would change nothing.
    log.error("installation.of_two_tenants", { connectorId, tenantId });
    return {};
  }
}

/**
 * Has every Grant of an installation drop what it holds. Throws `storage_unavailable` where one did not answer: whoever
 * asked asks again.
 */
export async function endGrants(
  services: Pick<Services, "db" | "log" | "grants">,
  { id, connectorId }: Pick<Installation, "id" | "connectorId">,
  region: string | null,
): Promise<void> {
  for (let names: string[] = [], page = 0; page === 0 || names.length === GRANTS_AT_ONCE; page++) {
    const at = { after: names.at(-1) ?? null, limit: GRANTS_AT_ONCE };
    names = await grantNamesOfSubject(services.db, connectorId, { ...EVERYBODY, installationId: id }, at);
    const { missed } = await tellGrants(names, region, null, services);
    if (missed > 0)
      throw new ApiError("storage_unavailable", { reason: `grants missed=${missed}`, retryAfterMs: 1000 });
  }
}

/**
 * Of two that the provider dates alike the later to come counts, but that a removed one stays removed: what is installed
 * again has another id. The end of another installation than the known one is old news, unless it is dated later.
 */
function upsert(
  id: string,
  connectorId: string,
  news: InstallationNews,
  { configRevision, isSeen, nowMs }: { configRevision: number | null; isSeen: boolean; nowMs: number },
): Statement {
  return sql(
    `INSERT INTO installations (id, connector_id, tenant_id, external_id, name, details, state, changed_at_ms,
       created_at_ms, updated_at_ms)
     SELECT ?1, c.id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9 FROM connectors AS c
     WHERE c.id = ?2 AND c.deleted_at_ms IS NULL AND (?7 <> 'removed' AND c.config_revision = ifnull(?11, c.config_revision)
       OR EXISTS (SELECT 1 FROM installations AS k WHERE k.connector_id = ?2 AND k.tenant_id = ?3))
     ON CONFLICT (connector_id, tenant_id) DO UPDATE SET
       external_id = excluded.external_id, name = coalesce(excluded.name, name), state = excluded.state,
       details = iif(excluded.state = 'removed', details, excluded.details),
       changed_at_ms = coalesce(excluded.changed_at_ms, changed_at_ms),
       revoked_before_ms = iif(external_id <> excluded.external_id OR (state = 'active' AND excluded.state <> 'active'),
         (SELECT revocation_clock_ms FROM team), revoked_before_ms),
       updated_at_ms = max(updated_at_ms + 1, excluded.updated_at_ms)
     WHERE CASE
       WHEN excluded.state = 'removed' AND external_id <> excluded.external_id
         THEN ifnull(excluded.changed_at_ms > changed_at_ms, 0)
       WHEN state = 'removed' AND external_id = excluded.external_id AND excluded.changed_at_ms = changed_at_ms
         THEN excluded.state = 'removed' OR ?10
       ELSE ifnull(excluded.changed_at_ms >= changed_at_ms, 1) END`,
    id,
    connectorId,
    news.tenantId,
    news.externalId,
    news.name,
    JSON.stringify(news.details),
    news.state,
    news.changedAtMs,
    nowMs,
    isSeen ? 1 : 0,
    configRevision,
  );
}

/** With `tenantId` null nothing is changed. */
function makeDefault(connectorId: string, tenantId: string | null, nowMs: number): Statement {
  return sql(
    `UPDATE connectors SET revision = revision + 1, updated_at_ms = max(updated_at_ms, ?3), default_installation_id = (
       SELECT i.id FROM installations AS i WHERE i.connector_id = ?1 AND i.tenant_id = ?2)
     WHERE id = ?1 AND default_installation_id IS NULL AND EXISTS (
       SELECT 1 FROM installations AS i WHERE i.connector_id = ?1 AND i.tenant_id = ?2 AND i.state = 'active')`,
    connectorId,
    tenantId,
    nowMs,
  );
}
