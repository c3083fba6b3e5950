import { type LeaseSettings, selectLease } from "../connectors/lease-change.ts";
import type { Services } from "../services.ts";
import { sql } from "../store/database.ts";
import { revokeRow } from "../store/revocation-clock.ts";
import type { Installation } from "./installation.ts";
import { endGrants } from "./record-news.ts";

/**
 * Forgets an installation, once its tokens are dead and its Grants have dropped what they hold. The connector's leases in
 * force then. Links that name it reach nothing by that any more. Throws `storage_unavailable`; then it is `removed`, and
 * may be forgotten by asking again.
 */
export async function removeInstallation(
  services: Pick<Services, "db" | "log" | "now" | "grants">,
  { id, connectorId }: Installation,
  connector: LeaseSettings & { region: string | null },
): Promise<LeaseSettings> {
  const { db, now } = services;
  const nowMs = now();
  const [, , , , lease] = await db.batch<[unknown, unknown, unknown, unknown, LeaseSettings]>([
    ...revokeRow("installations", id, nowMs),
    sql("UPDATE installations SET state = 'removed' WHERE id = ?", id),
    sql(
      `UPDATE connectors SET default_installation_id = NULL, revision = revision + 1,
         updated_at_ms = max(updated_at_ms, ?)
       WHERE id = ? AND default_installation_id = ?`,
      nowMs,
      connectorId,
      id,
    ),
    selectLease(connectorId),
  ]);
  await endGrants(services, { id, connectorId }, connector.region);
  await db.run(sql("DELETE FROM installations WHERE id = ? AND state = 'removed'", id));
  return lease?.rows[0] ?? connector;
}
