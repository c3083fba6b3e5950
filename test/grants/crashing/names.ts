// What the table of `docs/reliability.md` is made of. Node reads it, too: it imports nothing.

export const ROTATIONS = ["stable", "grace", "strict"] as const;
/** What a provider does to the refresh token, as `GrantPolicy` says. */
export type Rotation = (typeof ROTATIONS)[number];

export const NETWORKS = ["answered", "answer lost", "never received"] as const;
/** What the network does to the first refresh that is sent. */
export type Network = (typeof NETWORKS)[number];

/**
 * Where a refresh has come to: `preparing` until the gate permits it, `permitted` until it is sent, `asking` until the
 * network is done with it, `answered` until what came home is written down, `written` from then on.
 */
export const STAGES = ["preparing", "permitted", "asking", "answered", "written"] as const;
export type Stage = (typeof STAGES)[number];

/** The `occurrence`th time that the object comes to a place (`points.ts`) in that stage. */
export interface CrashPoint {
  stage: Stage;
  place: string;
  occurrence: number;
}

/** How the runs ended in which the object died at one point. */
export interface PointReport extends CrashPoint {
  kept: number;
  lost: number;
  wrong: number;
}

export interface MatrixReport {
  points: PointReport[];
  /** Of each run that should not have ended as it did. */
  wrongs: string[];
}

export interface CrowdReport {
  refreshes: number;
  errors: string[];
  tokens: number;
  /** Whether the grant lives on: the next refresh, with the refresh token that this one brought, succeeds. */
  goesOn: boolean;
}
