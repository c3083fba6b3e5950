import * as z from "zod/mini";
import type { TokenGroup } from "../catalog/driver.ts";
import { driverOf } from "../catalog/registry.ts";
import { ApiError, unwrap } from "../errors.ts";
import { foreignId } from "../http/fields.ts";
import { installationIds } from "../installations/installation-store.ts";
import type { UrlPolicy } from "../outbound/url-policy.ts";
import { checkOrigin } from "../projects/origin.ts";
import { STANDARD_ENVIRONMENTS } from "../projects/project-store.ts";
import { type Database, sql } from "../store/database.ts";
import { canonicalJson } from "../tokens/canonical.ts";
import type { Connector } from "./connector-row.ts";
import type { Narrowing } from "./link-row.ts";

const unique = <T>(list: T[]): T[] => [...new Set(list)];

/** Environment ids of a link: at least one, duplicates removed. */
export const environmentIds = z.pipe(
  z
    .array(z.string().check(z.minLength(1), z.maxLength(64)))
    .check(z.minLength(1, "must name at least one environment; delete the link to disable it"), z.maxLength(100)),
  z.transform(unique),
);

// RFC 6749 §3.3.
const scopeToken = z.string().check(z.regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, "must be a scope token"));
const authorizationDetail = z
  .looseObject({ type: z.string().check(z.minLength(1), z.maxLength(256)) })
  .check(z.refine((detail) => canonicalJson(detail) !== null, "must be plain JSON, at most 8 levels and 128 KiB"));
const origins = z.optional(
  z.nullable(
    z.pipe(z.array(z.string().check(z.minLength(1), z.maxLength(2048))).check(z.maxLength(50)), z.transform(unique)),
  ),
);

/** The body of a link: its environments, and what narrows it. Absent narrowing stays as it is; null removes it. */
export const LinkBody = z.strictObject({
  environments: environmentIds,
  installations: z.optional(
    z.nullable(z.pipe(z.array(foreignId).check(z.minLength(1), z.maxLength(100)), z.transform(unique))),
  ),
  subjects: z.optional(
    z.nullable(
      z.pipe(z.array(z.enum(["app", "user", "jwt-bearer", "token"])).check(z.minLength(1)), z.transform(unique)),
    ),
  ),
  subjectNamespace: z.optional(z.nullable(foreignId)),
  scopes: z.optional(z.nullable(z.pipe(z.array(scopeToken).check(z.maxLength(100)), z.transform(unique)))),
  /** What app tokens may be for at most (RFC 9396); the driver says which it knows. */
  authorizationDetails: z.optional(z.nullable(z.array(authorizationDetail).check(z.minLength(1), z.maxLength(20)))),
  returnOrigins: origins,
  webhookOrigins: origins,
});

/** Throws `bad_request` unless the project has every one of these environments. */
export async function requireEnvironments(db: Database, projectId: string, environments: string[]): Promise<void> {
  if (environments.every((id) => STANDARD_ENVIRONMENTS.some((standard) => standard === id))) return;
  const rows = await db.all<{ id: string }>(
    sql(
      "SELECT id FROM environments WHERE project_id = ? AND id IN (SELECT value FROM json_each(?))",
      projectId,
      JSON.stringify(environments),
    ),
  );
  if (rows.length < environments.length) {
    throw new ApiError("bad_request", {
      message:
        "environments: the project lacks one of these. Use production, preview, development or the id (env_…) of a custom environment.",
    });
  }
}

const NO_GROUP: TokenGroup = { scopes: [], resources: [], audience: [], authorizationDetails: [] };

/**
 * What of a link only its connector can judge: `installations` as our own ids, whatever they were named by, and the
 * ceiling of authorization details. Throws `bad_request` for an installation that is not there, and what the driver says
 * of details that it does not know.
 */
export async function checkedByConnector(
  db: Database,
  { id, type }: Pick<Connector, "id" | "type">,
  { installations, authorizationDetails }: Partial<Narrowing>,
): Promise<Partial<Narrowing>> {
  if (authorizationDetails) {
    const withinDetails = driverOf(type)?.withinDetails ?? null;
    if (withinDetails === null) {
      throw new ApiError("bad_request", { message: "authorizationDetails: connectors of this type know none." });
    }
    unwrap(withinDetails(NO_GROUP, authorizationDetails));
  }
  if (!installations) return {};
  const ids = await installationIds(db, id, installations);
  const unknown = ids.indexOf(null);
  if (unknown >= 0) {
    throw new ApiError("bad_request", {
      message: `installations[${unknown}]: this connector has no such installation.`,
    });
  }
  return { installations: unique(ids.filter((found) => found !== null)) };
}

/** The narrowing that a body names; its origins are checked and loopback passes only with `development` enabled. */
export function narrowingOf(body: z.output<typeof LinkBody>, policy: UrlPolicy): Partial<Narrowing> {
  const { environments, returnOrigins, webhookOrigins, ...rest } = body;
  const strictest = environments.includes("development") ? "development" : "production";
  for (const origin of [...(returnOrigins ?? []), ...(webhookOrigins ?? [])]) {
    unwrap(checkOrigin(origin, strictest, policy));
  }
  return withoutUndefined({ ...rest, returnOrigins, webhookOrigins });
}

type Given<T> = { [Key in keyof T]: T[Key] | undefined };

function withoutUndefined(narrowing: Given<Partial<Narrowing>>): Partial<Narrowing> {
  return Object.fromEntries(Object.entries(narrowing).filter(([, value]) => value !== undefined));
}
