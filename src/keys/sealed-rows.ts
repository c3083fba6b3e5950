import { flowSecretsContext } from "../authorize/flow-secrets.ts";
import { loginSecretContext } from "../callers/issuer-login.ts";
import { connectorSecretsContext } from "../connectors/connector-secrets.ts";
import type { SealContext } from "../crypto/envelope.ts";
import { answerContext } from "../http/idempotency-store.ts";
import { issuerKeyContext } from "../issuer/signing-keys.ts";
import { type Statement, sql } from "../store/database.ts";
import { destinationSecretsContext } from "../triggers/settings/destination-secrets.ts";
import { triggerSecretsContext } from "../triggers/settings/trigger-secrets.ts";
import type { ResealRun, ResealStage } from "./reseal-run.ts";

/** A row of the control plane with an envelope in it. */
export interface SealedRow {
  id: string;
  kid: string;
  sealed: string;
  /** As which the envelope opens. */
  generation: number;
}

/** The rows of one table that hold envelopes. */
export interface SealedRows {
  /** `SealedRow`s that need another key than the primary, after the run's cursor, in order of (key, id). */
  page(run: ResealRun, limit: number): Statement;
  context(teamId: string, row: SealedRow): SealContext;
  /** As which the row is to be sealed next. */
  nextGeneration(row: SealedRow): number;
  /** Changes the row if it still is as it was read, and nothing otherwise. */
  replace(row: SealedRow, next: SealedRow): Statement;
}

// Two ranges of the index, one on each side of the primary: its own rows, which are most in the end, are never read.
const CONNECTORS_PAGE = `
  SELECT id, secrets_kid AS kid, secrets_sealed AS sealed, secrets_generation AS generation FROM connectors
  WHERE secrets_kid < ?1 AND (secrets_kid, id) > (?2, ?3)
  UNION ALL
  SELECT id, secrets_kid AS kid, secrets_sealed AS sealed, secrets_generation AS generation FROM connectors
  WHERE secrets_kid > ?1 AND (secrets_kid, id) > (?2, ?3)
  ORDER BY 2, 1 LIMIT ?4`;

const ISSUER_KEYS_PAGE = `
  SELECT kid AS id, private_jwk_kid AS kid, private_jwk_sealed AS sealed, 1 AS generation FROM issuer_keys
  WHERE private_jwk_kid < ?1 AND (private_jwk_kid, kid) > (?2, ?3)
  UNION ALL
  SELECT kid AS id, private_jwk_kid AS kid, private_jwk_sealed AS sealed, 1 AS generation FROM issuer_keys
  WHERE private_jwk_kid > ?1 AND (private_jwk_kid, kid) > (?2, ?3)
  ORDER BY 2, 1 LIMIT ?4`;

const ISSUERS_PAGE = `
  SELECT id, login_secret_kid AS kid, login_secret_sealed AS sealed, login_secret_generation AS generation FROM issuers
  WHERE login_secret_kid < ?1 AND (login_secret_kid, id) > (?2, ?3)
  UNION ALL
  SELECT id, login_secret_kid AS kid, login_secret_sealed AS sealed, login_secret_generation AS generation FROM issuers
  WHERE login_secret_kid > ?1 AND (login_secret_kid, id) > (?2, ?3)
  ORDER BY 2, 1 LIMIT ?4`;

const AUTHORIZATION_REQUESTS_PAGE = `
  SELECT id, secrets_kid AS kid, secrets_sealed AS sealed, secrets_generation AS generation FROM authorization_requests
  WHERE secrets_kid < ?1 AND (secrets_kid, id) > (?2, ?3)
  UNION ALL
  SELECT id, secrets_kid AS kid, secrets_sealed AS sealed, secrets_generation AS generation FROM authorization_requests
  WHERE secrets_kid > ?1 AND (secrets_kid, id) > (?2, ?3)
  ORDER BY 2, 1 LIMIT ?4`;

const IDEMPOTENCY_KEYS_PAGE = `
  SELECT id, answer_kid AS kid, answer_sealed AS sealed, claimed_at_ms AS generation FROM idempotency_keys
  WHERE answer_kid < ?1 AND (answer_kid, id) > (?2, ?3)
  UNION ALL
  SELECT id, answer_kid AS kid, answer_sealed AS sealed, claimed_at_ms AS generation FROM idempotency_keys
  WHERE answer_kid > ?1 AND (answer_kid, id) > (?2, ?3)
  ORDER BY 2, 1 LIMIT ?4`;

const TRIGGERS_PAGE = `
  SELECT connector_id AS id, secrets_kid AS kid, secrets_sealed AS sealed, secrets_generation AS generation FROM triggers
  WHERE secrets_kid < ?1 AND (secrets_kid, connector_id) > (?2, ?3)
  UNION ALL
  SELECT connector_id AS id, secrets_kid AS kid, secrets_sealed AS sealed, secrets_generation AS generation FROM triggers
  WHERE secrets_kid > ?1 AND (secrets_kid, connector_id) > (?2, ?3)
  ORDER BY 2, 1 LIMIT ?4`;

const DESTINATIONS_PAGE = `
  SELECT id, secrets_kid AS kid, secrets_sealed AS sealed, secrets_generation AS generation FROM destinations
  WHERE secrets_kid < ?1 AND (secrets_kid, id) > (?2, ?3)
  UNION ALL
  SELECT id, secrets_kid AS kid, secrets_sealed AS sealed, secrets_generation AS generation FROM destinations
  WHERE secrets_kid > ?1 AND (secrets_kid, id) > (?2, ?3)
  ORDER BY 2, 1 LIMIT ?4`;

/** Connectors, tombstones included. Neither revision moves: the connector is the same, and so are its tokens. */
const connectors: SealedRows = {
  page: ({ primaryKid, afterKid, afterId }, limit) => sql(CONNECTORS_PAGE, primaryKid, afterKid, afterId, limit),
  context: (teamId, { id, generation }) => connectorSecretsContext(teamId, id, generation),
  nextGeneration: ({ generation }) => generation + 1,
  replace: (row, next) =>
    sql(
      `UPDATE connectors SET secrets_sealed = ?, secrets_kid = ?, secrets_generation = ?
       WHERE id = ? AND secrets_generation = ? AND secrets_sealed = ?`,
      next.sealed,
      next.kid,
      next.generation,
      row.id,
      row.generation,
      row.sealed,
    ),
};

/** Our issuer's signing keys, which are written once and have one generation. */
const issuerKeys: SealedRows = {
  page: ({ primaryKid, afterKid, afterId }, limit) => sql(ISSUER_KEYS_PAGE, primaryKid, afterKid, afterId, limit),
  context: (teamId, { id }) => issuerKeyContext(teamId, id),
  nextGeneration: ({ generation }) => generation,
  replace: (row, next) =>
    sql(
      "UPDATE issuer_keys SET private_jwk_sealed = ?, private_jwk_kid = ? WHERE kid = ? AND private_jwk_sealed = ?",
      next.sealed,
      next.kid,
      row.id,
      row.sealed,
    ),
};

/** Client secrets with which users sign in. */
const issuers: SealedRows = {
  page: ({ primaryKid, afterKid, afterId }, limit) => sql(ISSUERS_PAGE, primaryKid, afterKid, afterId, limit),
  context: (teamId, { id, generation }) => loginSecretContext(teamId, id, generation),
  nextGeneration: ({ generation }) => generation + 1,
  replace: (row, next) =>
    sql(
      `UPDATE issuers SET login_secret_sealed = ?, login_secret_kid = ?, login_secret_generation = ?
       WHERE id = ? AND login_secret_generation = ? AND login_secret_sealed = ?`,
      next.sealed,
      next.kid,
      next.generation,
      row.id,
      row.generation,
      row.sealed,
    ),
};

/** Authorizations under way. Their own next step numbers its envelope anew, and is not held up by this. */
const authorizationRequests: SealedRows = {
  page: ({ primaryKid, afterKid, afterId }, limit) =>
    sql(AUTHORIZATION_REQUESTS_PAGE, primaryKid, afterKid, afterId, limit),
  context: (teamId, { id, generation }) => flowSecretsContext(teamId, id, generation),
  nextGeneration: ({ generation }) => generation + 1,
  replace: (row, next) =>
    sql(
      `UPDATE authorization_requests SET secrets_sealed = ?, secrets_kid = ?, secrets_generation = ?
       WHERE id = ? AND secrets_generation = ? AND secrets_sealed = ?`,
      next.sealed,
      next.kid,
      next.generation,
      row.id,
      row.generation,
      row.sealed,
    ),
};

/** Kept answers of creations, which are numbered by the time of their claim. */
const idempotencyKeys: SealedRows = {
  page: ({ primaryKid, afterKid, afterId }, limit) => sql(IDEMPOTENCY_KEYS_PAGE, primaryKid, afterKid, afterId, limit),
  context: (teamId, { id, generation }) => answerContext(teamId, { id, claimedAtMs: generation }),
  nextGeneration: ({ generation }) => generation,
  replace: (row, next) =>
    sql(
      "UPDATE idempotency_keys SET answer_sealed = ?, answer_kid = ? WHERE id = ? AND answer_sealed = ?",
      next.sealed,
      next.kid,
      row.id,
      row.sealed,
    ),
};

/** Secrets with which providers sign. The revision does not move: they are the same. */
const triggers: SealedRows = {
  page: ({ primaryKid, afterKid, afterId }, limit) => sql(TRIGGERS_PAGE, primaryKid, afterKid, afterId, limit),
  context: (teamId, { id, generation }) => triggerSecretsContext(teamId, id, generation),
  nextGeneration: ({ generation }) => generation + 1,
  replace: (row, next) =>
    sql(
      `UPDATE triggers SET secrets_sealed = ?, secrets_kid = ?, secrets_generation = ?
       WHERE connector_id = ? AND secrets_generation = ? AND secrets_sealed = ?`,
      next.sealed,
      next.kid,
      next.generation,
      row.id,
      row.generation,
      row.sealed,
    ),
};

/** Secrets with which we sign for destinations. */
const destinations: SealedRows = {
  page: ({ primaryKid, afterKid, afterId }, limit) => sql(DESTINATIONS_PAGE, primaryKid, afterKid, afterId, limit),
  context: (teamId, { id, generation }) => destinationSecretsContext(teamId, id, generation),
  nextGeneration: ({ generation }) => generation + 1,
  replace: (row, next) =>
    sql(
      `UPDATE destinations SET secrets_sealed = ?, secrets_kid = ?, secrets_generation = ?
       WHERE id = ? AND secrets_generation = ? AND secrets_sealed = ?`,
      next.sealed,
      next.kid,
      next.generation,
      row.id,
      row.generation,
      row.sealed,
    ),
};

export const SEALED_ROWS: Record<Exclude<ResealStage, "grants">, SealedRows> = {
  connectors,
  issuer_keys: issuerKeys,
  issuers,
  authorization_requests: authorizationRequests,
  idempotency_keys: idempotencyKeys,
  triggers,
  destinations,
};
