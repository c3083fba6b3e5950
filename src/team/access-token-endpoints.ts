import * as z from "zod/mini";
import { mintAccessToken } from "../callers/access-token.ts";
import { ROLES, roleIncludes } from "../callers/roles.ts";
import { ApiError } from "../errors.ts";
import { managementEndpoint } from "../http/endpoint.ts";
import { displayName, foreignId } from "../http/fields.ts";
import { decodeCursor, pageQuery, paginate } from "../http/pagination.ts";
import { requireEnvironment } from "../projects/environment-store.ts";
import { requireProject } from "../projects/project-store.ts";
import {
  type AccessTokenRecord,
  deleteAccessToken,
  findAccessToken,
  insertAccessToken,
  listAccessTokens,
} from "./access-token-store.ts";

const TEN_YEARS_SECONDS = 10 * 365 * 24 * 3600;

export const createAccessToken = managementEndpoint("admin", {
  creates: true,
  body: z.strictObject({
    name: displayName,
    role: z.enum(ROLES),
    projectId: z.optional(z.string().check(z.maxLength(100))),
    environment: z.optional(z.string().check(z.maxLength(100))),
    userId: z.optional(foreignId),
    expiresInSeconds: z.optional(z.int().check(z.gte(60), z.lte(TEN_YEARS_SECONDS))),
  }),
  async handle({ services, caller, body }) {
    const { db, keys, randomBytes } = services;
    if (!roleIncludes(caller.role, body.role)) {
      throw new ApiError("forbidden", { message: "An access token cannot create one of a higher role." });
    }
    if (body.environment !== undefined && body.projectId === undefined) {
      throw new ApiError("bad_request", { message: "environment: needs projectId, too." });
    }
    const project = body.projectId === undefined ? null : await requireProject(db, body.projectId);
    if (project && body.environment !== undefined) await requireEnvironment(db, project.id, body.environment);
    const now = services.now();
    const minted = await mintAccessToken(keys, randomBytes);
    const record: AccessTokenRecord = {
      id: minted.id,
      name: body.name,
      role: body.role,
      projectId: project?.id ?? null,
      environment: body.environment ?? null,
      userId: body.userId ?? null,
      createdAtMs: now,
      expiresAtMs: body.expiresInSeconds === undefined ? null : now + body.expiresInSeconds * 1000,
    };
    await db.run(insertAccessToken(record, minted));
    return { status: 201, body: { ...toWire(record), token: minted.token.expose() } };
  },
});

export const getAccessTokens = managementEndpoint("admin", {
  query: z.object(pageQuery(50)),
  async handle({ services, query }) {
    const rows = await listAccessTokens(services.db, decodeCursor(query.cursor, "number"), query.limit + 1);
    const { page, pagination } = paginate(rows, query.limit, (row) => ({ key: row.createdAtMs, id: row.id }));
    return { status: 200, body: { accessTokens: page.map(toWire), pagination } };
  },
});

/** Takes effect within the minute for which an isolate, or KV, may lease what it read. */
export const removeAccessToken = managementEndpoint("admin", {
  async handle({ services, caller, params }) {
    const { db, now } = services;
    const record = await findAccessToken(db, params.id ?? "");
    if (record === null) throw new ApiError("not_found");
    if (!roleIncludes(caller.role, record.role)) {
      throw new ApiError("forbidden", { message: "An access token cannot delete one of a higher role." });
    }
    if (!(await deleteAccessToken(db, record.id, now())) && (await findAccessToken(db, record.id)) !== null) {
      throw new ApiError("conflict", {
        message: "This is the last owner's access token. Create another owner's before deleting it.",
      });
    }
    return { status: 204 };
  },
});

function toWire(record: AccessTokenRecord) {
  return {
    id: record.id,
    name: record.name,
    role: record.role,
    projectId: record.projectId,
    environment: record.environment,
    userId: record.userId,
    createdAt: record.createdAtMs,
    expiresAt: record.expiresAtMs,
  };
}
