import { randomBytes } from "node:crypto";
import type { RingChange } from "./options.ts";

/** Master keys as text, `kid:<base64>` each, the primary first. Only their ids are ever shown. */
export type Ring = readonly string[];

export const parseRing = (text: string): Ring =>
  text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
export const formatRing = (ring: Ring): string => ring.join(",");
export const kidOf = (entry: string): string => entry.split(":")[0] ?? "";
export const kidsOf = (ring: Ring): string[] => ring.map(kidOf);

/** A ring of one fresh key. */
export const freshRing = (): Ring => [freshKey("k1")];

/** The ring after the change, and the entry that left it. Throws a sentence where the change makes no sense. */
export function changedRing(ring: Ring, retired: Ring, change: RingChange): { ring: Ring; retired: string | null } {
  switch (change.kind) {
    case "add":
      // No id is used twice: a backup may still need the old key of that name.
      return { ring: [...ring, freshKey(nextKid([...ring, ...retired]))], retired: null };
    case "promote": {
      const entry = find(ring, change.kid);
      return { ring: [entry, ...ring.filter((other) => other !== entry)], retired: null };
    }
    case "drop": {
      const entry = find(ring, change.kid);
      if (entry === ring[0]) throw new Error(`'${change.kid}' is the primary key. Promote another one first.`);
      return { ring: ring.filter((other) => other !== entry), retired: entry };
    }
    case "set":
      return { ring, retired: null };
    default:
      return change satisfies never;
  }
}

/** Why this ring must not be deployed over rows that need those keys ("" = one that nobody here knows); or null. */
export function refusalOf(ring: Ring, referencedKids: readonly string[], dropped: boolean): string | null {
  const missing = referencedKids.filter((kid) => kid !== "" && !kidsOf(ring).includes(kid));
  if (missing.length > 0) {
    return `Stored data needs ${missing.map((kid) => `'${kid}'`).join(", ")}, which the ring would lack. See GET /v1/keys.`;
  }
  if (dropped && referencedKids.includes("")) {
    return (
      "Some Grants or dead letters do not say which keys they need. Run POST /v1/keys/reseal to its end, and replay " +
      "the dead letters, or wait until they expire. See GET /v1/keys."
    );
  }
  return null;
}

function find(ring: Ring, kid: string): string {
  const entry = ring.find((candidate) => kidOf(candidate) === kid);
  if (entry === undefined) throw new Error(`The ring has no key '${kid}'; it has ${kidsOf(ring).join(", ")}.`);
  return entry;
}

function nextKid(ring: Ring): string {
  const numbers = kidsOf(ring).map((kid) => Number(/^k(\d+)$/.exec(kid)?.[1] ?? 0));
  return `k${Math.max(...numbers) + 1}`;
}

function freshKey(kid: string): string {
  return `${kid}:${randomBytes(32).toString("base64")}`;
}
