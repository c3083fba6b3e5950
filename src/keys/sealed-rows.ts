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

/** Where a table has its envelopes: names of columns, and for one, `generation`, anything that says it in SQL. */
interface Place {
  table: string;
  id: string;
  sealed: string;
  kid: string;
  generation: string;
  /** Whether every write of the envelope counts it up; else it is the same for ever. */
  counts: boolean;
}

function sealedRows(place: Place, context: SealedRows["context"]): SealedRows {
  const { table, id, sealed, kid, generation, counts } = place;
  const columns = `${id} AS id, ${kid} AS kid, ${sealed} AS sealed, ${generation} AS generation`;
  // Two ranges of the index, one on each side of the primary: its own rows, which are most in the end, are never read.
  const pageText = `
    SELECT ${columns} FROM ${table} WHERE ${kid} < ?1 AND (${kid}, ${id}) > (?2, ?3)
    UNION ALL
    SELECT ${columns} FROM ${table} WHERE ${kid} > ?1 AND (${kid}, ${id}) > (?2, ?3)
    ORDER BY 2, 1 LIMIT ?4`;
  const countedText = `UPDATE ${table} SET ${sealed} = ?, ${kid} = ?, ${generation} = ?
    WHERE ${id} = ? AND ${generation} = ? AND ${sealed} = ?`;
  const sameText = `UPDATE ${table} SET ${sealed} = ?, ${kid} = ? WHERE ${id} = ? AND ${sealed} = ?`;
  return {
    page: ({ primaryKid, afterKid, afterId }, limit) => sql(pageText, primaryKid, afterKid, afterId, limit),
    context,
    nextGeneration: (row) => row.generation + (counts ? 1 : 0),
    replace: (row, next) =>
      counts
        ? sql(countedText, next.sealed, next.kid, next.generation, row.id, row.generation, row.sealed)
        : sql(sameText, next.sealed, next.kid, row.id, row.sealed),
  };
}

/** A table whose columns have the usual names. */
function secretsOf(table: string, id = "id"): Place {
  return {
    table,
    id,
    sealed: "secrets_sealed",
    kid: "secrets_kid",
    generation: "secrets_generation",
    counts: true,
  };
}

const ISSUER_KEYS: Place = {
  table: "issuer_keys",
  id: "kid",
  sealed: "private_jwk_sealed",
  kid: "private_jwk_kid",
  // They are written once.
  generation: "1",
  counts: false,
};

const ISSUERS: Place = {
  table: "issuers",
  id: "id",
  sealed: "login_secret_sealed",
  kid: "login_secret_kid",
  generation: "login_secret_generation",
  counts: true,
};

const IDEMPOTENCY_KEYS: Place = {
  table: "idempotency_keys",
  id: "id",
  sealed: "answer_sealed",
  kid: "answer_kid",
  generation: "claimed_at_ms",
  counts: false,
};

/** No revision moves by re-sealing: what is sealed stays the same. */
export const SEALED_ROWS: Record<Exclude<ResealStage, "grants">, SealedRows> = {
  /** Tombstones included. */
  connectors: sealedRows(secretsOf("connectors"), (teamId, { id, generation }) =>
    connectorSecretsContext(teamId, id, generation),
  ),
  issuer_keys: sealedRows(ISSUER_KEYS, (teamId, { id }) => issuerKeyContext(teamId, id)),
  /** Client secrets with which users sign in. */
  issuers: sealedRows(ISSUERS, (teamId, { id, generation }) => loginSecretContext(teamId, id, generation)),
  /** Authorizations under way. Their own next step numbers its envelope anew, and is not held up by this. */
  authorization_requests: sealedRows(secretsOf("authorization_requests"), (teamId, { id, generation }) =>
    flowSecretsContext(teamId, id, generation),
  ),
  /** The same of installations, and what a registration brought. */
  installation_requests: sealedRows(secretsOf("installation_requests"), (teamId, { id, generation }) =>
    flowSecretsContext(teamId, id, generation),
  ),
  /** Kept answers of creations, which are numbered by the time of their claim. */
  idempotency_keys: sealedRows(IDEMPOTENCY_KEYS, (teamId, { id, generation }) =>
    answerContext(teamId, { id, claimedAtMs: generation }),
  ),
  /** Secrets with which providers sign. */
  triggers: sealedRows(secretsOf("triggers", "connector_id"), (teamId, { id, generation }) =>
    triggerSecretsContext(teamId, id, generation),
  ),
  /** Secrets with which we sign for destinations. */
  destinations: sealedRows(secretsOf("destinations"), (teamId, { id, generation }) =>
    destinationSecretsContext(teamId, id, generation),
  ),
};
