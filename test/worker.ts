import { type Bindings, composeGrantDeps, composeHousekeeperDeps, composeLaneDeps } from "../src/bindings.ts";
import { ConnectorGateObject } from "../src/grants/connector-gate.ts";
import { GrantObject } from "../src/grants/grant.ts";
import { HousekeeperObject } from "../src/housekeeping/housekeeper.ts";
import deployed from "../src/index.ts";
import type { Point } from "../src/metrics/metrics.ts";
import { DestinationLaneObject } from "../src/triggers/lanes/lane.ts";
import { clock } from "./support/clock.ts";
import { objectKeys } from "./support/object-keys.ts";
import { objectPoints } from "./support/object-metrics.ts";

/** The composition of `src/index.ts` with differences: the objects' clock, a key ring that tests can rotate, counters they can read. */
export class Grant extends GrantObject {
  constructor(ctx: DurableObjectState, env: Bindings) {
    const deps = composeGrantDeps(env);
    const metrics = { record: (point: Point) => objectPoints.push(point) };
    super(ctx, env, { ...deps, metrics, now: clock.now, keys: async () => objectKeys.ring ?? deps.keys() });
  }
}

export class ConnectorGate extends ConnectorGateObject {
  constructor(ctx: DurableObjectState, env: Bindings) {
    const deps = composeGrantDeps(env);
    super(ctx, env, { ...deps, now: clock.now, keys: async () => objectKeys.ring ?? deps.keys() });
  }
}

export class Housekeeper extends HousekeeperObject {
  constructor(ctx: DurableObjectState, env: Bindings) {
    const deps = composeHousekeeperDeps(env);
    super(ctx, env, { ...deps, now: clock.now, keys: async () => objectKeys.ring ?? deps.keys() });
  }
}

export class DestinationLane extends DestinationLaneObject {
  constructor(ctx: DurableObjectState, env: Bindings) {
    const deps = composeLaneDeps(env);
    super(ctx, env, { ...deps, now: clock.now, keys: async () => objectKeys.ring ?? deps.keys() });
  }
}

export { Connect } from "../src/index.ts";
export default deployed;
