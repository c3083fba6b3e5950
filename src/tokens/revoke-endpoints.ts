import type { z } from "zod";
import type { Caller } from "../callers/caller.ts";
import { roleIncludes } from "../callers/roles.ts";
import { driverOf } from "../catalog/registry.ts";
import type { Connector } from "../connectors/connector-row.ts";
import { findConnector } from "../connectors/connector-store.ts";
import { loadSnapshot } from "../connectors/snapshot-query.ts";
import { ApiError, unwrap } from "../errors.ts";
import { grantNames, grantNamesOfSubject } from "../grants/index-row.ts";
import type { GrantRevocation } from "../grants/protocol.ts";
import { runtimeEndpoint } from "../http/endpoint.ts";
import type { Services } from "../services.ts";
import { revokeRow, startRevocationWalk } from "../store/revocation-clock.ts";
import { callerScope, effectiveSubject } from "./authorize.ts";
import { effectiveByMs } from "./lease.ts";
import { revocationReport, sumRevocations } from "./revocation.ts";
import type { ConnectorSnapshot } from "./snapshot.ts";
import { toSnapshot } from "./snapshot.ts";
import { parseSubject, type RequestedSubject, tokenRequestBody } from "./token-request.ts";

/** Grants told before the answer; the Housekeeper tells the others. */
const GRANTS_TOLD_AT_ONCE = 25;

const revokeBody = tokenRequestBody.pick({ subject: true, installationId: true });

/** `DELETE /v1/connect/connectors/{c}/tokens`: with a subject, that subject's tokens; with `{}` all of the connector's. */
export const revokeTokens = runtimeEndpoint<z.infer<typeof revokeBody>>({
  summary: "Revoke a connector's tokens, here and at the provider.",
  body: revokeBody,
  bodyOptional: true,
  async handle({ services, caller, params, body, defer }) {
    const ref = params.c ?? "";
    const subject = unwrap(parseSubject(body.subject));
    if (body.installationId !== undefined) throw new ApiError("client_installation_required");
    const report =
      subject === null
        ? await revokeAll(ref, caller, services, defer)
        : await revokeSubject(ref, subject, caller, services);
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
  await db.batch([...revokeRow("connectors", id, now()), startRevocationWalk(id, now())]);
  const names = await grantNames(db, id, null, GRANTS_TOLD_AT_ONCE);
  const counts = await tellGrants(names, region, services);
  defer(services.nudgeHousekeeper());
  return report(
    connector,
    counts,
    { walking: names.length === GRANTS_TOLD_AT_ONCE, grantsTold: names.length },
    services,
  );
}

/** One subject: its grants drop what they hold. A workload reaches its own environment's grants only. */
async function revokeSubject(ref: string, subject: RequestedSubject, caller: Caller, services: Services) {
  const connector = await connectorFor(ref, caller, services);
  const reach = await reachOf(connector, subject, caller, services);
  const names = await grantNamesOfSubject(services.db, connector.id, reach);
  const counts = await tellGrants(names, connector.region, services);
  return report(connector, counts, { walking: false, grantsTold: names.length }, services);
}

/** Whose grants the caller may revoke: a team admin's reach is every partition, anyone else's their own. */
async function reachOf(connector: Connector, requested: RequestedSubject, caller: Caller, services: Services) {
  if (caller.kind === "access-token" && caller.projectId === null && roleIncludes(caller.role, "admin")) {
    return { subject: requested, namespace: "any" as const, partitions: null };
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
  };
}

/** The connector as this caller may know it: by a link of their project, or as a management token of the team. */
async function connectorFor(ref: string, caller: Caller, services: Services): Promise<Connector> {
  const found = await findConnector(services.db, ref);
  if (found === null || found.state === "deleted") throw new ApiError("not_found");
  const projectId = caller.projectId;
  if (projectId !== null) await linkedSnapshot(found.connector.id, projectId, services);
  return found.connector;
}

async function linkedSnapshot(connectorId: string, projectId: string, { db }: Services): Promise<ConnectorSnapshot> {
  const row = await loadSnapshot(db, { ref: connectorId, projectId });
  if (row === null) throw new ApiError("not_found");
  return toSnapshot(row);
}

async function tellGrants(names: string[], region: string | null, { grants }: Services): Promise<GrantRevocation> {
  return sumRevocations(await Promise.all(names.map((name) => grants.grant(name, region).revoke(null))));
}

function report(
  connector: Connector,
  counts: GrantRevocation,
  progress: { walking: boolean; grantsTold: number },
  { now }: Services,
) {
  const supported = driverOf(connector.type)?.capabilities(connector.config).supportsRevocation ?? false;
  return revocationReport(counts, { supported, ...progress, effectiveByMs: effectiveByMs(connector, now()) });
}
