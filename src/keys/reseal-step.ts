import { open, seal } from "../crypto/envelope.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import { messageOf } from "../errors.ts";
import type { GrantStub } from "../grants/directory.ts";
import { waitingGrants } from "../grants/index-keys.ts";
import { restMs } from "../housekeeping/revocation-walk.ts";
import type { Services } from "../services.ts";
import type { Statement } from "../store/database.ts";
import { findTeam } from "../team/team-store.ts";
import { referencesBut } from "./key-status.ts";
import { countReferences } from "./references.ts";
import { advanceRun, findRun, type ResealRun, type ResealStep, saveRun } from "./reseal-run.ts";
import { SEALED_ROWS, type SealedRow, type SealedRows } from "./sealed-rows.ts";

export interface ResealDeps extends Pick<Services, "db" | "log" | "now" | "randomBytes"> {
  grants: { grant(name: string, region: string | null): Pick<GrantStub, "reseal"> };
  /** Asked for per step: importing the ring is asynchronous. */
  keys: () => Promise<KeyRing>;
}

export const ROWS_PER_STEP = 25;
const GRANTS_AT_ONCE = 10;

/** When the next step of re-sealing is due (ms), or null if none is owed. */
export async function nextResealAtMs(db: Services["db"]): Promise<number | null> {
  return (await findRun(db))?.dueAtMs ?? null;
}

/**
 * One step of the re-sealing that is due, if any: some rows, or at most `grantsLimit` Grants, whose number it returns.
 * Every step may be repeated, and a run ends when a whole pass has missed nothing and no row needs another key.
 */
export async function stepReseal(grantsLimit: number, deps: ResealDeps): Promise<number> {
  const { db, log, now } = deps;
  const run = await findRun(db);
  if (run?.dueAtMs == null || run.dueAtMs > now()) return 0;
  const keys = await deps.keys();
  if (keys.primaryKid !== run.primaryKid) {
    // This object still runs with the ring of before, or that of after; the next deploy, or the next request, decides.
    log.warn("reseal.other_primary", { primary: keys.primaryKid, wanted: run.primaryKid });
    await db.run(saveRun(rested(run, now())));
    return 0;
  }
  const step =
    run.stage === "grants"
      ? await stepGrants(run, grantsLimit, deps)
      : await stepRows(run, SEALED_ROWS[run.stage], keys, deps);
  await db.run(saveRun(advanceRun(run, step, now()) ?? (await endOfPass(run, step, deps))));
  return run.stage === "grants" ? grantsLimit : 0;
}

async function stepRows(run: ResealRun, kind: SealedRows, keys: KeyRing, deps: ResealDeps): Promise<ResealStep> {
  const { db, log, randomBytes } = deps;
  const rows = await db.all<SealedRow>(kind.page(run, ROWS_PER_STEP));
  const teamId = (await findTeam(db))?.id ?? "";
  const replacements: Statement[] = [];
  for (const row of rows) {
    const opened = await open(keys, kind.context(teamId, row), row.sealed);
    if (!opened.ok) {
      log.error("reseal.unreadable", { table: run.stage, rowId: row.id, errorCode: opened.failure.code });
      continue;
    }
    const generation = kind.nextGeneration(row);
    const sealed = await seal(keys, kind.context(teamId, { ...row, generation }), opened.value, randomBytes);
    replacements.push(kind.replace(row, { id: row.id, kid: keys.primaryKid, sealed, generation }));
  }
  const results = replacements.length === 0 ? [] : await db.batch(replacements);
  return {
    last: rows.at(-1) ?? null,
    more: rows.length === ROWS_PER_STEP,
    // One that somebody changed meanwhile is found by the count at the end, if it needs the old key again.
    resealed: results.filter(({ changes }) => changes > 0).length,
    missed: rows.length - replacements.length,
  };
}

async function stepGrants(run: ResealRun, limit: number, deps: ResealDeps): Promise<ResealStep> {
  const waiting = await waitingGrants(deps.db, run, limit);
  const regions = new Map(waiting.map(({ id, region }) => [id, region]));
  const names = [...regions.keys()];
  const outcomes: boolean[] = [];
  for (let start = 0; start < names.length; start += GRANTS_AT_ONCE) {
    const asked = names.slice(start, start + GRANTS_AT_ONCE);
    outcomes.push(
      ...(await Promise.all(asked.map((name) => askGrant(name, regions.get(name) ?? null, run.primaryKid, deps)))),
    );
  }
  const resealed = outcomes.filter((done) => done).length;
  return { last: waiting.at(-1) ?? null, more: waiting.length === limit, resealed, missed: names.length - resealed };
}

/** Whether the Grant needs no other key any more. */
async function askGrant(
  name: string,
  region: string | null,
  primaryKid: string,
  { grants, log }: ResealDeps,
): Promise<boolean> {
  try {
    const answer = await grants.grant(name, region).reseal(primaryKid);
    if (!answer.done) log.warn("reseal.grant_waits", { reason: answer.reason });
    return answer.done;
  } catch (error) {
    log.warn("reseal.grant_unreachable", { reason: messageOf(error) });
    return false;
  }
}

/** Done, or to be repeated after a while for what was missed or written with another key meanwhile. */
async function endOfPass(run: ResealRun, step: ResealStep, { db, log, now }: ResealDeps): Promise<ResealRun> {
  const resealed = run.resealed + step.resealed;
  const missed = run.missed + step.missed;
  const { accessTokens: _moveByThemselves, ...left } = referencesBut(run.primaryKid, await countReferences(db));
  if (missed > 0 || Object.values(left).some((count) => count > 0)) {
    log.warn("reseal.pass_incomplete", { missed, ...left });
    return rested({ ...run, resealed, missed: 0, stage: "connectors", afterKid: "", afterId: "" }, now());
  }
  log.info("reseal.done", { primary: run.primaryKid, resealed });
  return { ...run, resealed, missed: 0, dueAtMs: null, finishedAtMs: now() };
}

function rested(run: ResealRun, nowMs: number): ResealRun {
  return { ...run, dueAtMs: nowMs + restMs(run.startedAtMs, nowMs) };
}
