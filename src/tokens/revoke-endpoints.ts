import * as z from "zod/mini";
import type { Caller } from "../callers/caller.ts";
import { roleIncludes } from "../callers/roles.ts";
import { driverOf } from "../catalog/registry.ts";
import type { Connector } from "../connectors/connector-row.ts";
import { findConnector } from "../connectors/connector-store.ts";
import { type LeaseSettings, selectLease } from "../connectors/lease-change.ts";
import { loadSnapshot } from "../connectors/snapshot-query.ts";
import { ApiError, ok, type Result, unwrap } from "../errors.ts";
import { grantNames, grantNamesOfSubject } from "../grants/index-row.ts";
import type { GrantRevocation } from "../grants/protocol.ts";
import { runtimeEndpoint } from "../http/endpoint.ts";
import { findInstallation } from "../installations/installation-store.ts";
import type { Services } from "../services.ts";
import { revokeRow, startRevocationWalk } from "../store/revocation-clock.ts";
import { callerScope, checkOfOneInstallation, effectiveSubject } from "./authorize.ts";
import { reportOf, sumRevocations } from "./revocation.ts";
import { type ConnectorSnapshot, toSnapshot } from "./snapshot.ts";
import { tellGrants } from "./tell-grants.ts";
import { parseSubject, type RequestedSubject, tokenRequestBody } from "./token-request.ts";

/** Grants told before the answer; the Housekeeper tells the others. */
const GRANTS_TOLD_AT_ONCE = 25;

const revokeBody = z.pick(tokenRequestBody, { subject: true, installationId: true });

/**
 * `DELETE /v1/connect/connectors/{c}/tokens`: with a subject, that subject's tokens; with an installation, what is of that;
 * with `{}` all of the connector's.
 */
export const revokeTokens = runtimeEndpoint<z.infer<typeof revokeBody>>({
  body: revokeBody,
  bodyOptional: true,
  async handle({ services, caller, params, body, defer }) {
    const ref = params.c ?? "";
    const subject = unwrap(parseSubject(body.subject));
    // Tokens that reach all installations are of none.
    const installation = body.installationId === "*" ? undefined : body.installationId;
    const report =
      subject === null && installation === undefined
        ? await revokeAll(ref, caller, services, defer)
        : await revokeSome(ref, { subject, installation }, caller, services);
    return { status: 200, body: report };
  },
});

/** Everything: one revocation value that every request compares, then a walk that tells the provider. */
async function revokeAll(ref: string, caller: Caller, services: Services, defer: (work: Promise<unknown>) => void) {
  const { db, now } = services;
  const connector = await connectorFor(ref, caller, services);
  if (caller.kind !== "access-token" || !roleIncludes(caller.role, "admin") || caller.projectId !== null) {
    throw new ApiError("forbidden", {
      message:
        "Revoking all tokens of a connector needs a team-wide access token with the admin role. Name a subject to revoke its tokens.",
    });
  }
  const { id, region } = connector;
  const [, , , lease] = await db.batch<[unknown, unknown, unknown, LeaseSettings]>([
    ...revokeRow("connectors", id, now()),
    startRevocationWalk(id, now()),
    selectLease(id),
  ]);
  // Before anything else that could fail: from here on the walk is owed.
  defer(services.nudgeHousekeeper());
  const names = await grantNames(db, id, null, GRANTS_TOLD_AT_ONCE);
  const { told, missed } = await tellGrants(names, region, null, services);
  const walking = names.length === GRANTS_TOLD_AT_ONCE || missed > 0;
  const progress = { walking, grantsTold: told.length };
  return reportOf(connector, lease?.rows[0] ?? connector, sumRevocations(told), progress, services);
}

/**
 * One subject, one installation, or one subject's there: its grants drop what they hold. A workload reaches its own
 * environment's grants only, and means the app where it names nobody.
 */
async function revokeSome(
  ref: string,
  named: { subject: RequestedSubject | null; installation: string | undefined },
  caller: Caller,
  services: Services,
) {
  const { db, now } = services;
  const connector = await connectorFor(ref, caller, services);
  const { installations, ...reach } = await reachOf(connector, named.subject, caller, services);
  if (named.installation) unwrap(checkNamed(connector, reach.subject));
  const installation = named.installation ? await findInstallation(db, connector.id, named.installation) : null;
  if (named.installation && (installation === null || installations?.includes(installation.id) === false)) {
    throw new ApiError("client_installation_required");
  }
  // Whatever its Grants say: its tokens are dead from here on.
  if (installation !== null && reach.subject === null)
    await db.batch(revokeRow("installations", installation.id, now()));
  const counts: GrantRevocation[] = [];
  for (let names: string[] = [], page = 0; page === 0 || names.length === GRANTS_TOLD_AT_ONCE; page++) {
    names = await grantNamesOfSubject(
      db,
      connector.id,
      { ...reach, installationId: installation?.id ?? null },
      {
        after: names.at(-1) ?? null,
        limit: GRANTS_TOLD_AT_ONCE,
      },
    );
    const { told, missed } = await tellGrants(names, connector.region, reach.linkId, services);
    // Nobody walks for these: a Grant that was not told would keep its tokens.
    if (missed > 0)
      throw new ApiError("storage_unavailable", { reason: `grants missed=${missed}`, retryAfterMs: 1000 });
    counts.push(...told);
  }
  const lease = (await db.first<LeaseSettings>(selectLease(connector.id))) ?? connector;
  const progress = { walking: false, grantsTold: counts.length };
  return reportOf(connector, lease, sumRevocations(counts), progress, services);
}

/** What names an installation for tokens that are not of one would revoke nothing, and look as if it had. */
function checkNamed({ type, config }: Connector, subject: RequestedSubject | null): Result<null> {
  const capabilities = driverOf(type)?.capabilities(config);
  if (capabilities === undefined || subject === null || subject.type === "other") return ok(null);
  return checkOfOneInstallation(capabilities, subject.type);
}

/**
 * Whose grants the caller may revoke: a team admin's reach is every partition and every project. Anyone else's is their
 * own environment's, and there what was issued through their own project's link: projects may share a grant.
 */
async function reachOf(connector: Connector, requested: RequestedSubject | null, caller: Caller, services: Services) {
  if (caller.kind === "access-token" && caller.projectId === null && roleIncludes(caller.role, "admin")) {
    return { subject: requested, namespace: "any" as const, partitions: null, linkId: null, installations: null };
  }
  const scope = unwrap(callerScope(caller));
  const subject = unwrap(effectiveSubject(caller, requested));
  const snapshot = await linkedSnapshot(connector.id, scope.projectId, services);
  if (!snapshot.link.environments.includes(scope.environment)) {
    throw new ApiError("forbidden", {
      message: `connector is not linked to this project for the environment "${scope.environment}".`,
    });
  }
  return {
    subject,
    namespace: { exactly: snapshot.link.subjectNamespace },
    partitions: [scope.environment, "shared"],
    linkId: snapshot.link.id,
    installations: snapshot.link.installations,
  };
}

/** The connector as this caller may know it: by a link of their project, or as a management token of the team. */
async function connectorFor(ref: string, caller: Caller, services: Services): Promise<Connector> {
  const found = await findConnector(services.db, ref);
  const connector = found?.state === "live" ? found.connector : null;
  // Looked up in any case: the time of an answer must not tell whether a connector exists elsewhere.
  if (caller.projectId !== null) await linkedSnapshot(connector?.id ?? "", caller.projectId, services);
  if (connector === null) throw new ApiError("not_found");
  return connector;
}

async function linkedSnapshot(connectorId: string, projectId: string, { db }: Services): Promise<ConnectorSnapshot> {
  const row = await loadSnapshot(db, { ref: connectorId, projectId });
  if (row === null) throw new ApiError("not_found");
  return toSnapshot(row);
}
