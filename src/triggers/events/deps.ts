import type { KeyRing } from "../../crypto/key-ring.ts";
import type { Services } from "../../services.ts";

/** What the event log works with. The key ring is asked for per use: importing it is asynchronous. */
export interface EventDeps
  extends Pick<Services, "db" | "events" | "blobs" | "lanes" | "grants" | "now" | "randomBytes" | "log"> {
  keys: () => Promise<KeyRing>;
}
