import type { JSONWebKeySet } from "jose";
import type { Position } from "../http/pagination.ts";
import { type Database, sql } from "../store/database.ts";
import type { IssuerRecord } from "./issuer-record.ts";

/** A trusted issuer as it is registered. */
export interface RegisteredIssuer extends IssuerRecord {
  preset: string | null;
  createdAtMs: number;
  /** JSON: how users sign in there; null = they cannot. */
  login: string | null;
}

interface Row {
  id: string;
  issuer: string;
  audience: string;
  preset: string | null;
  selector_claim: string;
  algorithms: string;
  max_token_age_ms: number;
  one_time_tokens: number;
  jwks_uri: string;
  jwks: string;
  jwks_fetched_at_ms: number;
  created_at_ms: number;
  login: string | null;
}

/** Throws `UniqueViolation` when the issuer is registered already. */
export async function insertIssuer(db: Database, issuer: RegisteredIssuer): Promise<void> {
  await db.run(
    sql(
      `INSERT INTO issuers (id, issuer, audience, preset, selector_claim, algorithms, max_token_age_ms,
         one_time_tokens, jwks_uri, jwks, jwks_fetched_at_ms, created_at_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      issuer.id,
      issuer.issuer,
      issuer.audience,
      issuer.preset,
      issuer.selectorClaim,
      JSON.stringify(issuer.algorithms),
      issuer.maxTokenAgeMs,
      issuer.oneTimeTokens ? 1 : 0,
      issuer.jwksUri,
      JSON.stringify(issuer.jwks),
      issuer.jwksFetchedAtMs,
      issuer.createdAtMs,
    ),
  );
}

/** The issuer registered under exactly this `iss`, or null. */
export async function findIssuer(db: Database, iss: string): Promise<RegisteredIssuer | null> {
  const row = await db.first<Row>(
    sql(
      `SELECT id, issuer, audience, preset, selector_claim, algorithms, max_token_age_ms, one_time_tokens, jwks_uri,
         jwks, jwks_fetched_at_ms, created_at_ms, login FROM issuers WHERE issuer = ?`,
      iss,
    ),
  );
  return row && issuerOf(row);
}

export async function findIssuerById(db: Database, id: string): Promise<RegisteredIssuer | null> {
  const row = await db.first<Row>(
    sql(
      `SELECT id, issuer, audience, preset, selector_claim, algorithms, max_token_age_ms, one_time_tokens, jwks_uri,
         jwks, jwks_fetched_at_ms, created_at_ms, login FROM issuers WHERE id = ?`,
      id,
    ),
  );
  return row && issuerOf(row);
}

/** Up to `limit` issuers after `position`, by `iss`. */
export async function listIssuers(
  db: Database,
  position: Position<string> | null,
  limit: number,
): Promise<RegisteredIssuer[]> {
  const rows = await db.all<Row>(
    sql(
      `SELECT id, issuer, audience, preset, selector_claim, algorithms, max_token_age_ms, one_time_tokens, jwks_uri,
         jwks, jwks_fetched_at_ms, created_at_ms, login FROM issuers WHERE issuer > ? ORDER BY issuer LIMIT ?`,
      position?.key ?? "",
      limit,
    ),
  );
  return rows.map(issuerOf);
}

/** Deletes an issuer, and with it its identity rules and used token ids. Returns whether it existed. */
export async function deleteIssuer(db: Database, id: string): Promise<boolean> {
  return (await db.run(sql("DELETE FROM issuers WHERE id = ?", id))) > 0;
}

function issuerOf(row: Row): RegisteredIssuer {
  const algorithms: string[] = JSON.parse(row.algorithms);
  const jwks: JSONWebKeySet = JSON.parse(row.jwks);
  return {
    id: row.id,
    issuer: row.issuer,
    audience: row.audience,
    preset: row.preset,
    selectorClaim: row.selector_claim,
    algorithms,
    maxTokenAgeMs: row.max_token_age_ms,
    oneTimeTokens: row.one_time_tokens === 1,
    jwksUri: row.jwks_uri,
    jwks,
    jwksFetchedAtMs: row.jwks_fetched_at_ms,
    createdAtMs: row.created_at_ms,
    login: row.login,
  };
}
