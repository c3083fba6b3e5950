import type { GrantDeps } from "./deps.ts";
import type { FailureMemory } from "./failure-memory.ts";
import type { GrantStore } from "./grant-store.ts";
import type { Leasing } from "./leasing.ts";
import type { MintsUnderWay } from "./mints-under-way.ts";
import type { TokenVault } from "./token-vault.ts";

/** What the parts of one Grant share. */
export interface GrantParts {
  /** Of the object. */
  name: string;
  deps: GrantDeps;
  store: GrantStore;
  vault: TokenVault;
  leasing: Leasing;
  underWay: MintsUnderWay;
  failures: FailureMemory;
  /** Arms the one alarm for whatever is due next. Never rejects. */
  schedule: () => Promise<void>;
  /** Keeps the object alive for work that nobody waits for. */
  defer: (work: Promise<unknown>) => void;
}
