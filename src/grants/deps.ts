import type { ConnectorType } from "../catalog/connector-types.ts";
import type { Driver } from "../catalog/driver.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import type { Services } from "../services.ts";
import type { GrantDirectory } from "./directory.ts";

/** What a Grant object needs of the deployment. The key ring is asked for per call: importing it is asynchronous. */
export interface GrantDeps
  extends Pick<Services, "db" | "leases" | "fetch" | "urlPolicy" | "now" | "randomBytes" | "log" | "metrics"> {
  keys: () => Promise<KeyRing>;
  gate: GrantDirectory["gate"];
  driverOf: (type: ConnectorType) => Driver | null;
}
