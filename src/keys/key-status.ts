import type { KeyRing } from "../crypto/key-ring.ts";
import { noReferences, REFERRERS, type ReferenceCounts, UNKNOWN_KID } from "./references.ts";
import type { ResealRun } from "./reseal-run.ts";
import type { UnderWay } from "./under-way.ts";

export interface KeyStatus {
  kid: string;
  /** Whether this deployment's ring has it. */
  configured: boolean;
  primary: boolean;
  references: ReferenceCounts;
  /** Nothing needs it any more, as far as the index knows, and nothing can that is under way. */
  mayBeDropped: boolean;
}

/** What the operator of a rotation has to know; ids and numbers, never key material. */
export interface RingStatus {
  primary: string;
  keys: KeyStatus[];
  /** Grants that may need any key, until they have been asked. */
  grantsOfUnknownKey: number;
  /** Dead letters that may, until they are replayed or expire. */
  deadLettersOfUnknownKey: number;
  /** Messages that may need any key but the primary; null = there can be none. */
  underWay: UnderWay | null;
  reseal: ResealStatus | null;
}

export interface ResealStatus {
  primary: string;
  state: "running" | "done";
  startedAt: number;
  finishedAt: number | null;
  /** When the next step is due; null when it is done. */
  nextStepAt: number | null;
  resealed: number;
  /** Not re-sealed in the pass under way, for whatever the log says; the pass will be repeated for them. */
  missed: number;
  /** Rows that still need another key. Access tokens move when they are next presented, payloads of events expire. */
  remaining: ReferenceCounts;
}

/** The state of the ring: its keys in order, then those that rows need and the ring lacks. */
export function ringStatus(
  { kids, primaryKid }: Pick<KeyRing, "kids" | "primaryKid">,
  counts: ReadonlyMap<string, ReferenceCounts>,
  run: ResealRun | null,
  underWay: UnderWay | null,
): RingStatus {
  const unknown = counts.get(UNKNOWN_KID) ?? noReferences();
  const known = new Set([...kids, ...counts.keys()]);
  known.delete(UNKNOWN_KID);
  const keys = [...known].map((kid): KeyStatus => {
    const references = counts.get(kid) ?? noReferences();
    const configured = kids.includes(kid);
    const primary = kid === primaryKid;
    const mayBeDropped = configured && !primary && underWay === null && total(references) + total(unknown) === 0;
    return { kid, configured, primary, references, mayBeDropped };
  });
  return {
    primary: primaryKid,
    keys,
    grantsOfUnknownKey: unknown.grants,
    deadLettersOfUnknownKey: unknown.deadLetters,
    underWay,
    reseal: run && resealStatus(run, counts),
  };
}

function resealStatus(run: ResealRun, counts: ReadonlyMap<string, ReferenceCounts>): ResealStatus {
  return {
    primary: run.primaryKid,
    state: run.dueAtMs === null ? "done" : "running",
    startedAt: run.startedAtMs,
    finishedAt: run.finishedAtMs,
    nextStepAt: run.dueAtMs,
    resealed: run.resealed,
    missed: run.missed,
    remaining: referencesBut(run.primaryKid, counts),
  };
}

/** How many rows need another key than this one. */
export function referencesBut(kid: string, counts: ReadonlyMap<string, ReferenceCounts>): ReferenceCounts {
  const sum = noReferences();
  for (const [other, references] of counts) {
    for (const referrer of other === kid ? [] : REFERRERS) sum[referrer] += references[referrer];
  }
  return sum;
}

function total(references: ReferenceCounts): number {
  return REFERRERS.reduce((sum, referrer) => sum + references[referrer], 0);
}
