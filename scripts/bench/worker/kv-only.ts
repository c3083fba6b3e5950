import { type App, createApp } from "../../../src/app.ts";
import { type Bindings, composeServices } from "../../../src/bindings.ts";
import { createTokenCaches } from "../../../src/tokens/token-caches.ts";

// The deployed modules with a token memory of one entry. A load that never asks for the same connector twice in a row
// finds nothing in it, so that every request is answered by KV: the rung that a cold isolate stands on.

export { ConnectorGate, DestinationLane, Grant, Housekeeper } from "../../../src/index.ts";

let app: App | null = null;

export default {
  async fetch(request, env, ctx) {
    app ??= createApp({ ...(await composeServices(env)), tokenCaches: createTokenCaches(1) });
    return app.fetch(request, (work) => ctx.waitUntil(work));
  },
} satisfies ExportedHandler<Bindings>;
