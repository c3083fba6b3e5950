import type { Caller } from "../callers/caller.ts";
import type { Result } from "../errors.ts";
import type { RateLimiter } from "./rate-limiter.ts";

/** What one token request may cost. A request that is answered from memory spends nothing. */
export interface WorkBudget {
  /** Before the first read of the database or question to a Grant; counts once, however often it is called. */
  spend(): Promise<Result<null>>;
  /** Before a question to a Grant of this connector. */
  askGrant(connectorId: string): Promise<Result<null>>;
}

/** Longer names are of no connector; what is counted under them is one caller's all the same. */
const MAX_REF_CHARS = 200;

/** The counters of one request of this caller. */
export function workBudget(limits: RateLimiter, caller: Caller): WorkBudget {
  let spent: Promise<Result<null>> | null = null;
  const spend = () => {
    spent ??= limits.take("caller", callerKey(caller));
    return spent;
  };
  return {
    spend,
    async askGrant(connectorId) {
      const [byCaller, byConnector] = await Promise.all([spend(), limits.take("connector", connectorId)]);
      return byCaller.ok ? byConnector : byCaller;
    },
  };
}

/** Who a caller's work is counted for: an access token, or a project's environment however many workloads it runs. */
export function callerKey(caller: Caller): string {
  return caller.kind === "access-token"
    ? `access-token ${caller.tokenId}`
    : `workload ${caller.projectId} ${caller.environment}`;
}

/** One caller's requests for one connector, as it is named in the path, that insist on the Grant. */
export function bypassKey(caller: Caller, connectorRef: string): string {
  return `${callerKey(caller)} ${connectorRef.slice(0, MAX_REF_CHARS)}`;
}
