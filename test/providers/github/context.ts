import type { SeenAppJwts } from "./authentication.ts";
import type { Call, Reply } from "./http.ts";
import type { Webhooks } from "./webhooks.ts";
import type { World } from "./world.ts";

/** What routes work on. */
export interface Context {
  world: World;
  hooks: Webhooks;
  jwts: SeenAppJwts;
}

/** `path` is below the API's base, or that of the web host; `:name` stands for one segment. */
export interface Route {
  /** What counters, the log and faults call it. */
  name: string;
  method: string;
  path: string;
  handle(call: Call): Reply | Promise<Reply>;
}
