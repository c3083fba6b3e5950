import * as z from "zod/mini";
import type { AuthorizationDetail } from "../catalog/driver.ts";
import { ApiError } from "../errors.ts";
import { jsonOf } from "./connector-row.ts";

/** An environment of the link's project. */
export interface ProjectEnvironment {
  id: string;
  slug: string;
  origin: string | null;
}

/** What narrows a link, beyond its environments. Null = not narrowed; for origins: those of the environments. */
export interface Narrowing {
  /** Our own ids. */
  installations: string[] | null;
  subjects: string[] | null;
  subjectNamespace: string | null;
  scopes: string[] | null;
  /** What app tokens may be for at most, as their driver understands it. */
  authorizationDetails: AuthorizationDetail[] | null;
  returnOrigins: string[] | null;
  webhookOrigins: string[] | null;
}

/** A connector × project × environments, with what showing it needs of the project. */
export interface Link extends Narrowing {
  id: string;
  connectorId: string;
  projectId: string;
  projectName: string;
  projectEnvironments: ProjectEnvironment[];
  environments: string[];
  createdAtMs: number;
  updatedAtMs: number;
}

export const LINK_QUERY = `SELECT l.id, l.connector_id AS connectorId, l.project_id AS projectId, p.name AS projectName,
    (SELECT json_group_array(json_object('id', e.id, 'slug', e.slug, 'origin', e.origin))
       FROM environments AS e WHERE e.project_id = l.project_id) AS projectEnvironments,
    l.environments, l.installations, l.subjects, l.subject_namespace AS subjectNamespace, l.scopes,
    l.authorization_details AS authorizationDetails, l.return_origins AS returnOrigins, l.webhook_origins AS webhookOrigins,
    l.created_at_ms AS createdAtMs, l.updated_at_ms AS updatedAtMs
  FROM links AS l JOIN projects AS p ON p.id = l.project_id`;

/** A row as `LINK_QUERY` selects it: sets are JSON text. */
export interface LinkRow extends Pick<Link, "id" | "connectorId" | "projectId" | "projectName" | "subjectNamespace"> {
  projectEnvironments: string;
  environments: string;
  installations: string | null;
  subjects: string | null;
  scopes: string | null;
  authorizationDetails: string | null;
  returnOrigins: string | null;
  webhookOrigins: string | null;
  createdAtMs: number;
  updatedAtMs: number;
}

const texts = jsonOf(z.array(z.string()));
const Stored = z.object({
  projectEnvironments: jsonOf(z.array(z.object({ id: z.string(), slug: z.string(), origin: z.nullable(z.string()) }))),
  environments: texts,
  installations: z.nullable(texts),
  subjects: z.nullable(texts),
  scopes: z.nullable(texts),
  authorizationDetails: z.nullable(jsonOf(z.array(z.looseObject({ type: z.string() })))),
  returnOrigins: z.nullable(texts),
  webhookOrigins: z.nullable(texts),
});

/** The typed link of a row; a row that does not parse was not written by this code → `decryption_failed`. */
export function linkOfRow(row: LinkRow): Link {
  const stored = Stored.safeParse(row);
  if (!stored.success) throw new ApiError("decryption_failed", { reason: `link row ${row.id} does not parse` });
  return { ...row, ...stored.data };
}
