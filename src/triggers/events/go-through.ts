import type { Outcome } from "./dispatch.ts";

/** Where the steps of rounds ended, by the step's name. */
export interface Marks {
  get(step: string): Promise<string | undefined>;
  put(step: string, after: string): Promise<unknown>;
}

/** Keys that are worked on together. */
export const KEYS_AT_ONCE = 50;

interface Step {
  name: string;
  keysPerRound: number;
  /** The next keys that come after `after` and may be worked on, in order; fewer than asked for = the last. */
  list(after: string, limit: number): Promise<string[]>;
  work(keys: string[]): Promise<Outcome[]>;
}

/**
 * A step of a round through keys in order, which goes on where the last one ended, and begins anew after the end: what
 * fails time and again keeps nothing behind it from its turn. Answers what came of it, and whether the next round should
 * come soon: it got on, and has not seen all.
 */
export async function goThrough({ name, keysPerRound, list, work }: Step, marks: Marks) {
  const start = (await marks.get(name)) ?? "";
  const outcomes: Outcome[] = [];
  let after = start;
  let isLast = false;
  try {
    for (let seen = 0; !isLast && seen < keysPerRound; seen += KEYS_AT_ONCE) {
      const keys = await list(after, KEYS_AT_ONCE);
      isLast = keys.length < KEYS_AT_ONCE;
      after = isLast ? "" : (keys.at(-1) ?? "");
      if (keys.length > 0) outcomes.push(...(await work(keys)));
    }
  } finally {
    if (after !== start) await marks.put(name, after);
  }
  return { outcomes, isGettingOn: outcomes.includes(null) && (!isLast || start !== "") };
}
