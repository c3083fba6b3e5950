import * as z from "zod";
import { ApiError, unwrap } from "../errors.ts";
import { foreignId } from "../http/fields.ts";
import type { UrlPolicy } from "../outbound/url-policy.ts";
import { checkOrigin } from "../projects/origin.ts";
import { STANDARD_ENVIRONMENTS } from "../projects/project-store.ts";
import { type Database, sql } from "../store/database.ts";
import type { Narrowing } from "./link-row.ts";

const unique = <T>(list: T[]): T[] => [...new Set(list)];

/** Environment ids of a link: at least one, duplicates removed. */
export const environmentIds = z
  .array(z.string().min(1).max(64))
  .min(1, "must name at least one environment; delete the link to disable it")
  .max(100)
  .transform(unique);

// RFC 6749 §3.3.
const scopeToken = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, "must be a scope token");
const origins = z.array(z.string().min(1).max(2048)).max(50).transform(unique).nullable().optional();

/** The body of a link: its environments, and what narrows it. Absent narrowing stays as it is; null removes it. */
export const LinkBody = z.strictObject({
  environments: environmentIds,
  installations: z.array(foreignId).min(1).max(100).transform(unique).nullable().optional(),
  subjects: z
    .array(z.enum(["app", "user", "jwt-bearer", "token"]))
    .min(1)
    .transform(unique)
    .nullable()
    .optional(),
  subjectNamespace: foreignId.nullable().optional(),
  scopes: z.array(scopeToken).max(100).transform(unique).nullable().optional(),
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
