import type { WorkloadCaller } from "./caller.ts";
import type { Identity } from "./identity-rules.ts";
import type { VerifiedClaims } from "./registered-claims.ts";

/** A workload that proved who it is, and how long its token may be believed without another look. */
export interface Identified {
  caller: WorkloadCaller;
  /** 0 = never. */
  rememberUntilMs: number;
}

export function workloadCaller({ projectId, environment }: Identity, verified: VerifiedClaims): WorkloadCaller {
  return { kind: "workload", projectId, environment, issuer: verified.issuer, subject: verified.subject };
}
