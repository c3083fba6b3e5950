import { type App, createApp, type Defer } from "./app.ts";
import {
  type Bindings,
  composeEventDeps,
  composeGrantDeps,
  composeHousekeeperDeps,
  composeLaneDeps,
  composeServices,
} from "./bindings.ts";
import { messageOf } from "./errors.ts";
import { ConnectorGateObject } from "./grants/connector-gate.ts";
import { GrantObject } from "./grants/grant.ts";
import { HousekeeperObject } from "./housekeeping/housekeeper.ts";
import { unusableResponse } from "./http/unusable.ts";
import { ConnectEntrypoint } from "./service-binding/connect-entrypoint.ts";
import { consumeDead, consumeIngest } from "./triggers/events/consumer.ts";
import type { EventDeps } from "./triggers/events/deps.ts";
import { DestinationLaneObject } from "./triggers/lanes/lane.ts";

/** The single writer of one grant. */
export class Grant extends GrantObject {
  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env, composeGrantDeps(env));
  }
}

/** What one connector's grants must know of each other. */
export class ConnectorGate extends ConnectorGateObject {
  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env, composeGrantDeps(env));
  }
}

/** All periodic work, from one alarm. */
export class Housekeeper extends HousekeeperObject {
  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env, composeHousekeeperDeps(env));
  }
}

/** What is on its way to one destination. */
export class DestinationLane extends DestinationLaneObject {
  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env, composeLaneDeps(env));
  }
}

/** What Workers of the same account are bound to. */
export class Connect extends ConnectEntrypoint {
  constructor(ctx: ExecutionContext, env: Bindings) {
    super(ctx, env, () => appOf(env));
  }
}

/** Built once per isolate. The finished value is kept, never its promise: that must not cross requests. */
let app: App | null = null;

async function appOf(env: Bindings): Promise<App> {
  app ??= createApp(await composeServices(env));
  return app;
}

async function firstFetch(request: Request, env: Bindings, defer: Defer): Promise<Response> {
  try {
    app = await appOf(env);
  } catch (error) {
    return unusableResponse(error);
  }
  return app.fetch(request, defer);
}

let eventDeps: EventDeps | null = null;

/** The Housekeeper sees to what a consumer leaves behind. When nothing came for long it rests, so it is woken here. */
function firstDeps(env: Bindings, ctx: ExecutionContext): EventDeps {
  const deps = composeEventDeps(env);
  const nudge = env.HOUSEKEEPERS.getByName("housekeeper").nudge();
  ctx.waitUntil(nudge.catch((error: unknown) => deps.log.warn("housekeeper.not_nudged", { reason: messageOf(error) })));
  return deps;
}

export default {
  fetch(request, env, ctx) {
    const defer = (work: Promise<unknown>) => ctx.waitUntil(work);
    // A built app is used without waiting.
    return app === null ? firstFetch(request, env, defer) : app.fetch(request, defer);
  },

  async queue(batch, env, ctx) {
    eventDeps ??= firstDeps(env, ctx);
    await (batch.queue.endsWith("-dead") ? consumeDead : consumeIngest)(batch.messages, eventDeps);
  },

  async scheduled(_controller, env) {
    await env.HOUSEKEEPERS.getByName("housekeeper").arm();
  },
} satisfies ExportedHandler<Bindings>;
