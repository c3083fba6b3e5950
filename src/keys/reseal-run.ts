import { type Database, type Statement, sql } from "../store/database.ts";

/** What is re-sealed, in this order. Access tokens are MACs: only their holders can move them. Payloads expire. */
export const RESEAL_STAGES = [
  "connectors",
  "issuer_keys",
  "issuers",
  "authorization_requests",
  "installation_requests",
  "idempotency_keys",
  "triggers",
  "destinations",
  "grants",
] as const;
export type ResealStage = (typeof RESEAL_STAGES)[number];

/** How far the re-sealing under one primary key has come. */
export interface ResealRun {
  primaryKid: string;
  stage: ResealStage;
  afterKid: string;
  afterId: string;
  resealed: number;
  missed: number;
  /** Null when it is done. */
  dueAtMs: number | null;
  startedAtMs: number;
  finishedAtMs: number | null;
}

const COLUMNS = `primary_kid AS primaryKid, stage, after_kid AS afterKid, after_id AS afterId, resealed, missed,
  due_at_ms AS dueAtMs, started_at_ms AS startedAtMs, finished_at_ms AS finishedAtMs`;

/** The one run that there is, finished or not; null before the first. */
export async function findRun(db: Database): Promise<ResealRun | null> {
  return db.first<ResealRun>(sql(`SELECT ${COLUMNS} FROM key_reseal WHERE singleton = 1`));
}

/** Starts a run under this primary, or hurries the one that is under way. A finished one, or another's, starts over. */
export function startRun(primaryKid: string, nowMs: number): Statement[] {
  return [
    sql("DELETE FROM key_reseal WHERE singleton = 1 AND (primary_kid <> ? OR finished_at_ms IS NOT NULL)", primaryKid),
    sql(
      `INSERT INTO key_reseal (singleton, primary_kid, stage, due_at_ms, started_at_ms) VALUES (1, ?1, 'connectors', ?2, ?2)
       ON CONFLICT (singleton) DO UPDATE SET due_at_ms = excluded.due_at_ms`,
      primaryKid,
      nowMs,
    ),
  ];
}

/** Stores the outcome of a step, unless the run was started over meanwhile. */
export function saveRun(run: ResealRun): Statement {
  return sql(
    `UPDATE key_reseal SET stage = ?, after_kid = ?, after_id = ?, resealed = ?, missed = ?, due_at_ms = ?,
       finished_at_ms = ? WHERE singleton = 1 AND primary_kid = ? AND started_at_ms = ?`,
    run.stage,
    run.afterKid,
    run.afterId,
    run.resealed,
    run.missed,
    run.dueAtMs,
    run.finishedAtMs,
    run.primaryKid,
    run.startedAtMs,
  );
}

/** What one step saw and did. */
export interface ResealStep {
  /** The last row that was looked at; null when there was none. */
  last: { kid: string; id: string } | null;
  /** Whether there may be more rows of this stage. */
  more: boolean;
  resealed: number;
  missed: number;
}

/** The run after a step of its stage: onward at once, or to the next stage; `null` at the end of a pass. */
export function advanceRun(run: ResealRun, step: ResealStep, nowMs: number): ResealRun | null {
  const counted = { ...run, resealed: run.resealed + step.resealed, missed: run.missed + step.missed, dueAtMs: nowMs };
  if (step.more && step.last !== null) return { ...counted, afterKid: step.last.kid, afterId: step.last.id };
  const stage = RESEAL_STAGES[RESEAL_STAGES.indexOf(run.stage) + 1];
  return stage === undefined ? null : { ...counted, stage, afterKid: "", afterId: "" };
}
