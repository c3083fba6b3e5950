import * as z from "zod/mini";
import { type Statement, sql } from "../store/database.ts";
import { type AccessTokenRow, accessTokenRowSchema } from "./access-token.ts";
import { type IdentityRule, type IssuerRecord, identityRuleSchema, issuerRecordSchema } from "./issuer-record.ts";

/** What authentication reads of the database, and how its rows become records. Rows of any other shape throw. */

const json = z.pipe(
  z.string(),
  z.transform((text): unknown => JSON.parse(text)),
);

const issuerRow = z.object({
  id: z.string(),
  issuer: z.string(),
  audience: z.string(),
  selector_claim: z.string(),
  algorithms: json,
  max_token_age_ms: z.number(),
  one_time_tokens: z.number(),
  jwks_uri: z.string(),
  jwks: json,
  jwks_fetched_at_ms: z.number(),
});

export function selectIssuer(iss: string): Statement {
  return sql(
    `SELECT id, issuer, audience, selector_claim, algorithms, max_token_age_ms, one_time_tokens,
            jwks_uri, jwks, jwks_fetched_at_ms
     FROM issuers WHERE issuer = ?1`,
    iss,
  );
}

export function toIssuerRecord(row: unknown): IssuerRecord {
  const columns = issuerRow.parse(row);
  return issuerRecordSchema.parse({
    id: columns.id,
    issuer: columns.issuer,
    audience: columns.audience,
    selectorClaim: columns.selector_claim,
    algorithms: columns.algorithms,
    maxTokenAgeMs: columns.max_token_age_ms,
    oneTimeTokens: columns.one_time_tokens === 1,
    jwksUri: columns.jwks_uri,
    jwks: columns.jwks,
    jwksFetchedAtMs: columns.jwks_fetched_at_ms,
  });
}

const projectRow = z.object({ id: z.string() });

export function selectProjectId(slug: string): Statement {
  return sql("SELECT id FROM projects WHERE slug = ?1", slug);
}

export function toProjectId(row: unknown): string {
  return projectRow.parse(row).id;
}

const ruleRow = z.object({ id: z.string(), project_id: z.string(), environment: z.string(), claims: json });

export function selectRulesOfIssuer(iss: string, limit: number): Statement {
  return sql(
    `SELECT id, project_id, environment, claims FROM identities
     WHERE issuer_id = (SELECT id FROM issuers WHERE issuer = ?1) LIMIT ?2`,
    iss,
    limit,
  );
}

export function selectRulesOfSelector(issuerId: string, selectorValue: string): Statement {
  return sql(
    `SELECT id, project_id, environment, claims FROM identities WHERE issuer_id = ?1 AND selector_value = ?2`,
    issuerId,
    selectorValue,
  );
}

export function toIdentityRule(row: unknown): IdentityRule {
  const columns = ruleRow.parse(row);
  return identityRuleSchema.parse({
    id: columns.id,
    projectId: columns.project_id,
    environment: columns.environment,
    claims: columns.claims,
  });
}

const tokenRow = z.object({
  id: z.string(),
  role: z.string(),
  project_id: z.nullable(z.string()),
  environment: z.nullable(z.string()),
  user_id: z.nullable(z.string()),
  secret_mac: z.string(),
  secret_mac_kid: z.string(),
  expires_at_ms: z.nullable(z.number()),
});

export function selectAccessToken(id: string): Statement {
  return sql(
    `SELECT id, role, project_id, environment, user_id, secret_mac, secret_mac_kid, expires_at_ms
     FROM access_tokens WHERE id = ?1`,
    id,
  );
}

export function toAccessTokenRow(row: unknown): AccessTokenRow {
  const columns = tokenRow.parse(row);
  return accessTokenRowSchema.parse({
    id: columns.id,
    role: columns.role,
    projectId: columns.project_id,
    environment: columns.environment,
    userId: columns.user_id,
    secretMac: columns.secret_mac,
    secretMacKid: columns.secret_mac_kid,
    expiresAtMs: columns.expires_at_ms,
  });
}

/** Replaces the MAC that was just verified, once the operator has asked for everything to move to that key. */
export function updateSecretMac(row: AccessTokenRow, next: AccessTokenRow): Statement {
  return sql(
    `UPDATE access_tokens SET secret_mac = ?1, secret_mac_kid = ?2 WHERE id = ?3 AND secret_mac = ?4
       AND EXISTS (SELECT 1 FROM key_reseal WHERE singleton = 1 AND primary_kid = ?2)`,
    next.secretMac,
    next.secretMacKid,
    row.id,
    row.secretMac,
  );
}

/** Changes one row the first time and none ever after. */
export function insertUsedTokenId(issuerId: string, jti: string, expiresAtMs: number): Statement {
  return sql(
    `INSERT INTO used_token_ids (issuer_id, jti, expires_at_ms) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING`,
    issuerId,
    jti,
    expiresAtMs,
  );
}

/** Keeps the newest fetch, whichever isolate's write comes last. */
export function updateJwks(issuerId: string, jwks: string, fetchedAtMs: number): Statement {
  return sql(
    `UPDATE issuers SET jwks = ?2, jwks_fetched_at_ms = ?3 WHERE id = ?1 AND jwks_fetched_at_ms < ?3`,
    issuerId,
    jwks,
    fetchedAtMs,
  );
}
