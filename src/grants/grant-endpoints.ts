import * as z from "zod/mini";
import { requireConnector } from "../connectors/connector-access.ts";
import { type LeaseSettings, selectLease } from "../connectors/lease-change.ts";
import { ApiError } from "../errors.ts";
import { managementEndpoint } from "../http/endpoint.ts";
import { decodeCursor, pageQuery, paginate } from "../http/pagination.ts";
import { reportOf, sumRevocations } from "../tokens/revocation.ts";
import { tellGrants } from "../tokens/tell-grants.ts";
import { findGrant, grantPosition, type IndexedGrant, listGrants } from "./grant-list.ts";
import type { GrantDescription } from "./protocol.ts";

const ListQuery = z
  .object({
    ...pageQuery(50),
    subjectId: z.optional(z.string().check(z.minLength(1), z.maxLength(512))),
    subjectIssuer: z.optional(z.string().check(z.minLength(1), z.maxLength(2048))),
    environment: z.optional(z.string().check(z.minLength(1), z.maxLength(100))),
  })
  .check(
    z.refine(({ subjectId, subjectIssuer }) => subjectIssuer === undefined || subjectId !== undefined, {
      path: ["subjectIssuer"],
      message: "needs subjectId, too",
    }),
  );

export const getGrants = managementEndpoint("viewer", {
  query: ListQuery,
  async handle({ services, params, query }) {
    const { limit, cursor, subjectId, subjectIssuer, environment } = query;
    const connector = await requireConnector(services.db, params.c);
    const user = subjectId === undefined ? null : { id: subjectId, issuer: subjectIssuer ?? null };
    const page = { after: decodeCursor(cursor, "string"), limit: limit + 1 };
    const rows = await listGrants(services.db, connector.id, { user, partition: environment ?? null }, page);
    const { page: grants, pagination } = paginate(rows, limit, grantPosition);
    return { status: 200, body: { grants: grants.map(grantWire), pagination } };
  },
});

export const getGrant = managementEndpoint("viewer", {
  async handle({ services, params }) {
    const connector = await requireConnector(services.db, params.c);
    const indexed = await findGrant(services.db, connector.id, params.id ?? "");
    if (indexed === null) throw new ApiError("not_found");
    const description = await services.grants.grant(indexed.name, connector.region).describe();
    return {
      status: 200,
      body: { ...grantWire(indexed), ...(description === null ? {} : descriptionWire(description)) },
    };
  },
});

export const deleteGrant = managementEndpoint("admin", {
  async handle({ services, params }) {
    const connector = await requireConnector(services.db, params.c);
    const indexed = await findGrant(services.db, connector.id, params.id ?? "");
    if (indexed === null) throw new ApiError("not_found");
    const { told, missed } = await tellGrants([indexed.name], connector.region, null, services);
    if (missed > 0) throw new ApiError("storage_unavailable", { reason: "the grant was not told", retryAfterMs: 1000 });
    const lease = (await services.db.first<LeaseSettings>(selectLease(connector.id))) ?? connector;
    const progress = { walking: false, grantsTold: told.length };
    return { status: 200, body: reportOf(connector, lease, sumRevocations(told), progress, services) };
  },
});

function grantWire(grant: IndexedGrant) {
  const { subjectId, subjectIssuer, subjectNamespace } = grant;
  return {
    id: grant.name,
    subject: {
      type: grant.subjectType,
      ...(subjectId === null ? {} : { id: subjectId }),
      ...(subjectIssuer === null ? {} : { issuer: subjectIssuer }),
      ...(subjectNamespace === null ? {} : { namespace: subjectNamespace }),
    },
    /** Null = it is the same for all of them. */
    environment: grant.partition === "shared" ? null : grant.partition,
    state: grant.state,
    createdAt: grant.createdAtMs,
    seenAt: grant.seenAtMs,
  };
}

/** The Grant's own word, which the index follows. */
function descriptionWire({ lastRefresh, upstreamRevocation, ...description }: GrantDescription) {
  return {
    state: description.state,
    authorizationId: description.authorizationId,
    scopes: description.scopes,
    refreshable: description.refreshable,
    authorizedAt: description.authorizedAtMs,
    accessTokenExpiresAt: description.accessTokenExpiresAtMs,
    lastOutcome: lastRefresh === null ? null : { at: lastRefresh.atMs, code: lastRefresh.outcome },
    nextAttemptAt: description.nextAttemptAtMs,
    upstreamRevocation:
      upstreamRevocation === null ? null : { outcome: upstreamRevocation.outcome, at: upstreamRevocation.atMs },
  };
}
